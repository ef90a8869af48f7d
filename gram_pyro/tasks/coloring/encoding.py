"""Graphs as tokens, one for each pair of vertices, and back from either layout."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.tasks.base import Problems


def pair_tokens(adjacency: Tensor, length: int) -> Tensor:
    """Return adjacency matrices `(batch, n, n)` as tokens `(batch, length)`: padding, no edge, edge."""
    rows, columns = torch.triu_indices(adjacency.shape[1], adjacency.shape[1], 1)
    return F.pad(1 + adjacency[:, rows, columns].long(), (0, length - len(rows)))


def adjacency_of(problems: Problems) -> Tensor:
    """Return the adjacency matrices of encoded graphs: `(batch, n, n)`."""
    if problems.relations is not None:
        return problems.relations[:, 0].bool()
    n = problems.answered
    rows, columns = torch.triu_indices(n, n, 1)
    joined = problems.tokens.new_zeros(len(problems.tokens), n, n, dtype=torch.bool)
    joined[:, rows, columns] = problems.tokens[:, : len(rows)] == 2
    return joined | joined.mT
