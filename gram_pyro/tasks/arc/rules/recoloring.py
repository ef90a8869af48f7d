"""Rules that change colors and leave each cell where it is."""

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.rules.base import Parameters, Rule, one_of
from gram_pyro.tasks.arc.rules.draw import (
    COLORS,
    blank,
    boxes,
    cells,
    color,
    colors,
    components,
    mosaic,
    scattered,
    size,
)
from gram_pyro.tasks.arc.views import Cells

GRAY = 5


def color_map(rng: Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw three colors and the new ones of them."""
    return colors(3)(rng), colors(3)(rng)


def recolor(grid: Cells, parameters: Parameters) -> Cells:
    """Give each old color its new one."""
    names = np.arange(10)
    names[list(parameters[0])] = parameters[1]
    return names[grid]


def swap(grid: Cells, pair: tuple[int, int]) -> Cells:
    """Exchange two colors."""
    return recolor(grid, (pair, pair[::-1]))


def invert(grid: Cells, _: Parameters) -> Cells:
    """Exchange black and the one other color."""
    return np.where(grid == 0, grid.max(), 0)


def by_legend(grid: Cells, _: Parameters) -> Cells:
    """Color the gray cells of a row as its first cell."""
    return np.where(grid == GRAY, grid[:, :1], grid)


def with_legend(rng: Generator, _: Parameters) -> Cells:
    """Draw gray cells in rows that start with a color each, and a black column after it."""
    rows, columns = size(rng, 4)
    grid = np.where(rng.random((rows, columns)) < 0.5, GRAY, 0)
    grid[:, 0], grid[:, 1] = rng.choice(COLORS[COLORS != GRAY], rows), 0
    return grid


def by_key(grid: Cells, _: Parameters) -> Cells:
    """Rename colors as the first two columns say: the left one becomes the right one."""
    return np.concatenate([grid[:, :2], recolor(grid[:, 2:], (grid[:, 0], grid[:, 1]))], 1)


def with_key(rng: Generator, _: Parameters) -> Cells:
    """Draw a mosaic with its key to the left."""
    rows, columns = size(rng, 4, 8)
    key = np.stack([rng.choice(COLORS, rows, replace=False), rng.choice(COLORS, rows)], 1)
    return np.concatenate([key, rng.choice(np.append(key[:, 0], 0), (rows, columns))], 1)


def by_parity(grid: Cells, parameters: tuple[int, int, int]) -> Cells:
    """Color the cells of even rows or columns one way and the others another."""
    axis, first, second = parameters
    odd = np.indices(grid.shape)[axis] % 2
    return np.where(grid == 0, 0, np.where(odd == 0, first, second))


def by_size(grid: Cells, names: tuple[int, ...]) -> Cells:
    """Color each object by its number of cells, 1 to 4; the last color for more."""
    found = np.zeros_like(grid)
    for mask in components(grid):
        found[mask] = names[min(int(mask.sum()), len(names)) - 1]
    return found


def pieces(rng: Generator, _: Parameters) -> Cells:
    """Draw gray bars of one to four cells that do not touch."""
    grid = blank(rng, 7)
    for length in (1, 2, 3, 4, *rng.integers(1, 5, 4).tolist()):
        shape = (1, length) if rng.random() < 0.5 else (length, 1)
        top, left = (int(rng.integers(0, whole - own + 1)) for whole, own in zip(grid.shape, shape, strict=True))
        if not grid[max(0, top - 1) : top + shape[0] + 1, max(0, left - 1) : left + shape[1] + 1].any():
            grid[top : top + shape[0], left : left + shape[1]] = GRAY
    return grid


def mark_most(grid: Cells, most: int) -> Cells:
    """Color the cells of the most frequent color, of the least if not `most`, and blacken the others."""
    counts = np.bincount(grid.ravel(), minlength=10)
    counts[0] = 0
    wanted = counts.argmax() if most else np.where(counts == 0, grid.size, counts).argmin()
    return np.where(grid == wanted, grid, 0)


def uneven(rng: Generator, _: Parameters) -> Cells:
    """Draw a grid of three colors, no two of which are as frequent."""
    while True:
        grid = scattered(rng, colors(3)(rng), 0.7)
        counts = np.bincount(grid.ravel(), minlength=10)[1:]
        if len({*counts[counts > 0].tolist()}) == 3 == (counts > 0).sum():
            return grid


def only(grid: Cells, name: int) -> Cells:
    """Keep one color alone."""
    return np.where(grid == name, grid, 0)


def without(grid: Cells, name: int) -> Cells:
    """Blacken one color."""
    return np.where(grid == name, 0, grid)


def having(rng: Generator, *names: int) -> Cells:
    """Draw a mosaic in which some colors occur beside others."""
    return np.where(rng.random((grid := mosaic(rng)).shape) < 0.5, rng.choice(names, grid.shape), grid)


RULES = {
    "recolor": Rule(recolor, lambda rng, p: scattered(rng, p[0], 0.7), color_map),
    "swap-colors": Rule(swap, lambda rng, p: having(rng, *p), colors(2)),
    "keep-color": Rule(only, lambda rng, p: having(rng, p), color),
    "remove-color": Rule(without, lambda rng, p: having(rng, p), color),
    "invert": Rule(invert, lambda rng, _: scattered(rng, colors(1)(rng), 0.5)),
    "legend": Rule(by_legend, with_legend),
    "key": Rule(by_key, with_key),
    "parity": Rule(
        by_parity, lambda rng, _: scattered(rng, (GRAY,), 0.7), lambda rng: (int(rng.integers(2)), *colors(2)(rng))
    ),
    "color-by-size": Rule(by_size, pieces, colors(4)),
    "mark-most": Rule(mark_most, uneven, one_of(0, 1)),
    "fill-black": Rule(lambda grid, name: np.where(grid == 0, name, grid), cells(0.6), color),
    "one-color": Rule(lambda grid, name: np.where(grid == 0, 0, name), lambda rng, _: boxes(rng, 4), color),
}
