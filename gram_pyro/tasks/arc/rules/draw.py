"""Random inputs of rules, and what is drawn for them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.rules.base import Parameters
from gram_pyro.tasks.arc.views import Cells

SMALLEST, LARGEST = 3, 10
COLORS = np.arange(1, 10)


def size(rng: Generator, least: int = SMALLEST, most: int = LARGEST) -> tuple[int, int]:
    """Draw rows and columns."""
    rows, columns = rng.integers(least, most + 1, 2).tolist()
    return rows, columns


def color(rng: Generator) -> int:
    """Draw a color other than black."""
    return int(rng.choice(COLORS))


def colors(count: int) -> Callable[[Generator], tuple[int, ...]]:
    """Return a function that draws different colors other than black."""
    return lambda rng: tuple(rng.choice(COLORS, count, replace=False).tolist())


def scattered(rng: Generator, palette: Sequence[int] = (), share: float = 0.4, most: int = LARGEST) -> Cells:
    """Draw single cells of a few colors on black."""
    grid = mosaic(rng, palette, most)
    return np.where(rng.random(grid.shape) < share, grid, 0).astype(np.int8)


def mosaic(rng: Generator, palette: Sequence[int] = (), most: int = LARGEST, least: int = SMALLEST) -> Cells:
    """Draw a grid of a few colors without black."""
    return rng.choice(np.array(palette or colors(4)(rng)), size(rng, least, most)).astype(np.int8)


def cells(share: float = 0.4, most: int = LARGEST) -> Callable[[Generator, Parameters], Cells]:
    """Return a function that draws scattered cells, whatever the parameters."""
    return lambda rng, _: scattered(rng, share=share, most=most)


def blank(rng: Generator, least: int = 6) -> Cells:
    """Draw a black grid."""
    return np.zeros(size(rng, least), dtype=np.int8)


def boxes(
    rng: Generator, count: int, least: int = 1, most: int = 4, palette: Sequence[int] = (), margin: int = 0
) -> Cells:
    """Draw rectangles on black that do not touch, each of one color, all different in area and at most `count`."""
    grid, areas = blank(rng, 8), set[int]()
    for _ in range(10 * count):
        height, width = size(rng, least, most)
        top = rng.integers(margin, grid.shape[0] - height - margin + 1)
        left = rng.integers(margin, grid.shape[1] - width - margin + 1)
        around = grid[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
        if not around.any() and height * width not in areas:
            grid[top : top + height, left : left + width] = rng.choice(np.array(palette or COLORS))
            areas.add(height * width)
        if len(areas) == count:
            break
    return grid


def blob(rng: Generator, cells: int, side: int = 4) -> Cells:
    """Draw a connected shape of 1 and 0 that fills its bounding box."""
    shape = np.zeros((side, side), dtype=np.int8)
    shape[side // 2, side // 2] = 1
    while shape.sum() < cells:
        near = grown(shape) & (shape == 0)
        shape[tuple(rng.choice(np.argwhere(near)))] = 1
    return bounded(shape)


def grown(mask: Cells) -> Cells:
    """Return which cells are colored or have a colored neighbour, of four."""
    padded = np.pad(mask != 0, 1)
    up, down, left, right = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    found: Cells = up | down | left | right | padded[1:-1, 1:-1]
    return found


def bounded(grid: Cells) -> Cells:
    """Return the bounding box of all colored cells; the grid itself if there is none."""
    rows, columns = (np.flatnonzero((grid != 0).any(axis)) for axis in (1, 0))
    return grid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else grid


def components(grid: Cells) -> list[Cells]:
    """Return a mask of each object: colored cells that hang together by their sides, in reading order."""
    left, found = grid != 0, list[Cells]()
    while left.any():
        mask = np.zeros(grid.shape, dtype=bool)
        mask[np.unravel_index(left.argmax(), left.shape)] = True
        while (wider := grown(mask) & left).sum() > mask.sum():
            mask = wider
        left &= ~mask
        found.append(mask)
    return found
