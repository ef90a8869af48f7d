"""Which sudoku puzzles are for training, validation and test."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gram_pyro.tasks.base import Split, split_names
from gram_pyro.tasks.sudoku.box import Box, size_of
from gram_pyro.tasks.sudoku.files import read_csv
from gram_pyro.tasks.sudoku.generator import Level, branches_of, clues_of, open_puzzles, solved_grids, unique_puzzles
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.symmetry import FEW, puzzle_class

PERCENT: dict[Split, int] = {"train": 80, "validation": 5, "test": 15}
AT_ONCE = 4096


def splits_of(puzzles: Grids, solutions: Sequence[Grids], box: Box) -> NDArray[np.str_]:
    """Return the split of each puzzle `(puzzles,)`: a hash of its `puzzle_class`."""
    return splits_of_classes(puzzle_class(puzzles, solutions, box))


def splits_of_classes(classes: Sequence[str]) -> NDArray[np.str_]:
    """Return the split that each class belongs to `(classes,)`."""
    return split_names(np.array([int(each, 16) for each in classes], dtype=np.uint64), PERCENT["test"])


def random_puzzles(split: Split, count: int, box: Box, level: Level, max_solutions: int, rng: Generator) -> Grids:
    """Return about `count` puzzles of a split `(puzzles, cells)`, with 1 solution or 2 to max_solutions."""
    grids = solved_grids(min(AT_ONCE, 64 + 100 * count // PERCENT[split]), box, rng)
    clues = clues_of(box, level)
    if max_solutions > 1:
        puzzles = open_puzzles(grids, clues, rng)
        branches = branches_of(box) + max_solutions
        solutions, _, undecided = search(candidates_of(puzzles), max_solutions + 1, branches, box=box)
        done = np.array([2 <= len(part) <= max_solutions for part in solutions], dtype=bool) & ~undecided
    else:
        if size_of(box) > FEW:  # before the work: a puzzle has the class of its grid
            grids = grids[splits_of(grids, list(grids[:, None]), box) == split]
        puzzles, done = unique_puzzles(grids, clues, rng, box)
        solutions = list(grids[:, None])
    done[done] = splits_of(puzzles[done], [solutions[row] for row in np.flatnonzero(done)], box) == split
    return puzzles.compress(done, axis=0)


def from_files(data: str, test_data: str, split: Split, box: Box, most: int, skip_bad: bool) -> Grids:
    """Return the puzzles of a split `(puzzles, cells)` in CSV files; no class of `test_data` is in another split."""
    puzzles, classes = classified(data, box, most, skip_bad)
    splits = splits_of_classes(classes)
    if test_data:
        test, held_out = classified(test_data, box, most, skip_bad)
        if split == "test":
            return test
        splits[splits == "test"] = "train"
        splits[np.isin(classes, held_out)] = "test"
    return puzzles.compress(splits == split, axis=0)


@lru_cache(maxsize=4)
def classified(path: str, box: Box, most: int, skip_bad: bool) -> tuple[Grids, list[str]]:
    """Return the puzzles of a CSV file `(puzzles, cells)` and their classes."""
    puzzles, solutions = read_csv(path, box, most, skip_bad)
    return puzzles, puzzle_class(puzzles, solutions, box)
