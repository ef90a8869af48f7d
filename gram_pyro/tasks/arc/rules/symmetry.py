"""Rules of mirror images, turns and repetitions."""

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.rules.base import Parameters, Rule, one_of
from gram_pyro.tasks.arc.rules.draw import COLORS, LARGEST, cells, mosaic, scattered, size
from gram_pyro.tasks.arc.views import Cells

AXES = one_of(0, 1)
FACTORS = one_of(2, 3)
SMALL, TINY = LARGEST // 2, LARGEST // 3


def mirror_beside(grid: Cells, side: int) -> Cells:
    """Put the mirror image below, to the right, above or to the left."""
    axis, before = side % 2, side >= 2
    image = np.flip(grid, axis)
    return np.concatenate([image, grid] if before else [grid, image], axis)


def four_fold(grid: Cells, corner: int) -> Cells:
    """Mirror a grid to both sides; it stands in one of the four corners."""
    below, beside = corner % 2, corner // 2
    return mirror_beside(mirror_beside(grid, 2 * below), 1 + 2 * beside)


def pinwheel(grid: Cells, turns: int) -> Cells:
    """Put four quarter turns around the middle, one after the other in the one sense or the other."""
    first, second, third, fourth = (np.rot90(grid, turns * number) for number in range(4))
    return np.block([[first, second], [fourth, third]])


def half_erased(rng: Generator, axis: int) -> Cells:
    """Draw a symmetric grid without black whose one half has a hole."""
    grid = mosaic(rng, most=SMALL)
    whole = np.concatenate([grid, np.flip(grid, axis)], axis)
    height, width = size(rng, 2, 3)
    top, left = rng.integers(0, grid.shape[0] - height + 1), rng.integers(0, grid.shape[1] - width + 1)
    whole[top : top + height, left : left + width] = 0
    return np.flip(whole, axis) if rng.random() < 0.5 else whole


def even(rng: Generator, _: Parameters) -> Cells:
    """Draw scattered cells in a grid of even sides."""
    rows, columns = size(rng, 1, SMALL)
    return scattered_in(rng, 2 * rows, 2 * columns)


def square(rng: Generator, _: Parameters) -> Cells:
    """Draw scattered cells in a small square."""
    side = int(rng.integers(2, SMALL + 1))
    return scattered_in(rng, side, side)


def scattered_in(rng: Generator, rows: int, columns: int) -> Cells:
    """Draw scattered cells of all colors."""
    return np.where(rng.random((rows, columns)) < 0.6, rng.choice(COLORS[:4], (rows, columns)), 0)


RULES = {
    "mirror": Rule(np.flip, cells(), AXES),
    "turn": Rule(np.rot90, cells(), one_of(1, 2, 3)),
    "transpose": Rule(lambda grid, turns: np.rot90(grid, turns).T, cells(), one_of(0, 2)),
    "mirror-beside": Rule(mirror_beside, cells(0.5, SMALL), one_of(0, 1, 2, 3)),
    "four-fold": Rule(four_fold, cells(0.5, SMALL), one_of(0, 1, 2, 3)),
    "pinwheel": Rule(pinwheel, square, one_of(1, 3)),
    "complete-symmetry": Rule(lambda grid, axis: np.maximum(grid, np.flip(grid, axis)), half_erased, AXES),
    "tile": Rule(np.tile, cells(0.5, TINY), one_of((1, 2), (2, 1), (2, 2), (3, 1), (1, 3), (3, 3))),
    "roll": Rule(lambda grid, by: np.roll(grid, by, (0, 1)), cells(), one_of((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1))),
    "swap-halves": Rule(lambda grid, axis: np.roll(grid, grid.shape[axis] // 2, axis), even, AXES),
    "enlarge": Rule(lambda grid, by: np.kron(grid, np.ones((by, by), grid.dtype)), cells(0.5, TINY), FACTORS),
    "reduce": Rule(
        lambda grid, by: grid[::by, ::by],
        lambda rng, by: np.kron(scattered(rng, most=TINY, share=0.5), np.ones((by, by), np.int8)),
        FACTORS,
    ),
    "fractal": Rule(
        lambda grid, _: np.kron(grid != 0, grid),
        lambda rng, _: np.where(rng.random((3, 3)) < 0.5, mosaic(rng)[0, 0], 0),
    ),
}
