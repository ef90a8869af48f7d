"""How the cells of a canvas are related."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gram_pyro.tasks.arc.canvas import FIRST_COLOR
from gram_pyro.tasks.grid import related


@lru_cache(maxsize=2)
def lines_of(side: int) -> Tensor:
    """Return same row, same column and neighbour, of which a cell has up to four: `(3, cells, cells)`."""
    places = np.arange(side * side)
    rows, columns = places // side, places % side
    apart = np.abs(rows - rows[:, None]) + np.abs(columns - columns[:, None])
    return torch.cat([related(np.stack([rows, columns])), torch.from_numpy(apart == 1).float()[None]])


def same_color(tokens: Tensor) -> Tensor:
    """Return which cells of each input `(batch, cells)` have one color: `(batch, 1, cells, cells)`."""
    same = (tokens[:, :, None] == tokens[:, None]) & (tokens >= FIRST_COLOR)[:, :, None]
    return (same & ~torch.eye(tokens.shape[1], dtype=torch.bool))[:, None].float()
