"""How the cells of a board are related."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gram_pyro.tasks.nqueens.solver import diagonals


@lru_cache(maxsize=8)
def relations_of(size: int) -> Tensor:
    """Same row, same column, same rising and same falling diagonal: `(4, cells, cells)`."""
    row, column = np.divmod(np.arange(size * size), size)
    lines = np.stack([row, column, row + column, row - column])
    same = lines[:, :, None] == lines[:, None, :]
    return torch.from_numpy(same & ~np.eye(size * size, dtype=bool)).float()


def own_relations(size: int, marks: Tensor) -> Tensor:
    """Those of `relations_of`, same excluded rising and same excluded falling diagonal: `(batch, 6, cells, cells)`.

    `marks` `(batch, diagonals)` as in `diagonals`. Cells on excluded diagonals are related to themselves, too:
    a corner is alone on its diagonal.
    """
    falling_and_rising = torch.from_numpy(diagonals(size)).float().view(2, -1, size * size)
    marked = torch.einsum("bkd,kdi->bki", marks.float().view(len(marks), 2, -1), falling_and_rising)
    relations = torch.empty(len(marks), 6, size * size, size * size)
    relations[:, :4] = relations_of(size)
    same = falling_and_rising.mT @ falling_and_rising
    torch.mul(marked.flip(1)[..., None], same.flip(0), out=relations[:, 4:])
    return relations


def excluded_cells(relations: Tensor) -> Tensor:
    """Return which cells lie on excluded diagonals, of the relations that `own_relations` made: `(batch, cells)`."""
    return relations[:, 4:].diagonal(dim1=-2, dim2=-1).any(1)


def marks_of(relations: Tensor) -> Tensor:
    """Return the marks `(batch, diagonals)` that `own_relations` made relations of."""
    size = round(relations.shape[-1] ** 0.5)
    lines = torch.from_numpy(diagonals(size)).to(relations).view(2, -1, size * size)
    cells = relations[:, 4:].diagonal(dim1=-2, dim2=-1).flip(1)
    return torch.einsum("bki,kdi->bkd", cells, lines).flatten(1) > 0
