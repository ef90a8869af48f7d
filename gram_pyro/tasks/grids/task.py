"""Sudoku from nothing: draw a grid, uniformly among all that there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer, Axes, Wording
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.grids.bands import NUMBER_OF_GRIDS
from gram_pyro.tasks.grids.generator import uniform_grids
from gram_pyro.tasks.grids.split import in_split
from gram_pyro.tasks.sudoku.checker import Puzzle
from gram_pyro.tasks.sudoku.task import Sudoku

AT_ONCE = 4096  # grids that are drawn together, at most


@dataclass(frozen=True)
class Grids(Task):
    """Solved sudoku grids, drawn without any input: p(grid) rather than p(grid | puzzle).

    A problem is a grid, as a `Puzzle` without blanks, and that grid is its only target; the network sees a blank
    board, the same for all. Grids are uniform over all grids. The split of a grid is a hash of its class under all
    symmetries, and so independent of everything else about it: the grids of each split are uniform over a random
    share of the classes, and what is true of uniform grids, such as the shares of the types of bands, is true of them
    in expectation. Of 4x4 grids there are only two classes, so there each grid stands for itself.
    """

    name: ClassVar[str] = "grids"
    wording: ClassVar[Wording] = Wording("grid")
    scores: ClassVar[tuple[str, ...]] = ("validity", "conflicts")

    box: int = 3
    """Cells along the side of a box: 3 for grids of 9 x 9 cells, 2 for 4 x 4."""
    augmented: bool = True
    """Whether training grids undergo a random symmetry."""

    def __post_init__(self) -> None:
        if self.box not in NUMBER_OF_GRIDS:
            raise UserError(f"grids has boxes of 2 x 2 or 3 x 3 cells, not box={self.box}")

    @property
    def sudoku(self) -> Sudoku:
        """Return the task of which a grid solves the puzzle without givens."""
        return Sudoku(box=self.box, augmented=self.augmented)

    @property
    def blank(self) -> Puzzle:
        """Return the board that the network sees."""
        return Puzzle(self.box, (0,) * self.box**4)

    @property
    def spec(self) -> Spec:
        return self.sudoku.spec

    def generate(self, split: Split, count: int, seed: int) -> list[Puzzle]:
        """Return `count` uniform draws from the grids of a split; of 4x4 grids, some more than once."""
        rng = np.random.default_rng([seed, get_args(Split).index(split)])
        found: list[Puzzle] = []
        while len(found) < count:
            grids = uniform_grids(min(AT_ONCE, 64 + 2 * count), self.box, rng)
            found += self.sudoku.puzzles(grids[in_split(grids, split)])
        return found[:count]

    def prepare(self, problem: Puzzle | str | None) -> Puzzle:
        """Return a grid, or the blank board for None.

        Raises `UserError` if only some cells are blank, or if digits are in conflict.
        """
        if problem is None:
            return self.blank
        if not isinstance(problem, (str, Puzzle)):
            raise UserError(f"grids takes a grid as Puzzle(box, cells) or a string, not {type(problem).__name__}")
        puzzle = self.sudoku.prepare(problem)
        if 0 in puzzle.cells and any(puzzle.cells):
            blanks = puzzle.cells.count(0)
            raise UserError(f"grids takes no puzzle to solve, but {blanks} cells are blank; use the task sudoku")
        return puzzle

    def encode(self, problems: Sequence[Puzzle]) -> Problems:
        return self.sudoku.encode([self.blank] * len(problems))._replace(pins=None)

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Move each grid by a random symmetry, if the task augments."""
        return problems, self.sudoku.augment(problems, answers, generator)[1]

    def targets(self, problem: Puzzle) -> Tensor:
        """Return the grid itself: `(1, cells)`. Raises `TimeoutError` if the board is blank."""
        if 0 in problem.cells:
            self.solutions(problem)
        return torch.tensor([problem.cells]) - 1

    def solutions(self, problem: Puzzle) -> list[Answer]:
        """Raise `TimeoutError`: every grid is a solution."""
        raise TimeoutError(f"there are {NUMBER_OF_GRIDS[self.box]:,} grids")

    def solvable(self, problem: Puzzle) -> bool:
        return True

    def answer(self, problem: Puzzle, values: Sequence[int]) -> Answer:
        """Return a digit for each cell."""
        return self.sudoku.answer(self.blank, values)

    def constraint_log_prob(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """Every digit once in each row, column and box."""
        free = torch.full_like(problems.tokens, -1)
        return self.sudoku.constraint_log_prob(problems._replace(pins=free), probabilities)

    def violations(self, problem: Puzzle, answer: Answer) -> int:
        """Count pairs of cells that may not have the same digit and do, and what is no digit."""
        return self.sudoku.violations(self.blank, answer)

    def text(self, problem: Puzzle, answer: Answer) -> str:
        """Return the grid, a line a row, with rules between the boxes."""
        return self.sudoku.text(self.blank, answer)

    def draw(self, problem: Puzzle, answer: Answer | None, axes: Axes) -> None:
        self.sudoku.draw(self.blank, answer, axes)
