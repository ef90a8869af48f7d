"""Sudoku: fill a grid so that no digit comes twice in a row, a column or a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import is_folder
from gram_pyro.tasks.base import Answer, Problems, Split, Task
from gram_pyro.tasks.constraints import log_exactly_one, log_given
from gram_pyro.tasks.sudoku.checker import Puzzle, check_puzzle, count_violations, rule
from gram_pyro.tasks.sudoku.files import is_csv, parse_cells, read_csv, read_folder, read_text, spells_puzzle
from gram_pyro.tasks.sudoku.generator import CLUES, Level, contradict
from gram_pyro.tasks.sudoku.pool import SudokuPool
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.split import from_files, random_puzzles, splits_of

MAX_SOLUTIONS = 100_000
MAX_GENERATED = 2000
SEARCH_LIMIT = 200_000
PATIENCE = 10
"""Rounds without a new puzzle after which there is none left."""


@dataclass(frozen=True)
class Sudoku(Task):
    """Grids of digits with blank cells to fill, every digit once in each row, column and box.

    A problem is a `Puzzle`; an answer is a digit for each cell, row by row. One token a cell (padding, blank,
    or a digit); two cells are related by row, by column and by box. No two splits share a class of solved
    grids under all symmetries; of 4x4 grids there are only two classes, so there it is a class of puzzles.
    """

    name: ClassVar[str] = "sudoku"
    noun: ClassVar[str] = "puzzle"

    box: int = 3
    """Cells along the side of a box: 3 for grids of 9 x 9 cells, 2 for 4 x 4."""
    level: Level = "medium"
    """How many givens a generated puzzle has: 37-45, 30-36 or 22-29 on 9 x 9 cells, 8-9, 6-7 or 4-5 on 4 x 4."""
    max_solutions: int = 1
    """1 for puzzles with one solution; more for puzzles with 2 to that many, from random cells of a solved grid."""
    data: str = ""
    """CSV file with a column question to take problems from, instead of generated ones."""
    test_data: str = ""
    """CSV file of test problems; none of `data` that has the class of one of them is trained on."""
    skip_bad: bool = False
    """Whether malformed rows of a CSV file are left out, instead of an error."""
    augment: bool = True
    """Whether training puzzles undergo a random symmetry."""

    def __post_init__(self) -> None:
        if self.box not in CLUES:
            raise UserError(f"sudoku has boxes of 2 x 2 or 3 x 3 cells, not box={self.box}")
        if not 1 <= self.max_solutions <= MAX_GENERATED:
            raise UserError(f"max_solutions must lie between 1 and {MAX_GENERATED:,}, not {self.max_solutions}")
        if self.test_data and not self.data:
            raise UserError("test_data goes with data; add --task.data FILE.csv for the problems to train on")

    @property
    def size(self) -> int:
        """The number of digits, rows, columns and boxes."""
        return self.box**2

    @property
    def vocabulary(self) -> int:
        """Padding, blank and the digits."""
        return 2 + self.size

    @property
    def classes(self) -> int:
        """The digits."""
        return self.size

    @property
    def relations(self) -> int:
        """Row, column and box."""
        return 3

    @property
    def positions(self) -> bool:
        """The relations say where a cell is."""
        return False

    def generate(self, split: Split, count: int, seed: int) -> list[Puzzle]:
        """At most `count` different puzzles of a split; a file, and few givens on 4 x 4 cells, may hold fewer."""
        rng = np.random.default_rng([seed, ("train", "validation", "test").index(split)])
        if self.data:
            cells = from_files(self.data, self.test_data, split, self.box, self.max_solutions, self.skip_bad)
            puzzles = list(dict.fromkeys(self.puzzles(cells)))
            if not puzzles:
                raise UserError(f"{self.data}: no puzzle in the {split} split; take more rows, or --task.test-data")
            return [puzzles[row] for row in rng.permutation(len(puzzles))[:count]]
        found: dict[Puzzle, None] = {}
        idle = 0
        while len(found) < count and idle < PATIENCE:
            before = len(found)
            cells = random_puzzles(split, count - before, self.box, self.level, self.max_solutions, rng)
            found.update(dict.fromkeys(self.puzzles(cells)))
            idle = idle + 1 if len(found) == before else 0
        if count and not found:
            raise UserError(
                f"no {self.level} puzzle with box={self.box} and max_solutions={self.max_solutions} was found for the "
                f"{split} split; take another level or allow more solutions"
            )
        return list(found)[:count]

    def unsolvable(self, split: Split, count: int, seed: int) -> list[Puzzle]:
        """Return at most `count` puzzles of a split with one given changed, so that there is no solution."""
        cells = np.array([puzzle.cells for puzzle in self.generate(split, count, seed)], dtype=np.int8)
        changed = contradict(cells.reshape(-1, self.size**2), np.random.default_rng(seed))
        if self.box == 2:  # where a puzzle stands for itself, so that another one may be of another split
            changed = changed[splits_of(changed, []) == split]
        return list(dict.fromkeys(self.puzzles(changed)))

    def puzzles(self, cells: Grids) -> list[Puzzle]:
        """Rows of digits `(puzzles, cells)` as puzzles."""
        return [Puzzle(self.box, tuple(row)) for row in cells.tolist()]

    def load(self, path: str) -> list[Puzzle]:
        """The puzzles of a CSV file, a text file, or all text files of a folder.

        Unless max_solutions is more than 1, none may have several solutions; those of a CSV file must have one.
        """
        most = 1 if self.max_solutions == 1 else None
        cells = self._read_path(path, most)
        if most == 1 and not is_csv(path):
            for number, found in enumerate(search(candidates_of(cells), 2, SEARCH_LIMIT).solutions, 1):
                if len(found) > 1:
                    raise UserError(
                        f"{path}: puzzle {number} has several solutions, but a model of puzzles with one is measured; "
                        f"one of max_solutions above 1 takes it"
                    )
        return self.puzzles(cells)

    def _read_path(self, path: str, most: int | None) -> Grids:
        """The puzzles of a file or folder `(puzzles, cells)`; in a CSV file they have at most `most` solutions."""
        if is_folder(path):
            return read_folder(path, self.box)
        return read_csv(path, self.box, most, self.skip_bad).puzzles if is_csv(path) else read_text(path, self.box)

    def read(self, text: str) -> list[Puzzle]:
        """A puzzle written out in its cells, or those of a path."""
        return [self.prepare(text)] if spells_puzzle(text) else self.puzzles(self._read_path(text, None))

    def prepare(self, problem: Puzzle | str) -> Puzzle:
        """The puzzle, also from a string of its cells, `.` or `0` where blank.

        Raises `UserError` if it is of another size, has what is no digit, or givens in conflict.
        """
        if isinstance(problem, str):
            problem = Puzzle(self.box, tuple(parse_cells(problem, self.box).tolist()))
        if not isinstance(problem, Puzzle):
            raise UserError(f"sudoku takes a Puzzle(box, cells) or a string, not {type(problem).__name__}")
        box, cells = problem
        if (box, len(cells)) != (self.box, self.size**2):
            raise UserError(
                f"sudoku with box={self.box} takes a puzzle of {self.size**2} cells, not box={box} with {len(cells)}"
            )
        check_puzzle(problem)
        return Puzzle(box, tuple(int(digit) for digit in cells))

    def encode(self, problems: Sequence[Puzzle]) -> Problems:
        """Puzzles of one size as tensors."""
        return self.problems(torch.tensor([puzzle.cells for puzzle in problems]))

    def problems(self, cells: Tensor) -> Problems:
        """Cells `(batch, cells)`, 0 where blank, as tokens, with the relations of a grid."""
        return Problems(cells.long() + 1, relations_of(self.box))

    def training_set(self, problems: Sequence[Puzzle]) -> SudokuPool:
        """Puzzles with all their solutions, under a random symmetry if `augment`."""
        return SudokuPool(self, problems)

    def targets(self, problem: Puzzle) -> Tensor:
        """Every solution."""
        return torch.from_numpy(self.all_solutions([problem])[0]).long() - 1

    def answer(self, problem: Puzzle, values: Sequence[int]) -> Answer:
        """A digit for each cell."""
        return tuple(int(value) + 1 for value in values)

    def hold(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """Every digit once in each row, column and box, the givens kept."""
        groups = F.one_hot(units_of(self.box)).mT.flatten(0, 1).to(probabilities.device)
        given = torch.where(problems.tokens > 1, problems.tokens - 2, -1)
        return log_exactly_one(probabilities.mT, groups).sum(1) + log_given(probabilities, given)

    def canonical(self, answer: Answer) -> Answer:
        """The answer itself: different grids are different answers."""
        return answer

    def violations(self, problem: Puzzle, answer: Answer) -> int:
        """Pairs of cells that may not have the same digit and do, givens that changed, and what is no digit."""
        if len(answer) != len(problem.cells):
            raise UserError(f"an answer must have {len(problem.cells)} cells, not {len(answer)}")
        return count_violations(problem, answer)

    def all_solutions(self, problems: Sequence[Puzzle]) -> list[Grids]:
        """All solutions of each puzzle `(solutions, cells)`. Raises `TimeoutError` if there are too many to list."""
        puzzles = np.array([puzzle.cells for puzzle in problems], dtype=np.int8)
        found = search(candidates_of(puzzles), MAX_SOLUTIONS + 1, SEARCH_LIMIT)
        if found.undecided.any() or max(map(len, found.solutions)) > MAX_SOLUTIONS:
            raise TimeoutError(f"more than {MAX_SOLUTIONS} solutions, or undecided after {SEARCH_LIMIT} guesses")
        return found.solutions

    def solutions(self, problem: Puzzle) -> list[Answer]:
        """All solutions, in order. Raises `TimeoutError` if there are too many to list."""
        return [tuple(row) for row in self.all_solutions([problem])[0].tolist()]

    def solvable(self, problem: Puzzle) -> bool | None:
        """Whether there is a solution, by a bounded exact search."""
        found = search(candidates_of(np.array([problem.cells], dtype=np.int8)), 1, SEARCH_LIMIT)
        return True if len(found.solutions[0]) else None if found.undecided[0] else False

    def draw(self, problem: Puzzle, answer: Answer | None, axes: Axes) -> None:
        """The grid: givens bold and black, others blue; digits in conflict, and in place of another given, red."""
        box, cells = problem
        size = box * box
        shown = cells if answer is None else answer
        clash = {cell for edge in rule(box) if shown[edge[0]] == shown[edge[1]] != 0 for cell in edge}
        for line in range(size + 1):
            width = 2.0 if line % box == 0 else 0.5
            axes.plot([0, size], [line, line], color="black", linewidth=width)
            axes.plot([line, line], [0, size], color="black", linewidth=width)
        for cell, digit in enumerate(shown):
            if digit:
                y, x = divmod(cell, size)
                given = cells[cell] == digit
                wrong = cell in clash or cells[cell] not in (0, digit)
                color = "#d62728" if wrong else "black" if given else "#4e79a7"
                weight = "bold" if given else "normal"
                text = axes.text(x + 0.5, y + 0.5, str(digit), ha="center", va="center", color=color)
                text.set(fontweight=weight, fontsize=100 / size)
        axes.set(xlim=(-0.1, size + 0.1), ylim=(size + 0.1, -0.1), aspect="equal")
        axes.set_axis_off()


@lru_cache(maxsize=2)
def units_of(box: int) -> Tensor:
    """Row, column and box of each cell: `(3, cells)`."""
    row, column = np.divmod(np.arange(box**4), box * box)
    return torch.from_numpy(np.stack([row, column, row // box * box + column // box]))


@lru_cache(maxsize=2)
def relations_of(box: int) -> Tensor:
    """Same row, same column, same box: `(3, cells, cells)`; cells that share two of them are related twice."""
    units = units_of(box)
    joined = torch.zeros(box**4, box**4, dtype=torch.bool)
    joined[tuple(torch.tensor(rule(box)).T)] = True
    return ((units[:, :, None] == units[:, None, :]) & (joined | joined.T)).float()
