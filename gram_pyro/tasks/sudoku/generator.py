"""Random sudoku grids, and puzzles from them by removing digits."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.symmetry import random_symmetries, units_of

Level = Literal["easy", "medium", "hard"]
CLUES: dict[int, dict[Level, tuple[int, int]]] = {
    2: {"easy": (8, 9), "medium": (6, 7), "hard": (4, 5)},
    3: {"easy": (37, 45), "medium": (30, 36), "hard": (22, 29)},
}
"""The fewest and the most givens of a puzzle, by box and level."""
CHANGES = 8


def solved_grids(count: int, box: int, rng: np.random.Generator) -> Grids:
    """Return random solved grids `(count, cells)`: diagonal boxes filled and completed at random, then a symmetry."""
    size = box * box
    start = np.zeros((count, box, box, box, box), dtype=np.int8)  # band, row, stack, column
    for part in range(box - 1):  # two full boxes cannot always be completed where there are but two
        start[:, part, :, part, :] = random_orders(count, size, rng).reshape(count, box, box) + 1
    completed = search(candidates_of(start.reshape(count, -1)), limit=1, rng=rng).solutions
    grids = torch.from_numpy(np.concatenate(completed))
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    return random_symmetries(count, box, generator).apply(grids).numpy().astype(np.int8)


def random_orders(count: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return random permutations `(count, length)`."""
    return rng.random((count, length)).argsort(1)


def unique_puzzles(grids: Grids, clues: tuple[int, int], rng: np.random.Generator) -> tuple[Grids, NDArray[np.bool_]]:
    """Remove digits of solved grids `(grids, cells)` in random order wherever the solution stays the only one.

    The number of digits to leave is drawn uniformly from the range `clues`. Returns the puzzles and whether each came
    down into the range `(grids,)`.
    """
    puzzles = grids.copy()
    count, cells = grids.shape
    target = rng.integers(clues[0], clues[1] + 1, count)
    left = np.full(count, cells)
    for cell in random_orders(count, cells, rng).T:
        active = np.flatnonzero(left > target)
        place = cell[active]
        tried = puzzles[active]
        tried[np.arange(len(active)), place] = 0
        others = candidates_of(tried)
        digit = grids[active, place].astype(np.int64) - 1
        others[np.arange(len(active)), place] ^= (1 << digit).astype(np.uint16)
        needed = np.array([len(part) > 0 for part in search(others, limit=1).solutions], dtype=bool)
        puzzles[active[~needed], place[~needed]] = 0
        left[active[~needed]] -= 1
    return puzzles, left <= clues[1]


def contradict(puzzles: Grids, rng: np.random.Generator) -> Grids:
    """Change one given of each puzzle `(puzzles, cells)` so that no solution is left, though no givens conflict.

    Puzzles for which `CHANGES` random changes do not do that are left out.
    """
    cells = puzzles.shape[1]
    units = units_of(round(cells**0.25))
    related = (units[:, :, None] == units[:, None, :]).any(0)
    digits = np.arange(1, round(cells**0.5) + 1)
    found = [puzzles[:0]]
    for _ in range(CHANGES):
        every = np.arange(len(puzzles))
        cell = (rng.random(puzzles.shape) * (puzzles > 0)).argmax(1)
        near = np.where(related[cell], puzzles, 0)
        free = (near[:, :, None] != digits).all(1)  # (puzzles, digits); the given's own digit is not
        changed = puzzles.copy()
        changed[every, cell] = (rng.random(free.shape) * free).argmax(1) + 1
        solutions, _, undecided = search(candidates_of(changed), limit=1)
        done = free.any(1) & ~undecided & np.array([not len(part) for part in solutions], dtype=bool)
        found.append(changed[done])
        puzzles = puzzles[~done]
    return np.concatenate(found)


def open_puzzles(grids: Grids, clues: tuple[int, int], rng: np.random.Generator) -> Grids:
    """Keep random cells of solved grids `(grids, cells)`, as many as is drawn uniformly from `clues`."""
    target = rng.integers(clues[0], clues[1] + 1, len(grids))
    return np.where(random_orders(len(grids), grids.shape[1], rng) < target[:, None], grids, np.int8(0))
