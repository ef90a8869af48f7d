"""Random sudoku grids, and puzzles from them by removing digits."""

from math import ceil
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gram_pyro.tasks.sudoku.box import Box, sides, size_of
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.symmetry import random_symmetries, units_of

Level = Literal["easy", "medium", "hard", "mixed"]
CLUES: dict[int, dict[Level, tuple[int, int]]] = {
    4: {"easy": (8, 9), "medium": (6, 7), "hard": (4, 5)},
    9: {"easy": (37, 45), "medium": (30, 36), "hard": (22, 29)},
}
"""The fewest and the most givens of a puzzle, by the number of digits and level."""
SHARES: dict[Level, tuple[float, float]] = {"easy": (0.455, 0.56), "medium": (0.37, 0.455), "hard": (0.27, 0.37)}
"""The same for other sizes, as shares of all cells; the upper ones are excluded."""
CHANGES = 8
GRID_BRANCHES, PUZZLE_BRANCHES = 5000, 100  # after which a search is given up in grids of more than 9 digits
FEWEST = 64  # such grids searched together; of fewer, each would branch too broadly to end in time


def clues_of(box: Box, level: Level) -> tuple[int, int]:
    """Return the fewest and the most givens of a puzzle of a level; from hard to easy where levels are mixed."""
    if level == "mixed":
        return clues_of(box, "hard")[0], clues_of(box, "easy")[1]
    size = size_of(box)
    low, high = (ceil(share * size**2) for share in SHARES[level])
    return CLUES[size][level] if size in CLUES else (low, high - 1)


def branches_of(box: Box, branches: int = PUZZLE_BRANCHES) -> int:
    """Return how often a search may branch: hardly bounded up to 9 digits, where none takes long."""
    return 1_000_000 if size_of(box) <= 9 else branches


def solved_grids(count: int, box: Box, rng: np.random.Generator) -> Grids:
    """Return random solved grids `(grids, cells)`: diagonal boxes filled and completed at random, then a symmetry.

    They are uniform over the images of a grid, but not over all grids. Of more than 9 digits they are at most `count`:
    those of which the completion took too long are left out.
    """
    rows, columns = sides(box)
    tried = count if rows * columns <= 9 else max(count, FEWEST)
    start = np.zeros((tried, columns, rows, rows, columns), dtype=np.int8)  # band, row, stack, column
    for part in range(min(rows, columns) - 1):  # two full boxes cannot always be completed where there are but two
        start[:, part, :, part, :] = random_orders(tried, rows * columns, rng).reshape(tried, rows, columns) + 1
    candidates = candidates_of(start.reshape(tried, -1))
    completed = search(candidates, 1, branches_of(box, GRID_BRANCHES), rng, box).solutions
    grids = torch.from_numpy(np.concatenate(completed)[:count])
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    return random_symmetries(len(grids), box, generator).apply(grids).numpy().astype(np.int8)


def random_orders(count: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return random permutations `(count, length)`."""
    return rng.random((count, length)).argsort(1)


def unique_puzzles(
    grids: Grids, clues: tuple[int, int], rng: np.random.Generator, box: Box
) -> tuple[Grids, NDArray[np.bool_]]:
    """Remove digits of solved grids `(grids, cells)` in random order wherever the solution surely stays the only one.

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
        others[np.arange(len(active)), place] ^= (1 << digit).astype(others.dtype)
        solutions, _, undecided = search(others, 1, branches_of(box), box=box)
        needed = undecided | np.array([len(part) > 0 for part in solutions], dtype=bool)
        puzzles[active[~needed], place[~needed]] = 0
        left[active[~needed]] -= 1
    return puzzles, left <= clues[1]


def contradict(puzzles: Grids, rng: np.random.Generator, box: Box) -> Grids:
    """Change one given of each puzzle `(puzzles, cells)` so that no solution is left, though no givens conflict.

    Puzzles for which `CHANGES` random changes do not do that are left out.
    """
    units = units_of(box)
    related = (units[:, :, None] == units[:, None, :]).any(0)
    digits = np.arange(1, size_of(box) + 1)
    found = [puzzles[:0]]
    for _ in range(CHANGES):
        every = np.arange(len(puzzles))
        cell = (rng.random(puzzles.shape) * (puzzles > 0)).argmax(1)
        near = np.where(related[cell], puzzles, 0)
        free = (near[:, :, None] != digits).all(1)  # (puzzles, digits); the given's own digit is not
        changed = puzzles.copy()
        changed[every, cell] = (rng.random(free.shape) * free).argmax(1) + 1
        solutions, _, undecided = search(candidates_of(changed), 1, branches_of(box), box=box)
        done = free.any(1) & ~undecided & np.array([not len(part) for part in solutions], dtype=bool)
        found.append(changed[done])
        puzzles = puzzles[~done]
    return np.concatenate(found)


def open_puzzles(grids: Grids, clues: tuple[int, int], rng: np.random.Generator) -> Grids:
    """Keep random cells of solved grids `(grids, cells)`, as many as is drawn uniformly from `clues`."""
    target = rng.integers(clues[0], clues[1] + 1, len(grids))
    return np.where(random_orders(len(grids), grids.shape[1], rng) < target[:, None], grids, np.int8(0))
