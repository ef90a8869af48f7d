"""N-Queens: complete a board with as many queens as it has rows, none attacking another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import ending, is_folder, read_path
from gram_pyro.tasks.abilities import Answer, Wording
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.constraints import log_at_most_one, log_exactly_one, log_given
from gram_pyro.tasks.nqueens.boards import (
    SEARCH_LIMIT,
    Board,
    as_cells,
    diagonal_rows,
    full_boards,
    masked_boards,
    peaceful_boards,
    random_boards,
    split_of,
)
from gram_pyro.tasks.nqueens.checker import check_board, count_violations
from gram_pyro.tasks.nqueens.files import ENDINGS, parse_board, read_board, read_diagonals, spells_board
from gram_pyro.tasks.nqueens.picture import draw_board
from gram_pyro.tasks.nqueens.relations import excluded_cells, marks_of, own_relations, relations_of
from gram_pyro.tasks.nqueens.solver import completions, diagonal_symmetries, diagonals, symmetries

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_GENERATED = 10
MAX_IDLE = 2000
"""Random boards in a row without a new one of the split, after which there are taken to be no more."""


@dataclass(frozen=True)
class NQueens(Task):
    """Boards of `n` x `n` cells from which some of n peaceful queens were removed; put them back.

    A problem is a `Board`; an answer is 0 or 1 for each cell, row by row. One token a cell (padding,
    empty, queen); two cells are related by row, by column and by each kind of diagonal. With excluded
    diagonals, which must stay empty, there are two more relations, and each problem has its own.
    """

    name: ClassVar[str] = "nqueens"
    wording: ClassVar[Wording] = Wording("board")
    max_known: ClassVar[int] = 128

    n: int = 8
    """Rows of a generated board."""
    removed: tuple[int, ...] = ()
    """How many queens are missing, each number as likely as it has boards (each equally likely with excluded
    diagonals); n - 3 to n - 1 by default."""
    excluded: int = 0
    """Excluded diagonals of each board, two more relations if any."""
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
            raise UserError(
                f"from 0 to {2 * self.n - 2} diagonals can be excluded with n={self.n}, not {self.excluded}: "
                f"{self.n} queens need one of each kind"
            )
        if self.layout == "tokens":
            if self.excluded:
                raise UserError("excluded diagonals are relations; take --task.layout relations, or none of them")
            object.__setattr__(self, "positions", True)
        if self.augmented and self.split == "input":
            raise UserError("with split=input a turned training board may be a test board; add --task.no-augmented")

    @property
    def missing(self) -> tuple[int, ...]:
        """How many queens are missing, also where `removed` does not tell."""
        return self.removed or (self.n - 3, self.n - 2, self.n - 1)

    @property
    def spec(self) -> Spec:
        """Padding, empty, queen; row, column and the two diagonals, the two again where excluded; none among tokens."""
        relations = 0 if self.layout == "tokens" else 6 if self.excluded else 4
        return Spec(3, (0, 1), relations, "1d" if self.positions else "none")

    def generate(self, split: Split, count: int, seed: int) -> list[Board]:
        """At most `count` boards of a split, in random order; there are finitely many."""
        if self.n > MAX_GENERATED:
            raise UserError(f"boards are generated up to n={MAX_GENERATED}, not n={self.n}; larger ones can be loaded")
        if self.excluded:
            candidates = random_boards(self.n, self.missing, self.excluded, np.random.default_rng(seed))
            boards = self._different(candidates, split, count)
        else:
            every = [board for board in masked_boards(self.n, self.missing) if self.split_of(board) == split]
            boards = [every[place] for place in np.random.default_rng(seed).permutation(len(every))[:count]]
        if count and not boards:
            raise UserError(
                f"nqueens with n={self.n} and {self.missing} queens removed has no board in the {split} split"
            )
        return boards

    def unsolvable(self, split: Split, count: int, seed: int) -> list[Board]:
        """Return at most `count` boards whose queens do not attack each other and that cannot be completed."""
        candidates = peaceful_boards(self.n, self.missing, self.excluded, np.random.default_rng(seed))
        return self._different(candidates, split, count, lambda board: self.solvable(board) is False)

    def _different(
        self, candidates: Iterator[Board], split: Split, count: int, wanted: Callable[[Board], bool] = lambda _: True
    ) -> list[Board]:
        """Return at most `count` different boards of a split that are wanted."""
        boards: dict[Board, None] = {}
        idle = 0
        for board in candidates:
            if len(boards) == count or idle == MAX_IDLE:
                break
            new = board not in boards and self.split_of(board) == split and wanted(board)
            idle = 0 if new else idle + 1
            if new:
                boards[board] = None
        return list(boards)

    def split_of(self, board: Board) -> Split:
        """The split that a board belongs to."""
        return split_of(board, turned=self.split == "orbit")

    def load(self, path: str, skip_bad: bool = False) -> list[Board]:
        """Read a board from a text file, the boards of a folder, or those of size n from JSON of excluded diagonals.

        Of each list of diagonals the first `excluded` count; shorter lists are left out.
        """
        if ending(Path(path)) == ".json" and not is_folder(path):
            return self.load_excluded(path)
        return read_path(path, ENDINGS, self.wording.singular, read_board, skip_bad)

    def read(self, text: str) -> list[Board]:
        """Read a board written out, or those of a path."""
        return [parse_board(text.encode(errors="replace"))] if spells_board(text) else self.load(text)

    def load_excluded(self, path: str) -> list[Board]:
        """Empty boards of size n with excluded diagonals from a JSON file."""
        if not self.excluded:
            raise UserError(
                f"{path}: boards with excluded diagonals need --task.excluded, "
                "or a checkpoint that was trained with excluded diagonals"
            )
        found = read_diagonals(path, self.n)
        boards = [Board(self.n, (), each[: self.excluded]) for each in found if len(each) >= self.excluded]
        if not boards:
            raise UserError(f"{path}: no board of n={self.n} in this file has {self.excluded} excluded diagonals")
        return boards

    def prepare(self, problem: Board) -> Board:
        """The board. Raises `UserError` if it is impossible or excludes diagonals and the task does not."""
        if not isinstance(problem, Board):
            raise UserError(f"nqueens takes a Board(size, queens), not {type(problem).__name__}")
        check_board(problem)
        if problem.excluded and not self.excluded:
            raise UserError(
                "the board excludes diagonals, which takes nqueens with excluded > 0 "
                "or a checkpoint that was trained with excluded diagonals"
            )
        excluded = tuple(sorted((int(number), int(kind)) for number, kind in problem.excluded))
        return Board(problem.size, tuple(sorted(set(problem.queens))), excluded)

    def encode(self, problems: Sequence[Board]) -> Problems:
        """Boards of equal size as tensors."""
        return self.problems(self.tokens(problems), self.marks(problems))

    def tokens(self, boards: Sequence[Board]) -> Tensor:
        """Boards of equal size as tokens `(batch, cells)`."""
        tokens = torch.ones(len(boards), boards[0].size ** 2, dtype=torch.long)
        for row, board in zip(tokens, boards, strict=True):
            row[list(board.queens)] = 2
        return tokens

    def marks(self, boards: Sequence[Board]) -> Tensor:
        """Which of the `diagonals` boards of equal size exclude: `(batch, diagonals)`."""
        marks = torch.zeros(len(boards), len(diagonals(boards[0].size)), dtype=torch.bool)
        for row, board in zip(marks, boards, strict=True):
            row[diagonal_rows(board)] = True
        return marks

    def problems(self, tokens: Tensor, marks: Tensor) -> Problems:
        """Return tokens `(batch, cells)` with the relations of a board and of its excluded diagonals `marks`."""
        pins = torch.where(tokens == 2, 1, -1)
        if self.layout == "tokens":
            return Problems(tokens, pins=pins)
        size = round(tokens.shape[1] ** 0.5)
        if not self.excluded:
            return Problems(tokens, relations_of(size), pins)
        relations = own_relations(size, marks)
        return Problems(tokens, relations, pins.masked_fill(excluded_cells(relations), 0))

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Turn or mirror each board at random, if the task augments."""
        if not self.augmented:
            return problems, answers
        size = round(problems.tokens.shape[1] ** 0.5)
        turn = torch.randint(8, (len(answers),), generator=generator)
        source = torch.from_numpy(symmetries(size)).argsort(1)[turn]
        tokens = problems.tokens.gather(1, source)
        marks = torch.zeros(0, dtype=torch.bool)
        if self.excluded and problems.relations is not None:
            moved = torch.from_numpy(diagonal_symmetries(size)).argsort(1)[turn]
            marks = marks_of(problems.relations).gather(1, moved)
        return self.problems(tokens, marks), answers.gather(2, source[:, None].expand_as(answers))

    def targets(self, problem: Board) -> Tensor:
        """Return every completion."""
        return torch.from_numpy(self.completed(problem)).long()

    def constraint_log_prob(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """One queen in each row and column, at most one on a diagonal, none on excluded ones, the given ones kept."""
        size = round(probabilities.shape[1] ** 0.5)
        queens = probabilities[..., 1]
        lines = torch.eye(size, device=queens.device).repeat_interleave(size, 1)
        crossed = torch.from_numpy(diagonals(size)).to(queens.device)
        held = log_exactly_one(queens, torch.cat((lines, lines.view(size, size, size).mT.flatten(1))))
        held = held + log_at_most_one(queens, crossed)
        assert problems.pins is not None
        return held + log_given(probabilities, problems.pins)

    def to_json(self, answer: Answer) -> list[int]:
        """The column of the queen in each row, counted from 0; -1 where a row has none or several."""
        size = round(len(answer) ** 0.5)
        rows = [answer[start : start + size] for start in range(0, size * size, size)]
        return [row.index(1) if sum(row) == 1 else -1 for row in rows]

    def violations(self, problem: Board, answer: Answer) -> int:
        """Attacks, queens on excluded diagonals, queens too few or too many, and queens of the problem that moved."""
        if len(answer) != problem.size**2:
            raise UserError(f"an answer must have {problem.size**2} cells, not {len(answer)}")
        return count_violations(problem, [cell for cell, value in enumerate(answer) if value])

    def solutions(self, problem: Board) -> list[Answer]:
        """All completions. Raises `TimeoutError` if the search takes too long."""
        return [tuple(row) for row in self.completed(problem).tolist()]

    def completed(self, problem: Board) -> NDArray[np.int8]:
        """All completions `(completions, cells)`. Raises `TimeoutError` if the search takes too long."""
        if problem.size > MAX_GENERATED:
            return as_cells(sorted(completions(*problem, SEARCH_LIMIT)), problem.size)
        boards = full_boards(problem.size)
        empty = diagonals(problem.size)[diagonal_rows(problem)].any(0)
        return boards[boards[:, list(problem.queens)].all(1) & ~boards[:, empty].any(1)]

    def solvable(self, problem: Board) -> bool | None:
        """Whether the board can be completed, by a bounded exact search."""
        try:
            return next(completions(*problem, SEARCH_LIMIT), None) is not None
        except TimeoutError:
            return None

    def text(self, problem: Board, answer: Answer) -> str:
        """Return the board, a line a row, as `load` reads it."""
        marks = ["Q" if value else "." for value in answer]
        return "\n".join(" ".join(marks[row : row + problem.size]) for row in range(0, len(marks), problem.size))

    def draw(self, problem: Board, answer: Answer | None, axes: Axes) -> None:
        """Draw the board: given queens black, others blue; attacks and misplaced queens red."""
        draw_board(problem, answer, axes)
