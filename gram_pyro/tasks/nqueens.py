"""N-Queens: complete a board with as many queens as it has rows, none attacking another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import networkx as nx
import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Answer, Problems, Split, Task
from gram_pyro.tasks.board_files import read_board, read_boards
from gram_pyro.tasks.exact_nqueens import completions, symmetries
from gram_pyro.tasks.nqueens_pool import NQueensPool

TEST_PERCENT = 15
VALIDATION_PERCENT = 5
MAX_GENERATED = 10
MAX_SIZE = 32
SEARCH_LIMIT = 1_000_000


class Board(NamedTuple):
    """A board of `size` x `size` cells, numbered row by row, with queens that stay where they are."""

    size: int
    queens: tuple[int, ...]


@dataclass(frozen=True)
class NQueens(Task):
    """Boards of `n` x `n` cells from which some of n peaceful queens were removed; put them back.

    A problem is a `Board`; an answer is 0 or 1 for each cell, row by row. One token a cell (padding,
    empty, queen); two cells are related by row, by column and by each kind of diagonal.
    """

    name: ClassVar[str] = "nqueens"
    noun: ClassVar[str] = "board"

    n: int = 8
    """Rows of a generated board."""
    removed: tuple[int, ...] = ()
    """How many queens are missing, each number as likely as it has boards; n - 3 to n - 1 unless told otherwise."""
    split: Literal["orbit", "input"] = "orbit"
    """What no two splits share: a board and all its rotations and reflections, or only the board itself (the paper)."""
    augment: bool = True
    """Whether training boards are turned and mirrored at random."""

    def __post_init__(self) -> None:
        if self.n < 4:
            raise UserError(f"nqueens needs a board of at least 4 rows, not n={self.n}")
        if not self.removed:
            object.__setattr__(self, "removed", (self.n - 3, self.n - 2, self.n - 1))
        if not all(1 <= k <= self.n for k in self.removed):
            raise UserError(f"from 1 to {self.n} queens can be removed, not {self.removed}")
        if self.augment and self.split == "input":
            raise UserError("with split=input a turned training board may be a test board; add --task.no-augment")

    @property
    def vocabulary(self) -> int:
        """Padding, empty, queen."""
        return 3

    @property
    def classes(self) -> int:
        """Empty or queen."""
        return 2

    @property
    def relations(self) -> int:
        """Row, column and the two diagonals."""
        return 4

    @property
    def positions(self) -> bool:
        """The relations say where a cell is."""
        return False

    def generate(self, split: Split, count: int, seed: int) -> list[Board]:
        """At most `count` boards of a split, in random order; there are finitely many."""
        if self.n > MAX_GENERATED:
            raise UserError(f"boards are generated up to n={MAX_GENERATED}, not n={self.n}; larger ones can be loaded")
        boards = [board for board in masked_boards(self.n, self.removed) if self.split_of(board) == split]
        if not boards:
            raise UserError(
                f"nqueens with n={self.n} and {self.removed} queens removed has no board in the {split} split"
            )
        order = np.random.default_rng(seed).permutation(len(boards))
        return [boards[place] for place in order[:count]]

    def split_of(self, board: Board) -> Split:
        """The split that a board belongs to: a hash of its queens, or of the least of its eight images."""
        images = [board.queens]
        if self.split == "orbit":
            images = [tuple(sorted(row)) for row in symmetries(board.size)[:, list(board.queens)].tolist()]
        digest = hashlib.sha256(repr((board.size, min(images))).encode()).digest()
        bucket = int.from_bytes(digest[:8], "big") % 100
        if bucket < TEST_PERCENT:
            return "test"
        return "validation" if bucket < TEST_PERCENT + VALIDATION_PERCENT else "train"

    def load(self, path: str) -> list[Board]:
        """One board from a file, or every board of a folder."""
        found = [cells for _, cells in read_boards(path)] if Path(path).is_dir() else [read_board(path)]
        return [Board(len(cells), tuple(np.flatnonzero(cells).tolist())) for cells in found]

    def prepare(self, problem: Board) -> Board:
        """The board. Raises `UserError` if its size is out of range, or a queen off the board or attacked."""
        if not isinstance(problem, Board):
            raise UserError(f"nqueens takes a Board(size, queens), not {type(problem).__name__}")
        size, queens = problem
        if not 4 <= size <= MAX_SIZE:
            raise UserError(f"the board has {size} rows; nqueens takes from 4 to {MAX_SIZE}")
        for cell in queens:
            if not 0 <= cell < size * size:
                raise UserError(f"queen at cell {cell}, but the cells go from 0 to {size * size - 1}")
        for first, second in combinations(sorted(set(queens)), 2):
            if attacks(size).has_edge(first, second):
                raise UserError(f"the queens at {place(size, first)} and {place(size, second)} attack each other")
        return Board(size, tuple(sorted(set(queens))))

    def encode(self, problems: Sequence[Board]) -> Problems:
        """Boards of equal size as tensors."""
        tokens = torch.ones(len(problems), problems[0].size ** 2, dtype=torch.long)
        for row, board in zip(tokens, problems, strict=True):
            row[list(board.queens)] = 2
        return self.problems(tokens)

    def problems(self, tokens: Tensor) -> Problems:
        """Tokens `(batch, cells)` with the relations of a board of their size."""
        return Problems(tokens, relations_of(round(tokens.shape[1] ** 0.5)))

    def training_set(self, problems: Sequence[Board]) -> NQueensPool:
        """Boards with all their completions, turned and mirrored at random if `augment`."""
        return NQueensPool(self, problems)

    def targets(self, problem: Board) -> Tensor:
        """Every completion."""
        return torch.tensor(self.solutions(problem))

    def answer(self, problem: Board, values: Sequence[int]) -> Answer:
        """0 or 1 for each cell."""
        return tuple(int(value) for value in values)

    def shown(self, answer: Answer) -> list[int]:
        """The columns of the queens, row by row, counted from 0."""
        size = round(len(answer) ** 0.5)
        return [cell % size for cell, value in enumerate(answer) if value]

    def canonical(self, answer: Answer) -> Answer:
        """The answer itself: different boards are different answers."""
        return answer

    def violations(self, problem: Board, answer: Answer) -> int:
        """Pairs of queens that attack each other, queens too few or too many, and queens of the problem that moved."""
        if len(answer) != problem.size**2:
            raise UserError(f"an answer must have {problem.size**2} cells, not {len(answer)}")
        queens = [cell for cell, value in enumerate(answer) if value]
        attacking = attacks(problem.size).subgraph(queens).number_of_edges()
        return int(attacking) + abs(problem.size - len(queens)) + len(set(problem.queens) - set(queens))

    def solutions(self, problem: Board) -> list[Answer]:
        """All completions. Raises `TimeoutError` if the search takes too long."""
        if problem.size <= MAX_GENERATED:
            boards = full_boards(problem.size)
            found = boards[boards[:, list(problem.queens)].all(1)]
        else:
            found = as_cells(sorted(completions(*problem, SEARCH_LIMIT)), problem.size)
        return [tuple(row) for row in found.tolist()]

    def solvable(self, problem: Board) -> bool | None:
        """Whether the board can be completed, by a bounded exact search."""
        try:
            return next(completions(*problem, SEARCH_LIMIT), None) is not None
        except TimeoutError:
            return None

    def draw(self, problem: Board, answer: Answer | None, axes: Axes) -> None:
        """The board: given queens black, others blue, attacks as red lines."""
        size = problem.size
        axes.imshow(np.indices((size, size)).sum(0) % 2, cmap="Greys", vmin=-0.2, vmax=3)
        queens = problem.queens if answer is None else [cell for cell, value in enumerate(answer) if value]
        for first, second in attacks(size).subgraph(queens).edges:
            (y1, x1), (y2, x2) = divmod(first, size), divmod(second, size)
            axes.plot([x1, x2], [y1, y2], color="#d62728", linewidth=2)
        for cell in {*queens, *problem.queens}:
            row, column = divmod(cell, size)
            color = "black" if cell in problem.queens else "#4e79a7"
            axes.text(column, row, "\u265b", ha="center", va="center", fontsize=150 / size, color=color)
        axes.set_axis_off()


def place(size: int, cell: int) -> str:
    """A cell in words, rows and columns counted from 1."""
    return f"row {cell // size + 1}, column {cell % size + 1}"


@lru_cache(maxsize=8)
def attacks(size: int) -> nx.Graph:
    """The queen's graph: cells, joined where a queen on one attacks the other."""
    graph = nx.empty_graph(size * size)
    for first, second in combinations(range(size * size), 2):
        (row, column), (other_row, other_column) = divmod(first, size), divmod(second, size)
        down, right = other_row - row, abs(other_column - column)
        if down == 0 or right == 0 or down == right:
            graph.add_edge(first, second)
    return graph


@lru_cache(maxsize=8)
def relations_of(size: int) -> Tensor:
    """Same row, same column, same rising and same falling diagonal: `(4, cells, cells)`."""
    row, column = np.divmod(np.arange(size * size), size)
    lines = np.stack([row, column, row + column, row - column])
    same = lines[:, :, None] == lines[:, None, :]
    return torch.from_numpy(same & ~np.eye(size * size, dtype=bool)).float()


def as_cells(columns: Sequence[Sequence[int]], size: int) -> NDArray[np.int8]:
    """Columns of the queens `(boards, size)` as 0 or 1 a cell: `(boards, size * size)`."""
    rows = np.array(columns, dtype=int).reshape(-1, size)
    cells: NDArray[np.int8] = np.eye(size, dtype=np.int8)[rows].reshape(-1, size * size)
    return cells


@lru_cache(maxsize=4)
def full_boards(size: int) -> NDArray[np.int8]:
    """Every solution of the empty board, 0 or 1 a cell: `(solutions, size * size)`."""
    return as_cells(sorted(completions(size, (), SEARCH_LIMIT)), size)


@lru_cache(maxsize=4)
def masked_boards(size: int, removed: tuple[int, ...]) -> list[Board]:
    """Every board that is left when so many queens are removed from a solution, each once, sorted."""
    boards: set[tuple[int, ...]] = set()
    for cells in full_boards(size):
        for missing in removed:
            boards.update(combinations(np.flatnonzero(cells).tolist(), size - missing))
    return [Board(size, queens) for queens in sorted(boards)]
