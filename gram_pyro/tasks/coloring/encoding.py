"""Encoded graphs, in either layout."""

from __future__ import annotations

import torch
from torch import Tensor

from gram_pyro.tasks.base import Problems


def adjacency_of(problems: Problems) -> Tensor:
    """Return the adjacency matrices of encoded graphs: `(batch, n, n)`."""
    if problems.relations is not None:
        return problems.relations[:, 0].bool()
    n = problems.answered
    rows, columns = torch.triu_indices(n, n, 1)
    joined = problems.tokens.new_zeros(len(problems.tokens), n, n, dtype=torch.bool)
    joined[:, rows, columns] = problems.tokens[:, : len(rows)] == 2
    return joined | joined.mT
