"""Grids of any size on square canvases of one size.

A cell is outside, an end, or one of ten colors. A grid lies at the corner of its canvas, moved by the shift of its
view. The row below it and the column to its right are ends, where the canvas has room for them. On the way back a grid
is cropped to the largest rectangle at that corner that has colors alone: it ends where the ends, or the canvas, begin.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.tasks.arc.views import Grid

OUTSIDE, END, FIRST_COLOR = 0, 1, 2
VALUES = (0, 1, 2, *[3] * 9)
"""A kind for each value: outside, end, black, and nine colors whose names are interchangeable."""


def on_canvas(grid: Grid, side: int, shift: tuple[int, int] = (0, 0)) -> NDArray[np.int8]:
    """Return the values of a grid on a canvas, row by row: `(side * side,)`. What does not fit is cut off."""
    cells = np.pad(np.array(grid, dtype=np.int8) + FIRST_COLOR, ((0, 1), (0, 1)), constant_values=END)
    top, left = shift
    cells = cells[: side - top, : side - left]
    canvas = np.full((side, side), OUTSIDE, dtype=np.int8)
    canvas[top : top + cells.shape[0], left : left + cells.shape[1]] = cells
    return canvas.ravel()


def cropped(values: Sequence[int], side: int, shift: tuple[int, int] = (0, 0)) -> Grid:
    """Return the grid that values `(side * side,)` spell; () if there is no color at its corner."""
    canvas = np.reshape(np.asarray(values), (side, side))[shift[0] :, shift[1] :]
    colored = np.logical_and.accumulate(canvas >= FIRST_COLOR, 1)
    widths = np.minimum.accumulate(colored.sum(1))
    areas = widths * np.arange(1, len(widths) + 1)
    rows = int(areas.argmax()) + 1
    found = canvas[:rows, : widths[rows - 1]] - FIRST_COLOR
    return tuple(map(tuple, found.tolist())) if found.size else ()


def moved(canvases: Tensor, shifts: Tensor) -> Tensor:
    """Return canvases `(batch, ..., length)`, each moved by so many rows and columns `(batch, 2)`."""
    side = round(canvases.shape[-1] ** 0.5)
    places = torch.arange(side)
    rows, columns = (places - shifts[:, axis, None] for axis in (0, 1))  # (batch side)
    inside = (rows >= 0)[:, :, None] & (columns >= 0)[:, None]
    source = (rows.clamp(min=0)[:, :, None] * side + columns.clamp(min=0)[:, None]).flatten(1)
    shape = (len(canvases), *[1] * (canvases.dim() - 2), side * side)
    taken = canvases.gather(-1, source.view(shape).expand_as(canvases))
    return torch.where(inside.flatten(1).view(shape), taken, OUTSIDE)


def room(canvases: Tensor) -> Tensor:
    """Return by how many rows and columns all canvases `(batch, canvases, length)` can move: `(batch, 2)`."""
    side = round(canvases.shape[-1] ** 0.5)
    used = (canvases != OUTSIDE).any(1).view(-1, side, side)
    lines = torch.stack([used.any(2), used.any(1)], 1)  # (batch axis side)
    filled: Tensor = (lines * torch.arange(1, side + 1)).amax(2)
    return side - filled  # type: ignore[no-any-return]
