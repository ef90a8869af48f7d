"""N-Queens: complete a board with as many queens as it has rows, none attacking another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import ending, is_folder, read_path
from gram_pyro.tasks.abilities import Answer, Axes, Wording
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.constraints import log_at_most_one, log_exactly_one, log_given
from gram_pyro.tasks.nqueens import boards, checker, files, picture
from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.solver import completions, diagonals, symmetries

SEARCH_LIMIT = 1_000_000
MAX_LISTED, MAX_GENERATED = 10, 12
"""Rows up to which all boards are listed to draw from; and up to which boards are generated, their solutions listed."""
EMPTY, QUEEN, EXCLUDED = 1, 2, 3
TRAINED_SO = "a checkpoint that was trained with excluded diagonals"
MAX_IDLE = 2000  # random boards in a row without a new one of the split, after which there are taken to be no more


@dataclass(frozen=True)
class NQueens(Task):
    """Boards of `n` x `n` cells from which some of n peaceful queens were removed; put them back.

    A problem is a `Board`; an answer is 0 or 1 for each cell, row by row. One token a cell (padding, empty, queen, or
    empty that must stay so: on an excluded diagonal); two cells are related by row, by column and by each kind of
    diagonal.
    """

    name: ClassVar[str] = "nqueens"
    wording: ClassVar[Wording] = Wording("board")
    max_known: ClassVar[int] = 128

    n: int = 8
    """Rows of a generated board."""
    removed: tuple[int, ...] = ()
    """How many queens are missing; n - 3 to n - 1 by default."""
    excluded: int = 0
    """Excluded diagonals of each board."""
    train_sizes: tuple[int, ...] = ()
    """Rows of boards to train on; n alone by default."""
    train_excluded: tuple[int, ...] = ()
    """Numbers of excluded diagonals to train with, on the boards that allow so many; `excluded` alone by default."""
    split: Literal["orbit", "input"] = "orbit"
    """What no two splits share: a board and all its rotations and reflections, or only the board itself (the paper)."""
    augmented: bool = True
    """Whether training boards are turned and mirrored at random."""
    layout: Literal["relations", "tokens"] = "relations"
    """Cells that know which others they are related to, or the paper's plain sequence of cells."""
    positions: bool = False
    """Whether cells carry their (rotary) position; the tokens layout always does."""

    def __post_init__(self) -> None:
        if self.n < 4:
            raise UserError(f"nqueens needs a board of at least 4 rows, not n={self.n}")
        if not all(1 <= k <= self.n for k in self.removed):
            raise UserError(f"from 1 to {self.n} queens can be removed, not {self.removed}")
        if not 0 <= self.excluded <= 2 * self.n - 2:
            most = f"from 0 to {2 * self.n - 2} diagonals can be excluded with n={self.n}"
            raise UserError(f"{most}, not {self.excluded}: {self.n} queens need one of each kind")
        if self.layout == "tokens":
            object.__setattr__(self, "positions", True)
        if self.augmented and self.split == "input":
            raise UserError("with split=input a turned training board may be a test board; add --task.no-augmented")

    @property
    def missing(self) -> tuple[int, ...]:
        """How many queens are missing, also where `removed` is empty."""
        return self.removed or (self.n - 3, self.n - 2, self.n - 1)

    @property
    def excludes(self) -> bool:
        """Whether a network trained on this task has seen excluded diagonals."""
        return bool(self.excluded or any(self.train_excluded))

    @property
    def spec(self) -> Spec:
        """Padding, empty, queen, excluded; row, column and the two diagonals, or no relations among tokens."""
        return Spec(4, (0, 1), 0 if self.layout == "tokens" else 4, "1d" if self.positions else "none")

    def parts(self) -> Sequence[Self]:
        """Return a task for each size and number of excluded diagonals to train on; the task itself if there is one.

        Raises `UserError` if no size allows so many excluded diagonals.
        """
        if not self.train_sizes and not self.train_excluded:
            return [self]
        sizes, numbers = self.train_sizes or (self.n,), self.train_excluded or (self.excluded,)
        pairs = [(n, number) for n in sizes for number in numbers if number <= 2 * n - 2]
        if not pairs:
            most = 2 * max(sizes) - 2
            raise UserError(f"boards of {max(sizes)} rows allow {most} excluded diagonals at most, not {numbers}")
        return [replace(self, n=n, excluded=number, train_sizes=(), train_excluded=()) for n, number in pairs]

    def generate(self, split: Split, count: int, seed: int) -> list[Board]:
        """Return at most `count` different boards of a split, in random order; there are finitely many."""
        if self.n > MAX_GENERATED:
            raise UserError(f"boards are generated up to n={MAX_GENERATED}, not n={self.n}; larger ones can be loaded")
        rng = np.random.default_rng(seed)
        if self.excluded or self.n > MAX_LISTED:
            chosen = self._different(boards.random_boards(self.n, self.missing, self.excluded, rng), split, count)
        else:
            every = [each for each in boards.masked_boards(self.n, self.missing) if self.split_of(each) == split]
            chosen = [every[row] for row in rng.permutation(len(every))[:count]]
        if count and not chosen:
            described = f"nqueens with n={self.n} and {self.missing} queens removed"
            raise UserError(f"{described} has no board in the {split} split")
        return chosen

    def unsolvable(self, split: Split, count: int, seed: int) -> list[Board]:
        """Return at most `count` boards whose queens do not attack each other and that cannot be completed."""
        candidates = boards.peaceful_boards(self.n, self.missing, self.excluded, np.random.default_rng(seed))
        return self._different(candidates, split, count, lambda board: self.solvable(board) is False)

    def _different(
        self, candidates: Iterator[Board], split: Split, count: int, wanted: Callable[[Board], bool] = lambda _: True
    ) -> list[Board]:
        """Return at most `count` different boards of a split that are wanted."""
        chosen: dict[Board, None] = {}
        idle = 0
        while len(chosen) < count and idle < MAX_IDLE:
            board = next(candidates)
            new = board not in chosen and self.split_of(board) == split and wanted(board)
            chosen |= {board: None} if new else {}
            idle = 0 if new else idle + 1
        return list(chosen)

    def split_of(self, board: Board) -> str:
        """Return the split that a board belongs to."""
        return boards.split_of(board, turned=self.split == "orbit")

    def load(self, path: str, skip_bad: bool = False) -> list[Board]:
        """Read a board from a text file, the boards of a folder, or those of size n from JSON of excluded diagonals.

        Of each list of diagonals the first `excluded` count, and shorter lists are left out; all count if it is 0.
        """
        if ending(Path(path)) != ".json" or is_folder(path):
            return read_path(path, files.ENDINGS, self.wording.singular, files.read_board, skip_bad)
        if not self.excludes:
            raise UserError(f"{path}: boards with excluded diagonals need --task.excluded, or {TRAINED_SO}")
        every = files.read_diagonals(path, self.n)
        found = [Board(self.n, (), each[: self.excluded or None]) for each in every if len(each) >= self.excluded]
        if not found:
            raise UserError(f"{path}: no board of n={self.n} in this file has {self.excluded} excluded diagonals")
        return found

    def read(self, text: str) -> list[Board]:
        """Read a board written out, or those of a path."""
        return [files.parse_board(text.encode(errors="replace"))] if files.spells_board(text) else self.load(text)

    def prepare(self, problem: Board) -> Board:
        """Return the board. Raises `UserError` if it is impossible or excludes diagonals and the task does not."""
        if not isinstance(problem, Board):
            raise UserError(f"nqueens takes a Board(size, queens), not {type(problem).__name__}")
        checker.check_board(problem)
        if problem.excluded and not self.excludes:
            raise UserError(f"the board excludes diagonals, which takes nqueens with excluded > 0 or {TRAINED_SO}")
        excluded = tuple(sorted((int(number), int(kind)) for number, kind in problem.excluded))
        return Board(problem.size, tuple(sorted(set(problem.queens))), excluded)

    def encode(self, problems: Sequence[Board]) -> Problems:
        tokens = torch.full((len(problems), problems[0].size ** 2), EMPTY)
        for row, board in enumerate(problems):
            tokens[row, list(board.queens)] = QUEEN
            tokens[row, boards.excluded_cells(board)] = EXCLUDED
        return self._related(tokens)

    def _related(self, tokens: Tensor) -> Problems:
        """Return tokens `(batch, cells)` with the relations of a board, and their pins."""
        pins = torch.full_like(tokens, -1).masked_fill(tokens == QUEEN, 1).masked_fill(tokens == EXCLUDED, 0)
        relations = None if self.layout == "tokens" else boards.relations_of(round(tokens.shape[1] ** 0.5))
        return Problems(tokens, relations, pins)

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Turn or mirror each board at random, if the task augments."""
        if not self.augmented:
            return problems, answers
        turn = torch.randint(8, (len(answers),), generator=generator)
        source = torch.from_numpy(symmetries(round(problems.tokens.shape[1] ** 0.5))).argsort(1)[turn]
        moved = answers.gather(2, source[:, None].expand_as(answers))
        return self._related(problems.tokens.gather(1, source)), moved

    def constraint_log_prob(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """One queen in each row and column, at most one on a diagonal, none on excluded ones, the given ones kept."""
        assert problems.pins is not None
        queens = probabilities[..., 1]
        size = round(queens.shape[1] ** 0.5)
        lines = torch.eye(size, device=queens.device).repeat_interleave(size, 1)
        lines = torch.cat((lines, lines.view(size, size, size).mT.flatten(1)))
        crossed = torch.from_numpy(diagonals(size)).to(queens.device)
        held = log_exactly_one(queens, lines) + log_at_most_one(queens, crossed)
        return held + log_given(probabilities, problems.pins)

    def to_json(self, answer: Answer) -> list[int]:
        """Return the column of the queen in each row, counted from 0; -1 where a row has none or several."""
        size = round(len(answer) ** 0.5)
        rows = [answer[start : start + size] for start in range(0, size * size, size)]
        return [row.index(1) if sum(row) == 1 else -1 for row in rows]

    def violations(self, problem: Board, answer: Answer) -> int:
        if len(answer) != problem.size**2:
            raise UserError(f"an answer must have {problem.size**2} cells, not {len(answer)}")
        return checker.count_violations(problem, [cell for cell, value in enumerate(answer) if value])

    def targets(self, problem: Board) -> Tensor:
        """Return every completion. Raises `TimeoutError` if the search takes too long."""
        if problem.size > MAX_GENERATED:
            found = boards.as_cells(sorted(completions(*problem, SEARCH_LIMIT)), problem.size)
        else:
            found = boards.full_boards(problem.size)
            found = found[found[:, list(problem.queens)].all(1)]
            found = found[~found[:, boards.excluded_cells(problem)].any(1)]
        return torch.from_numpy(found).long()

    def solvable(self, problem: Board) -> bool | None:
        try:
            return next(completions(*problem, SEARCH_LIMIT), None) is not None
        except TimeoutError:
            return None

    def text(self, problem: Board, answer: Answer) -> str:
        """Return the board, a line a row, as `load` reads it."""
        marks = ["Q" if value else "." for value in answer]
        return "\n".join(" ".join(marks[row : row + problem.size]) for row in range(0, len(marks), problem.size))

    def draw(self, problem: Board, answer: Answer | None, axes: Axes) -> None:
        picture.draw_board(problem, answer, axes)
