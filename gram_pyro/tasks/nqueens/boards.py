"""Boards of queens: the full ones, what is left of them, and a split that no turning of the board can cross."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.base import Split
from gram_pyro.tasks.nqueens.solver import completions, diagonal_symmetries, diagonals, symmetries

TEST_PERCENT = 15
VALIDATION_PERCENT = 5
SEARCH_LIMIT = 1_000_000


class Board(NamedTuple):
    """A board of `size` x `size` cells, numbered row by row, with queens that stay where they are.

    No queen may stand on an excluded diagonal `(number, kind)`: the cells where row + column is number
    (kind 1), or row - column is number - (size - 1) (kind 0).
    """

    size: int
    queens: tuple[int, ...]
    excluded: tuple[tuple[int, int], ...] = ()


def diagonal_rows(board: Board) -> list[int]:
    """The rows of `diagonals` that the excluded diagonals are."""
    return [number + kind * (2 * board.size - 1) for number, kind in board.excluded]


def as_cells(columns: Sequence[Sequence[int]], size: int) -> NDArray[np.int8]:
    """Columns of the queens `(boards, size)` as 0 or 1 a cell: `(boards, size * size)`."""
    rows = np.array(columns, dtype=int).reshape(-1, size)
    cells: NDArray[np.int8] = np.eye(size, dtype=np.int8)[rows].reshape(-1, size * size)
    return cells


@lru_cache(maxsize=4)
def full_boards(size: int) -> NDArray[np.int8]:
    """Every solution of the empty board, 0 or 1 a cell: `(solutions, size * size)`."""
    return as_cells(sorted(completions(size, (), (), SEARCH_LIMIT)), size)


@lru_cache(maxsize=4)
def masked_boards(size: int, removed: tuple[int, ...]) -> list[Board]:
    """Every board that is left when so many queens are removed from a solution, each once, sorted."""
    boards: set[tuple[int, ...]] = set()
    for cells in full_boards(size):
        for missing in removed:
            boards.update(combinations(np.flatnonzero(cells).tolist(), size - missing))
    return [Board(size, queens) for queens in sorted(boards)]


def random_boards(size: int, removed: tuple[int, ...], excluded: int, rng: np.random.Generator) -> Iterator[Board]:
    """Random solutions without some of their queens, with diagonals excluded on which they have none; no end."""
    full = full_boards(size)
    occupied = full.astype(int) @ diagonals(size).T
    while True:
        place = rng.integers(len(full))
        queens = rng.choice(np.flatnonzero(full[place]), size - rng.choice(removed), replace=False)
        yield exclude(size, queens, np.flatnonzero(occupied[place] == 0), excluded, rng)


def peaceful_boards(size: int, removed: tuple[int, ...], excluded: int, rng: np.random.Generator) -> Iterator[Board]:
    """Random queens that do not attack each other, completable or not, and diagonals excluded off them; no end."""
    lines = diagonals(size)
    while True:
        given = size - rng.choice(removed)
        queens = rng.permutation(size)[:given] * size + rng.permutation(size)[:given]
        occupied = lines[:, queens].sum(1)
        if (occupied < 2).all():
            yield exclude(size, queens, np.flatnonzero(occupied == 0), excluded, rng)


def exclude(
    size: int, queens: NDArray[np.int64], unoccupied: NDArray[np.int64], excluded: int, rng: np.random.Generator
) -> Board:
    """Return the board of these queens with so many of the `unoccupied` rows of `diagonals` excluded."""
    chosen = rng.choice(unoccupied, excluded, replace=False)
    pairs = ((int(row % (2 * size - 1)), int(row // (2 * size - 1))) for row in chosen)
    return Board(size, tuple(np.sort(queens).tolist()), tuple(sorted(pairs)))


def split_of(board: Board, turned: bool) -> Split:
    """The split that a board belongs to: a hash of the board, or of the least of its eight images if `turned`."""
    parts = [symmetries(board.size)[:, list(board.queens)]]
    if board.excluded:
        parts.append(diagonal_symmetries(board.size)[:, diagonal_rows(board)])
    images = list(zip(*(map(tuple, np.sort(part, axis=1).tolist()) for part in parts), strict=True))
    digest = hashlib.sha256(repr((board.size, *(min(images) if turned else images[0]))).encode()).digest()
    bucket = int.from_bytes(digest[:8], "big") % 100
    if bucket < TEST_PERCENT:
        return "test"
    return "validation" if bucket < TEST_PERCENT + VALIDATION_PERCENT else "train"
