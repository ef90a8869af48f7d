"""Sudoku grids, drawn uniformly from all that there are.

The first band and the first stack are drawn uniformly, then each further box among all ways to fill it, without
backtracking. A grid weighs one over the probability of that, and is kept with a probability in proportion to it: the
numbers of ways hardly vary, so a tenth of all tries are kept, and what is kept is independent and uniform.
"""

from functools import lru_cache
from itertools import product
from math import factorial
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gram_pyro.tasks.sudoku.generator import random_orders
from gram_pyro.tasks.sudoku.solver import Grids

AT_ONCE = 1024  # proposals, few enough for the cache
MOST_WAYS = {2: 1, 3: 448 * 8 * 8}
"""Most ways to fill all boxes outside the first band and the first stack, one after the other, by box.

Of 9x9 cells, each digit of the middle box has two rows and two columns left. How many digits have which is one of 55
tables, and these have 384 to 448 ways. In the two boxes after it, a digit has one row and two columns left, or the
reverse, and each row can be filled in 2 ways or none. In the last box all digits have one cell.
"""
Digits = NDArray[np.int64]


class Proposals(NamedTuple):
    """Grids that were filled without a dead end."""

    grids: Grids
    """`(found, cells)`, the digits of the first box in order."""
    weights: NDArray[np.float64]
    """`(found,)`, one over the probability of each: their sum over the number of tries estimates how many grids there
    are, with the digits of the first box in any order."""

    @property
    def effective_size(self) -> float:
        """Return how many uniform draws the weighted grids are worth."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


def uniform_grids(count: int, box: int, rng: Generator) -> Grids:
    """Draw grids independently and uniformly among all `(count, cells)`."""
    most = crossings(box) * MOST_WAYS[box]
    kept: list[Grids] = []
    while sum(map(len, kept)) < count:
        grids, weights = propose(AT_ONCE, box, rng)
        grids = grids[rng.random(len(grids)) * most < weights]
        names = random_orders(len(grids), box * box, rng) + 1
        kept.append(np.take_along_axis(names, grids - 1, axis=1).astype(np.int8))
    return np.concatenate([np.zeros((0, box**4), np.int8), *kept])[:count]


def propose(tries: int, box: int, rng: Generator) -> Proposals:
    """Fill grids box by box, without backtracking; those that come to a dead end are left out."""
    size = box * box
    digits = np.arange(size)
    turned = digits.reshape(box, box).T.ravel()
    boxes = np.zeros((tries, box, box, size), dtype=np.int64)  # (grid, band, stack, cell)
    boxes[:, 0] = random_bands(tries, box, rng)
    boxes[:, :, 0] = turned[random_bands(tries, box, rng)[:, :, turned]]
    weights = np.full(tries, float(crossings(box)))
    for band, stack in product(range(1, box), repeat=2):
        left = boxes[:, band, :stack].reshape(-1, stack, box, box, 1) == digits
        above = boxes[:, :band, stack].reshape(-1, band, box, box, 1) == digits
        allowed = ~(left.any((1, 3))[:, :, None] | above.any((1, 2))[:, None])  # (grid, row, column, digit)
        boxes[:, band, stack], ways = random_boxes(allowed.reshape(-1, size, size), rng)
        boxes, weights = boxes[ways > 0], (weights * ways)[ways > 0]
    cells = boxes.reshape(-1, box, box, box, box).swapaxes(2, 3)  # (grid, band, row, stack, column)
    return Proposals((cells.reshape(-1, size * size) + 1).astype(np.int8), weights)


def crossings(box: int) -> int:
    """Return the number of ways to fill the first band and the first stack."""
    bands: int = len(band_patterns(box)) * factorial(box) ** (box * (box - 1))
    return factorial(box * box) * bands**2


@lru_cache(maxsize=2)
def band_patterns(box: int) -> Digits:
    """Return all ways to choose the rows of the digits in each box of a band: `(patterns, boxes, digits)`.

    In the first box the digits are in order.
    """
    home = np.arange(box * box) // box
    shifts = np.array([*product(range(1, box), repeat=box * box)])
    rows: Digits = (home + np.arange(box)[:, None] * shifts[:, None]) % box
    return rows.compress((np.sort(rows, axis=2) == home).all((1, 2)), axis=0)


def random_bands(count: int, box: int, rng: Generator) -> Digits:
    """Draw bands uniformly, the digits of the first box in order: `(count, boxes, cells)`, digits from 0."""
    patterns = band_patterns(box)
    rows = patterns[rng.integers(len(patterns), size=count)]
    noise = rng.random(rows.shape)
    noise[:, 0] = 0
    return (rows + noise).argsort(2, kind="stable")


def random_boxes(candidates: NDArray[np.bool_], rng: Generator) -> tuple[Digits, NDArray[np.int64]]:
    """Fill boxes uniformly among all ways, each digit once, as `candidates` `(count, cells, digits)` allows.

    Return the digits from 0 `(count, cells)`, arbitrary where there is no way, and the number of ways `(count,)`.
    """
    count, size, _ = candidates.shape
    every, bits = np.arange(count), 1 << np.arange(size)
    allowed = np.ascontiguousarray(candidates.transpose(1, 2, 0)).astype(np.int32)
    ways = np.zeros((1 << size, count), dtype=np.int32)  # to fill the first cells with a set of digits
    ways[0] = 1
    for cell, (sets, chosen) in enumerate(digit_sets(size)):
        ways[sets] = (ways[sets[:, None] ^ bits[chosen]] * allowed[cell, chosen]).sum(1)
    filled = np.zeros((count, size), dtype=np.int64)
    left = np.full(count, (1 << size) - 1)
    for cell in reversed(range(size)):
        before = ways[left ^ bits[:, None], every] * (allowed[cell] > 0) * (left & bits[:, None] > 0)
        ends = before.cumsum(0)
        filled[:, cell] = (rng.random(count) * ends[-1] < ends).argmax(0)
        left ^= bits[filled[:, cell]]
    return filled, ways[-1]


@lru_cache(maxsize=2)
def digit_sets(size: int) -> list[tuple[Digits, Digits]]:
    """Return the sets of 1, 2, ... digits: as bits `(sets,)` and as lists `(sets, digits)`."""
    every = np.arange(1 << size)[:, None] >> np.arange(size) & 1
    sizes = every.sum(1)
    return [
        (np.flatnonzero(sizes == number), every[sizes == number].nonzero()[1].reshape(-1, number))
        for number in range(1, size + 1)
    ]
