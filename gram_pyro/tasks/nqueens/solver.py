"""Exact completion of boards of queens, their diagonals, and what rotations and reflections do to cells."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.backtracking import fillings

Diagonals = Sequence[tuple[int, int]]  # number and kind of each, as in `Board`


def completions(size: int, queens: Sequence[int], excluded: Diagonals, limit: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to complete a board: the column of the queen in each row.

    `queens` are the cells that are taken, numbered row by row, and `excluded` the diagonals `(number, kind)` that must
    stay empty; there is no completion if two queens attack each other or one is on such a diagonal. Branches on the
    row with the fewest free cells. Raises `TimeoutError` after `limit` branches.
    """
    columns = [-1] * size
    taken = [0, 0, 0]  # bits: column, column - row + size - 1, row + column
    for number, kind in excluded:
        taken[1 + kind] |= 1 << (number if kind else 2 * size - 2 - number)

    def options(row: int) -> list[int]:
        bits = taken[0] | taken[1] >> (size - 1 - row) | taken[2] >> row
        return [column for column in range(size) if not bits >> column & 1]

    def move(row: int, column: int, _: int) -> None:
        for line, number in enumerate((column, column - row + size - 1, row + column)):
            taken[line] ^= 1 << number

    for row, column in (divmod(cell, size) for cell in queens):
        if columns[row] >= 0 or column not in options(row):
            return iter(())
        columns[row] = column
        move(row, column, +1)
    return fillings(columns, lambda empty: min(empty, key=lambda row: (len(options(row)), row)), options, move, limit)


def all_solutions(size: int) -> NDArray[np.int64]:
    """Return every solution of the empty board, sorted: the column of the queen in each row, `(solutions, size)`."""
    columns = np.zeros((1, 0), dtype=int)
    taken = falling = rising = np.zeros(1, dtype=int)  # bits: columns of the next row that are attacked
    for _ in range(size):
        free = (taken | falling | rising)[:, None] >> np.arange(size) & 1 == 0
        rows, chosen = np.nonzero(free)
        columns = np.column_stack((columns[rows], chosen))
        taken, falling, rising = (bits[rows] | 1 << chosen for bits in (taken, falling, rising))
        falling, rising = falling << 1, rising >> 1
    return columns


@lru_cache(maxsize=8)
def symmetries(size: int) -> NDArray[np.int64]:
    """Return where the eight rotations and reflections take each cell: `(8, size * size)`, the identity first."""
    board = np.arange(size * size).reshape(size, size)
    turned = [np.rot90(board, turns) for turns in range(4)]
    return np.stack([each.ravel() for board in turned for each in (board, board.T)])


@lru_cache(maxsize=8)
def diagonals(size: int) -> NDArray[np.bool_]:
    """Return the cells of each diagonal, by row - column, then row + column: `(2 * (2 * size - 1), size * size)`."""
    row, column = np.divmod(np.arange(size * size), size)
    numbers = np.arange(2 * size - 1)[:, None]
    return np.concatenate([row - column + size - 1 == numbers, row + column == numbers])
