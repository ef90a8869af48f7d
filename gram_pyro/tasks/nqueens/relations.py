"""How the cells of a board are related."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gram_pyro.tasks.grid import related
from gram_pyro.tasks.nqueens.solver import diagonals


@lru_cache(maxsize=8)
def relations_of(size: int) -> Tensor:
    """Return same row, same column, same rising and same falling diagonal: `(4, cells, cells)`."""
    row, column = np.divmod(np.arange(size * size), size)
    return related(np.stack([row, column, row + column, row - column]))


def excluded_relations(size: int, marks: Tensor) -> Tensor:
    """Return same excluded rising and same excluded falling diagonal: `(batch, 2, cells, cells)`.

    `marks` `(batch, diagonals)`, 1.0 at excluded `diagonals`. Their cells are related to themselves, too: a corner is
    alone on its diagonal.
    """
    falling_and_rising = torch.from_numpy(diagonals(size)).float().view(2, -1, size * size)
    marked = torch.einsum("bkd,kdi->bki", marks.view(len(marks), 2, -1), falling_and_rising)
    return (marked[..., None] * (falling_and_rising.mT @ falling_and_rising)).flip(1)
