"""Views of a grid: turned or mirrored, its colors renamed, moved on the canvas; each with its way back."""

from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Grid = tuple[tuple[int, ...], ...]
"""Rows of colors from 0 to 9."""
Cells = NDArray[Any]
"""The same as an array `(rows, columns)`."""
DIHEDRAL = 8


class View(NamedTuple):
    """What is done to a grid before the network sees it, in this order."""

    number: int = 0
    """Which of a puzzle's views it is; 0 for the grid as it is."""
    dihedral: int = 0
    """Quarter turns counterclockwise, and 4 more if a mirror image left to right comes before them."""
    colors: tuple[int, ...] = tuple(range(10))
    """The new name of each color."""
    shift: tuple[int, int] = (0, 0)
    """Rows and columns from the corner of the canvas to that of the grid."""

    def apply(self, grid: Grid) -> Grid:
        """Return what the network sees of a grid; the shift is up to the canvas."""
        cells = np.array(grid)
        mirrored = np.fliplr(cells) if self.dihedral >= 4 else cells
        return grid_of(np.array(self.colors)[np.rot90(mirrored, self.dihedral % 4)])

    def undo(self, grid: Grid) -> Grid:
        """Return the grid that `apply` makes this one of."""
        turned = np.rot90(np.argsort(self.colors)[np.array(grid)], -(self.dihedral % 4))
        return grid_of(np.fliplr(turned) if self.dihedral >= 4 else turned)


IDENTITY = View()


def view_of(key: str, number: int) -> View:
    """Return a view of the puzzle with a `key`, the same each time: number 0 leaves it, others are random.

    Black keeps its name, and the first eight views are all turns and mirror images.
    """
    if number == 0:
        return IDENTITY
    seed = blake2b(f"{key} {number}".encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    return View(number, number % DIHEDRAL, (0, *(1 + rng.permutation(9)).tolist()))


def grid_of(cells: ArrayLike) -> Grid:
    """Return an array `(rows, columns)` as tuples."""
    return tuple(map(tuple, np.asarray(cells).tolist()))
