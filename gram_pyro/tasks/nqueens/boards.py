"""Boards of queens: random ones, a split that no turning of the board can cross, and how their cells are related."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.tasks.base import split_names
from gram_pyro.tasks.grid import related
from gram_pyro.tasks.nqueens.solver import all_solutions, diagonals, symmetries


class Board(NamedTuple):
    """A board of `size` x `size` cells, numbered row by row, with queens that stay where they are.

    No queen may stand on an excluded diagonal `(number, kind)`: the cells where row + column is number
    (kind 1), or row - column is number - (size - 1) (kind 0).
    """

    size: int
    queens: tuple[int, ...]
    excluded: tuple[tuple[int, int], ...] = ()


def excluded_cells(board: Board) -> NDArray[np.int64]:
    """Return the cells of the excluded diagonals, sorted."""
    rows = [number + kind * (2 * board.size - 1) for number, kind in board.excluded]
    return np.flatnonzero(diagonals(board.size)[rows].any(0))


def as_cells(columns: Sequence[Sequence[int]] | NDArray[np.int64], size: int) -> NDArray[np.int8]:
    """Return columns of the queens `(boards, size)` as 0 or 1 a cell: `(boards, size * size)`."""
    rows = np.array(columns, dtype=int).reshape(-1, size)
    cells: NDArray[np.int8] = np.eye(size, dtype=np.int8)[rows].reshape(-1, size * size)
    return cells


@lru_cache(maxsize=8)
def full_boards(size: int) -> NDArray[np.int8]:
    """Return every solution of the empty board, 0 or 1 a cell: `(solutions, size * size)`."""
    return as_cells(all_solutions(size), size)


@lru_cache(maxsize=4)
def masked_boards(size: int, removed: tuple[int, ...]) -> list[Board]:
    """Return every board that is left when so many queens are removed from a solution, each once, sorted."""
    solutions = [np.flatnonzero(cells).tolist() for cells in full_boards(size)]
    boards = {queens for each in solutions for missing in removed for queens in combinations(each, size - missing)}
    return [Board(size, queens) for queens in sorted(boards)]


def random_boards(size: int, removed: tuple[int, ...], excluded: int, rng: Generator) -> Iterator[Board]:
    """Yield random solutions without some of their queens, with diagonals excluded on which they have none; no end."""
    full = full_boards(size)
    while True:
        cells = np.flatnonzero(full[rng.integers(len(full))])
        queens = rng.choice(cells, size - rng.choice(removed), replace=False)
        empty = np.flatnonzero(~diagonals(size)[:, cells].any(1))
        yield exclude(size, queens, empty, excluded, rng)


def peaceful_boards(size: int, removed: tuple[int, ...], excluded: int, rng: Generator) -> Iterator[Board]:
    """Yield random queens that do not attack each other, completable or not, and excluded diagonals; no end."""
    lines = diagonals(size)
    while True:
        given = size - rng.choice(removed)
        queens = rng.permutation(size)[:given] * size + rng.permutation(size)[:given]
        occupied = lines[:, queens].sum(1)
        if (occupied < 2).all():
            yield exclude(size, queens, np.flatnonzero(occupied == 0), excluded, rng)


def exclude(size: int, queens: NDArray[np.int64], empty: NDArray[np.int64], excluded: int, rng: Generator) -> Board:
    """Return the board of these queens with so many of the `empty` rows of `diagonals` excluded."""
    chosen = rng.choice(empty, excluded, replace=False)
    pairs = ((int(row % (2 * size - 1)), int(row // (2 * size - 1))) for row in chosen)
    return Board(size, tuple(np.sort(queens).tolist()), tuple(sorted(pairs)))


def split_of(board: Board, turned: bool) -> str:
    """Return the split of a board: a hash of the board, or of the least of its eight images if `turned`.

    Boards whose excluded diagonals cover the same cells are one input, and in one split.
    """
    moves = symmetries(board.size)
    parts = [moves[:, list(board.queens)]]
    if board.excluded:
        parts.append(moves[:, excluded_cells(board)])
    images = list(zip(*(map(tuple, np.sort(part, axis=1).tolist()) for part in parts), strict=True))
    digest = hashlib.sha256(repr((board.size, *(min(images) if turned else images[0]))).encode()).digest()
    return str(split_names(np.frombuffer(digest[:8], ">u8"), 15)[0])


@lru_cache(maxsize=8)
def relations_of(size: int) -> Tensor:
    """Return same row, same column, same rising and same falling diagonal: `(4, cells, cells)`."""
    row, column = np.divmod(np.arange(size * size), size)
    return related(np.stack([row, column, row + column, row - column]))
