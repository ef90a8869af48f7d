"""Rules that count, sort and compare."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.rules.base import Parameters, Rule, one_of
from gram_pyro.tasks.arc.rules.draw import COLORS, boxes, color, colors, components, size
from gram_pyro.tasks.arc.rules.recoloring import uneven
from gram_pyro.tasks.arc.views import Cells

WALL = 5
OPERATIONS: dict[str, Callable[[Cells, Cells], Cells]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "nor": lambda a, b: ~(a | b),
}


def ranked(grid: Cells) -> list[int]:
    """Return the colors other than black, the most frequent first and the lower name first if as frequent."""
    counts = np.bincount(grid.ravel(), minlength=10)
    return [int(name) for name in np.argsort(-counts, kind="stable") if name and counts[name]]


def count_cells(grid: Cells, turned: int) -> Cells:
    """Return a row, or a column, as long as there are colored cells, in their color."""
    row = np.full((1, max(1, int((grid != 0).sum()))), grid.max())
    return row.T if turned else row


def few(rng: Generator, _: Parameters) -> Cells:
    """Draw one to nine cells of one color."""
    grid = np.zeros(size(rng), dtype=np.int8)
    places = rng.choice(grid.size, int(rng.integers(1, 10)), replace=False)
    grid.ravel()[places] = rng.choice(COLORS)
    return grid


def count_objects(grid: Cells, name: int) -> Cells:
    """Return a diagonal as long as there are objects."""
    return np.eye(max(1, len(components(grid))), dtype=np.int8) * name


def bars(grid: Cells, _: Parameters) -> Cells:
    """Return a row for each color, the most frequent first, as long as it is frequent."""
    names = ranked(grid) or [0]
    counts = np.array([int((grid == name).sum()) for name in names])
    return np.where(np.arange(counts.max()) < counts[:, None], np.array(names)[:, None], 0)


def little(rng: Generator, _: Parameters) -> Cells:
    """Draw two or three colors, at most ten cells of each, no two as frequent."""
    grid = np.zeros(size(rng, 5), dtype=np.int8)
    places = rng.permutation(grid.size)
    for name in colors(int(rng.integers(2, 4)))(rng):
        while (count := int(rng.integers(1, 9))) in {int((grid == other).sum()) for other in ranked(grid)}:
            pass
        grid.ravel()[places[:count]], places = name, places[count:]
    return grid


def sort_rows(grid: Cells, descending: int) -> Cells:
    """Sort the rows by their number of colored cells, those of one number in the order they had."""
    counts = (grid != 0).sum(1)
    return grid[np.argsort(-counts if descending else counts, kind="stable")]


def bars_of_rows(rng: Generator, _: Parameters) -> Cells:
    """Draw a bar from the left in each row, all of different lengths."""
    rows = int(rng.integers(3, 8))
    lengths = 1 + rng.permutation(rows)
    names = rng.choice(COLORS, rows)
    return np.where(np.arange(rows) < lengths[:, None], names[:, None], 0)


def mark_longest(grid: Cells, parameters: tuple[int, int]) -> Cells:
    """Color the longest row, or the shortest, all in one color."""
    longest, name = parameters
    counts = (grid != 0).sum(1)
    row = counts.argmax() if longest else counts.argmin()
    return np.where((np.arange(len(grid)) == row)[:, None] & (grid != 0), name, grid)


def panels(grid: Cells) -> tuple[Cells, Cells]:
    """Return what stands to the left and to the right of the wall in the middle."""
    middle = grid.shape[1] // 2
    return grid[:, :middle], grid[:, grid.shape[1] - middle :]


def combine(grid: Cells, parameters: tuple[str, int]) -> Cells:
    """Color the cells for which the two panels together say so."""
    operation, name = parameters
    left, right = panels(grid)
    return np.where(OPERATIONS[operation](left != 0, right != 0), name, 0)


def overlay(grid: Cells, first: int) -> Cells:
    """Lay one panel over the other: black lets through."""
    above, below = panels(grid)[:: 1 if first else -1]
    return np.where(above != 0, above, below)


def two_panels(rng: Generator, _: Parameters) -> Cells:
    """Draw two panels with a gray wall between; each has one color."""
    rows, columns = int(rng.integers(3, 8)), int(rng.integers(2, 5))
    names = rng.choice(COLORS[COLORS != WALL], 2, replace=False)
    left, right = (np.where(rng.random((rows, columns)) < 0.5, name, 0) for name in names)
    return np.concatenate([left, np.full((rows, 1), WALL), right], 1)


def odd_one_out(grid: Cells, _: Parameters) -> Cells:
    """Return the one of three squares, one above the other, that differs from the others."""
    square = len(grid) // 3
    first, second, third = (grid[square * place : square * (place + 1)] for place in range(3))
    return third if (first == second).all() else second if (first == third).all() else first


def three_squares(rng: Generator, _: Parameters) -> Cells:
    """Draw three squares, two of which are the same."""
    side = int(rng.integers(2, 4))
    same, odd = (rng.choice(np.array([0, *colors(2)(rng)]), (side, side)) for _ in range(2))
    parts = [same, same]
    parts.insert(int(rng.integers(3)), odd)
    return np.concatenate(parts)


def distinct_rows(grid: Cells, _: Parameters) -> Cells:
    """Leave out rows that are like the one before."""
    new = np.append(True, (grid[1:] != grid[:-1]).any(1))
    return grid.compress(new, axis=0)


def repeated_rows(rng: Generator, _: Parameters) -> Cells:
    """Draw rows some of which are repeated."""
    rows = rng.choice(np.array([0, *colors(3)(rng)]), (int(rng.integers(2, 5)), int(rng.integers(2, 7))))
    return np.repeat(rows, rng.integers(1, 3, len(rows)), 0)


def different_panels(rng: Generator, _: Parameters) -> Cells:
    """Draw two panels of some colors with a gray wall between."""
    left, right = rng.choice(np.array([0, *colors(3)(rng)]), (2, int(rng.integers(2, 9)), int(rng.integers(2, 5))))
    return np.concatenate([left, np.full((len(left), 1), WALL), right], 1)


RULES = {
    "count-cells": Rule(count_cells, few, one_of(0, 1)),
    "count-objects": Rule(count_objects, lambda rng, _: boxes(rng, int(rng.integers(1, 6)), 1, 3), color),
    "most-frequent": Rule(
        lambda grid, most: np.array([[(ranked(grid) or [0])[0 if most else -1]]]), uneven, one_of(0, 1)
    ),
    "bars": Rule(bars, little),
    "sort-rows": Rule(sort_rows, bars_of_rows, one_of(0, 1)),
    "mark-row": Rule(mark_longest, bars_of_rows, lambda rng: (int(rng.integers(2)), color(rng))),
    "combine": Rule(combine, two_panels, lambda rng: (str(rng.choice([*OPERATIONS])), color(rng))),
    "overlay": Rule(overlay, two_panels, one_of(0, 1)),
    "odd-one-out": Rule(odd_one_out, three_squares),
    "distinct-rows": Rule(distinct_rows, repeated_rows),
    "palette": Rule(lambda grid, _: np.array([ranked(grid) or [0]]), little),
    "half": Rule(lambda grid, side: panels(grid)[side], different_panels, one_of(0, 1)),
}
