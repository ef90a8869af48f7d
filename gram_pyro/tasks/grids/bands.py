"""Types of the bands and stacks of grids, and how often each occurs among all grids."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gram_pyro.tasks.sudoku.solver import Grids

TYPES = tuple(f"{rows}, {repeats}" for rows in ("mixed", "pure") for repeats in ("0", "1", "2 or more"))
TYPE_COUNTS = {
    2: (0, 0, 0, 96, 0, 192),
    3: (
        4_639_447_590_661_442_764_800,
        1_575_715_097_871_085_731_840,
        215_908_173_426_940_968_960,
        86_404_003_435_637_637_120,
        99_805_804_923_747_041_280,
        53_623_081_702_218_792_960,
    ),
}
"""How many grids have a first band of each type, by box.

The first band can be completed in a number of ways that depends only on which digits share a column, box by box. Where
digits may be renamed, and boxes and columns may change places, 44 cases remain (Felgenhauer and Jarvis, Mathematics of
Sudoku I, 2006). In each, the columns of the three stacks are counted given the sets of digits in their rows, and the
products are summed over all ways in which the row sets of the other two bands fit together. The sum over all bands is
the number of grids that Felgenhauer and Jarvis found.
"""
NUMBER_OF_GRIDS = {box: sum(counts) for box, counts in TYPE_COUNTS.items()}
TYPE_SHARES = {box: np.array(counts) / NUMBER_OF_GRIDS[box] for box, counts in TYPE_COUNTS.items()}


class ChiSquare(NamedTuple):
    """How far counts are from what they should be: the chance of such a `statistic` or a larger one is `p`."""

    statistic: float
    freedom: int
    p: float


def band_types(grids: Grids) -> NDArray[np.int64]:
    """Return the place in `TYPES` of each band, then of each stack, of solved grids `(grids, cells)`: `(grids, lines)`.

    A band is pure if its boxes have the same three sets of digits in their rows, else mixed. What is counted beside is
    how often two of its boxes have a column with the same set of digits.
    """
    box = round(grids.shape[1] ** 0.25)
    sets = (1 << grids.astype(np.int64)).reshape(-1, box, box, box, box)  # (grid, band, row, stack, column)
    both = np.stack([sets, sets.transpose(0, 3, 4, 1, 2)], axis=1).reshape(-1, box, box, box)
    rows, columns = np.sort(both.sum(3), axis=1), both.sum(1).reshape(len(both), -1)
    pure = (rows == rows[:, :, :1]).all((1, 2))
    repeats = ((columns[:, :, None] == columns[:, None]).sum((1, 2)) - box * box) // 2
    types: NDArray[np.int64] = 3 * pure + np.minimum(repeats, 2)
    return types.reshape(len(grids), 2 * box)


def band_chi_square(grids: Grids) -> ChiSquare:
    """Test whether solved grids `(grids, cells)` have bands and stacks of each type as often as uniform grids.

    Lines of one grid depend on each other, so each grid stands for one of its lines, in turn.
    """
    types = band_types(grids)
    every = np.arange(len(types))
    counts = np.bincount(types[every, every % types.shape[1]], minlength=len(TYPES))
    expected = TYPE_SHARES[round(grids.shape[1] ** 0.25)] * len(grids)
    possible = expected > 0
    statistic = float(((counts - expected)[possible] ** 2 / expected[possible]).sum())
    freedom = int(possible.sum()) - 1
    p = torch.special.gammaincc(*torch.tensor([freedom / 2, statistic / 2], dtype=torch.double))
    return ChiSquare(statistic, freedom, p.item())
