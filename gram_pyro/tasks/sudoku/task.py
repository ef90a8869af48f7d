"""Sudoku: fill a grid so that no digit comes twice in a row, a column or a box."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import read_path
from gram_pyro.tasks.abilities import Answer, Axes, Wording
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.constraints import log_exactly_one, log_given
from gram_pyro.tasks.grid import related
from gram_pyro.tasks.sudoku import cells as spelling
from gram_pyro.tasks.sudoku import checker, files, picture
from gram_pyro.tasks.sudoku.box import Box, normal, sides, size_of
from gram_pyro.tasks.sudoku.checker import Puzzle
from gram_pyro.tasks.sudoku.generator import Level, contradict
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.split import from_files, random_puzzles, splits_of
from gram_pyro.tasks.sudoku.symmetry import FEW, Symmetries, random_symmetries, units_of

MAX_SOLUTIONS = 100_000
MAX_GENERATED = 2000
MOST_DIGITS = 16  # of a grid that is generated
SEARCH_LIMIT = 200_000
PATIENCE = 10  # rounds without a new puzzle after which there is none left


@dataclass(frozen=True)
class Sudoku(Task):
    """Grids of digits with blank cells to fill, every digit once in each row, column and box.

    A problem is a `Puzzle`; an answer is a digit for each cell, row by row. One token a cell (padding, blank,
    or a digit); two cells are related by row, by column and by box. No two splits share a class of solved
    grids under all symmetries; of 4 x 4 and 6 x 6 grids there are few classes, so there it is a class of puzzles.
    Grids of up to 16 x 16 cells are generated, and read up to 25 x 25.
    """

    name: ClassVar[str] = "sudoku"
    wording: ClassVar[Wording] = Wording("puzzle")

    box: Box = 3
    """Rows and columns of a box: 3 or 3x3 for grids of 9 x 9 cells, 2x3 for 6 x 6, 4 for 16 x 16; up to 25 cells."""
    level: Level = "medium"
    """Givens of a generated puzzle: 37-45, 30-36 or 22-29 of 81 cells; mixed: any number from hard to easy."""
    max_solutions: int = 1
    """1 for puzzles with one solution; more for puzzles with 2 to that many, from random cells of a solved grid."""
    data: str = ""
    """CSV file with a column of puzzles (`question`, `quizzes` or `puzzle`) to take instead of generated ones."""
    test_data: str = ""
    """CSV file of test problems; none of `data` that has the class of one of them is trained on."""
    skip_bad: bool = False
    """Whether malformed rows of a CSV file are left out, instead of an error."""
    augmented: bool = True
    """Whether training puzzles undergo a random symmetry."""
    extra_givens: float = 0.0
    """Share of training examples that get more givens from their target: any number of its blanks, anew each time."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", normal(self.box))
        if not 0 <= self.extra_givens <= 1:
            raise UserError(f"extra_givens is a share of the examples, from 0 to 1, not {self.extra_givens}")
        if not 1 <= self.max_solutions <= MAX_GENERATED:
            raise UserError(f"max_solutions must lie between 1 and {MAX_GENERATED:,}, not {self.max_solutions}")
        if self.test_data and not self.data:
            raise UserError("test_data goes with data; add --task.data FILE.csv for the problems to train on")

    @property
    def size(self) -> int:
        """The number of digits, rows, columns and boxes."""
        return size_of(self.box)

    @property
    def spec(self) -> Spec:
        """Padding, blank and the digits, which are all of one kind; row, column and box."""
        return Spec(2 + self.size, (0,) * self.size, 3)

    def generate(self, split: Split, count: int, seed: int) -> list[Puzzle]:
        """Return at most `count` different puzzles of a split; files, and few givens on 4 x 4 cells, may have fewer.

        Raises `UserError` if there are none, or for grids of more than 16 x 16 cells without `data`.
        """
        rng = np.random.default_rng([seed, get_args(Split).index(split)])
        if self.data:
            cells = from_files(self.data, self.test_data, split, self.box, self.max_solutions, self.skip_bad)
            puzzles = list(dict.fromkeys(self.puzzles(cells)))
            if not puzzles:
                raise UserError(f"{self.data}: no puzzle in the {split} split; take more rows, or --task.test-data")
            return [puzzles[row] for row in rng.permutation(len(puzzles))[:count]]
        if self.size > MOST_DIGITS:
            most = f"puzzles of up to {MOST_DIGITS} x {MOST_DIGITS} cells are generated, not with box={self.box}"
            raise UserError(f"{most}; add --task.data FILE.csv with puzzles to train on")
        found: dict[Puzzle, None] = {}
        idle = 0
        while len(found) < count and idle < PATIENCE:
            before = len(found)
            cells = random_puzzles(split, count - before, self.box, self.level, self.max_solutions, rng)
            found.update(dict.fromkeys(self.puzzles(cells)))
            idle = idle + 1 if len(found) == before else 0
        if count and not found:
            wanted = f"{self.level} puzzle with box={self.box} and max_solutions={self.max_solutions}"
            hint = "take another level or allow more solutions"
            raise UserError(f"no {wanted} was found for the {split} split; {hint}")
        return list(found)[:count]

    def unsolvable(self, split: Split, count: int, seed: int) -> list[Puzzle]:
        """Return at most `count` puzzles of a split with one given changed, so that there is no solution."""
        cells = np.array([puzzle.cells for puzzle in self.generate(split, count, seed)], dtype=np.int8)
        changed = contradict(cells.reshape(-1, self.size**2), np.random.default_rng(seed), self.box)
        if self.size <= FEW:  # where a puzzle stands for itself, so that another one may be of another split
            changed = changed[splits_of(changed, [], self.box) == split]
        return list(dict.fromkeys(self.puzzles(changed)))

    def puzzles(self, cells: Grids) -> list[Puzzle]:
        """Return rows of digits `(puzzles, cells)` as puzzles."""
        return [Puzzle(self.box, tuple(row)) for row in cells.tolist()]

    def load(self, path: str, skip_bad: bool = False) -> list[Puzzle]:
        """Read the puzzles of a CSV file, a text file, or all text files of a folder.

        Unless max_solutions is more than 1, none may have several solutions; those of a CSV file must have one.
        """
        return self._read_path(path, 1 if self.max_solutions == 1 else None, skip_bad or self.skip_bad)

    def _read_path(self, path: str, most: int | None, skip_bad: bool) -> list[Puzzle]:
        """Read the puzzles of a file or folder, which have at most `most` solutions."""
        read = partial(files.read_puzzles, box=self.box, most=most, skip_bad=skip_bad)
        return self.puzzles(np.concatenate(read_path(path, files.TEXT_ENDINGS, self.wording.singular, read, skip_bad)))

    def read(self, text: str) -> list[Puzzle]:
        """Read a puzzle written out in its cells, or those of a path."""
        spelled = spelling.spells_puzzle(text, self.size, files.ENDINGS)
        return [self.prepare(text)] if spelled else self._read_path(text, None, self.skip_bad)

    def prepare(self, problem: Puzzle | str) -> Puzzle:
        """Return the puzzle, also from a text of its cells, `.` or `0` where blank.

        Raises `UserError` if it is of another size, has what is no digit, or givens in conflict.
        """
        if isinstance(problem, str):
            problem = Puzzle(self.box, tuple(spelling.parse_cells(problem, self.box).tolist()))
        if not isinstance(problem, Puzzle):
            raise UserError(f"sudoku takes a Puzzle(box, cells) or a string, not {type(problem).__name__}")
        box, cells = normal(problem.box), problem.cells
        if (box, len(cells)) != (self.box, self.size**2):
            size = f"{self.size**2} cells, not box={box} with {len(cells)}"
            raise UserError(f"sudoku with box={self.box} takes a puzzle of {size}")
        checker.check_puzzle(Puzzle(box, cells))
        return Puzzle(box, tuple(int(digit) for digit in cells))

    def encode(self, problems: Sequence[Puzzle]) -> Problems:
        return self.problems(torch.tensor([puzzle.cells for puzzle in problems]))

    def problems(self, cells: Tensor) -> Problems:
        """Return cells `(batch, cells)`, 0 where blank, as tokens, with the relations of a grid."""
        cells = cells.long()
        return Problems(cells + 1, relations_of(self.box), cells - 1, self.size)

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Move each puzzle by a random symmetry, if the task augments, and add its extra givens."""
        if self.augmented:
            count, listed, _ = answers.shape
            symmetries = random_symmetries(count, self.box, generator)
            many = Symmetries(*(part.repeat_interleave(listed, 0) for part in symmetries))
            answers = many.apply(answers.flatten(0, 1) + 1).view_as(answers) - 1
            problems = self.problems(symmetries.apply(problems.tokens - 1))
        return self.reveal(problems, answers, generator) if self.extra_givens else (problems, answers)

    def reveal(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Give more cells of the first answer in a share of the puzzles: each number of its blanks is as likely.

        Other answers `(batch, answers, cells)` that differ there are no longer any: they become rows of -1.
        """
        count, _, cells = answers.shape
        chosen, part = torch.rand(2, count, 1, generator=generator)
        shown = torch.rand(count, cells, generator=generator) < part * (chosen < self.extra_givens)
        target = answers[:, 0]
        wrong = (shown[:, None] & (answers != target[:, None])).any(2, keepdim=True)
        return self.problems(torch.where(shown, target + 1, problems.tokens - 1)), answers.masked_fill(wrong, -1)

    def targets(self, problem: Puzzle) -> Tensor:
        return self.list_solutions([problem])[0]

    def list_solutions(self, problems: Sequence[Puzzle]) -> list[Tensor]:
        """Return all solutions of each puzzle, found together. Raises `TimeoutError` if there are too many."""
        puzzles = np.array([puzzle.cells for puzzle in problems], dtype=np.int8)
        found = search(candidates_of(puzzles), MAX_SOLUTIONS + 1, SEARCH_LIMIT, box=self.box)
        if found.undecided.any() or max(map(len, found.solutions)) > MAX_SOLUTIONS:
            raise TimeoutError(f"more than {MAX_SOLUTIONS} solutions, or undecided after {SEARCH_LIMIT} guesses")
        return [torch.from_numpy(grids).long() - 1 for grids in found.solutions]

    def answer(self, problem: Puzzle, values: Sequence[int]) -> Answer:
        """Return a digit for each cell."""
        return tuple(int(value) + 1 for value in values)

    def constraint_log_prob(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """Every digit once in each row, column and box, the givens kept."""
        groups = F.one_hot(torch.from_numpy(units_of(self.box))).mT.flatten(0, 1).to(probabilities.device)
        assert problems.pins is not None
        return log_exactly_one(probabilities.mT, groups).sum(1) + log_given(probabilities, problems.pins)

    def violations(self, problem: Puzzle, answer: Answer) -> int:
        if len(answer) != len(problem.cells):
            raise UserError(f"an answer must have {len(problem.cells)} cells, not {len(answer)}")
        return checker.count_violations(problem, answer)

    def solvable(self, problem: Puzzle) -> bool | None:
        found = search(candidates_of(np.array([problem.cells], dtype=np.int8)), 1, SEARCH_LIMIT, box=self.box)
        return True if len(found.solutions[0]) else None if found.undecided[0] else False

    def text(self, problem: Puzzle, answer: Answer) -> str:
        """Return the grid, a line a row, with rules between the boxes."""
        (rows, columns), size = sides(problem.box), size_of(problem.box)
        width = len(str(size))
        lines: list[str] = []
        for row in range(size):
            cells = [f"{digit:{width}}" for digit in answer[row * size : (row + 1) * size]]
            if row and row % rows == 0:
                lines.append("-+-".join(["-" * (columns * (width + 1) - 1)] * rows))
            lines.append(" | ".join(" ".join(cells[start : start + columns]) for start in range(0, size, columns)))
        return "\n".join(lines)

    def draw(self, problem: Puzzle, answer: Answer | None, axes: Axes) -> None:
        picture.draw_grid(problem, answer, axes)


@lru_cache(maxsize=2)
def relations_of(box: Box) -> Tensor:
    """Return same row, same column, same box: `(3, cells, cells)`; cells that share two of them are related twice."""
    return related(units_of(box))
