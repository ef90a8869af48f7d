"""Cells of square boards, numbered row by row."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def cell_name(size: int, cell: int) -> str:
    """Return a cell in words, rows and columns counted from 1."""
    return f"row {cell // size + 1}, column {cell % size + 1}"


def related(lines: NDArray[np.int64]) -> Tensor:
    """Return which cells lie on a common line, `(kinds, cells)` -> `(kinds, cells, cells)`, 1.0 or 0.0."""
    same = lines[:, :, None] == lines[:, None, :]
    return torch.from_numpy(same & ~np.eye(lines.shape[1], dtype=bool)).float()
