"""Rules that draw lines and go on with patterns."""

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.rules.base import Parameters, Rule, one_of
from gram_pyro.tasks.arc.rules.draw import COLORS, blank, cells, color, colors, size
from gram_pyro.tasks.arc.views import Cells

TURNS = one_of(0, 1, 2, 3)


def rays(grid: Cells, turns: int) -> Cells:
    """Let every cell shine to one side, up to the next cell or the wall."""
    turned = np.rot90(grid, turns)
    last = np.maximum.accumulate(np.where(turned != 0, np.arange(turned.shape[1]), 0), 1)
    return np.rot90(np.take_along_axis(turned, last, 1), -turns)


def connect(grid: Cells, axis: int) -> Cells:
    """Join cells of one color that stand in one row, or in one column, with a line of it."""
    lines = grid.T if axis else grid
    found = lines.copy()
    for row, line in enumerate(lines):
        for name in {*line.tolist()} - {0}:
            places = np.flatnonzero(line == name)
            found[row, places[0] : places[-1] + 1] = name
    return found.T if axis else found


def pairs_in_lines(rng: Generator, axis: int) -> Cells:
    """Draw two cells of one color in some rows or columns, and a single cell in others."""
    grid = blank(rng)
    for line in rng.permutation(len(grid))[: rng.integers(3, 6)]:
        count = 1 + (rng.random() < 0.7)
        grid[line, rng.choice(grid.shape[1], count, replace=False)] = rng.choice(COLORS)
    return grid.T if axis else grid


def cross(grid: Cells, name: int) -> Cells:
    """Draw the row and the column of a cell, and leave the cell."""
    hit = (grid != 0).any(1)[:, None] | (grid != 0).any(0)
    return np.where(hit & (grid == 0), name, grid)


def diagonal(grid: Cells, rising: int) -> Cells:
    """Draw one of the diagonals through a cell in its color."""
    rows, columns = np.indices(grid.shape)
    slant = np.add(rows, columns) if rising else np.subtract(rows, columns)
    found = grid.copy()
    for row, column in np.argwhere(grid).tolist():
        found[slant == slant[row, column]] = grid[row, column]
    return found


def single(rng: Generator, _: Parameters) -> Cells:
    """Draw one cell away from the corners."""
    grid = blank(rng)
    grid[rng.integers(1, grid.shape[0] - 1), rng.integers(1, grid.shape[1] - 1)] = rng.choice(COLORS)
    return grid


def stripes(grid: Cells, turns: int) -> Cells:
    """Repeat the cells of a wall in all lines beside it."""
    turned = np.rot90(grid, turns)
    return np.rot90(np.repeat(turned[:1], len(turned), 0), -turns)


def on_wall(rng: Generator, turns: int) -> Cells:
    """Draw cells at one wall."""
    grid = np.rot90(blank(rng), turns).copy()
    grid[0] = np.where(rng.random(grid.shape[1]) < 0.6, rng.choice(COLORS, grid.shape[1]), 0)
    return np.rot90(grid, -turns)


def border(grid: Cells, name: int) -> Cells:
    """Color the cells at the walls."""
    return np.pad(grid[1:-1, 1:-1], 1, constant_values=name)


def fill_lines(grid: Cells, parameters: tuple[int, int]) -> Cells:
    """Fill the rows, or columns, that have a cell of one color with it."""
    axis, name = parameters
    return np.where((grid == name).any(1 - axis, keepdims=True), name, grid)


def few_marks(rng: Generator, parameters: tuple[int, int]) -> Cells:
    """Draw scattered cells, one or two of which have the color of the parameters."""
    name = parameters[1]
    grid = cells(0.3)(rng, None)
    grid[grid == name] = 0
    for _ in range(int(rng.integers(1, 3))):
        grid[rng.integers(grid.shape[0]), rng.integers(grid.shape[1])] = name
    return grid


def period(line: Cells) -> int:
    """Return the least period of the columns of a strip `(rows, columns)`."""
    width = line.shape[1]
    return next(by for by in range(1, width + 1) if (line[:, by:] == line[:, : width - by]).all())


def go_on(grid: Cells, turned: int) -> Cells:
    """Go on with a periodic pattern from the left, or from the top, over the black rest."""
    strip = grid.T if turned else grid
    given = int((strip != 0).any(0).sum())
    by = period(strip[:, :given]) if given else 1
    found = strip[:, np.arange(strip.shape[1]) % by]
    return found.T if turned else found


def begun(rng: Generator, turned: int) -> Cells:
    """Draw a pattern of period 2 or 3, begun at least twice."""
    by, rows = int(rng.integers(2, 4)), int(rng.integers(2, 6))
    unit = rng.choice(np.array(colors(3)(rng)), (rows, by)).astype(np.int8)
    whole = np.tile(unit, (1, 5))[:, : int(rng.integers(2 * by + 2, 11))]
    whole[:, int(rng.integers(2 * by, whole.shape[1])) :] = 0
    return whole.T if turned else whole


def steps(grid: Cells, _: Parameters) -> Cells:
    """Build stairs: each row below the first is one cell longer than the one before."""
    length, width = int((grid != 0).sum()), grid.shape[1]
    rows = max(1, width - length + 1)
    return np.where(np.arange(width) < length + np.arange(rows)[:, None], grid.max(), 0)


def bar(rng: Generator, _: Parameters) -> Cells:
    """Draw one row that is begun with a color."""
    width = int(rng.integers(4, 11))
    return np.where(np.arange(width) < rng.integers(1, width), rng.choice(COLORS), 0)[None]


def halved(rng: Generator, _: Parameters) -> Cells:
    """Draw scattered cells on black, with the middle free."""
    grid = np.zeros(size(rng, 5), dtype=np.int8)
    grid[rng.integers(grid.shape[0]), :] = rng.choice(COLORS)
    return grid


def crosswise(grid: Cells, _: Parameters) -> Cells:
    """Add to one full line the column through the middle of it, in its color."""
    found = grid.copy()
    found[:, grid.shape[1] // 2] = grid.max()
    return found


RULES = {
    "rays": Rule(rays, cells(0.15), TURNS),
    "connect": Rule(connect, pairs_in_lines, one_of(0, 1)),
    "cross": Rule(cross, single, color),
    "diagonal": Rule(diagonal, single, one_of(0, 1)),
    "stripes": Rule(stripes, on_wall, TURNS),
    "border": Rule(border, cells(), color),
    "fill-lines": Rule(fill_lines, few_marks, lambda rng: (int(rng.integers(2)), color(rng))),
    "go-on": Rule(go_on, begun, one_of(0, 1)),
    "stairs": Rule(steps, bar),
    "crosswise": Rule(crosswise, halved),
}
