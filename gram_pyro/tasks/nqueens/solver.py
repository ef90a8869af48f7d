"""Exact completion of boards of queens, and what rotations and reflections do to cells and diagonals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def completions(
    size: int, queens: Sequence[int], excluded: Sequence[tuple[int, int]], limit: int
) -> Iterator[tuple[int, ...]]:
    """Every way to complete a board: the column of the queen in each row.

    `queens` are the cells that are taken, numbered row by row, and `excluded` the diagonals
    `(number, kind)` that must stay empty; there is no completion if two queens attack each other or
    one is on such a diagonal. Branches on the row with the fewest free cells. Raises `TimeoutError`
    after `limit` branches.
    """
    columns = [-1] * size
    taken, rising, falling = 0, 0, 0  # bits: column, row + column, column - row + size - 1
    for number, kind in excluded:
        if kind:
            rising |= 1 << number
        else:
            falling |= 1 << (2 * size - 2 - number)

    def free(row: int) -> int:
        return ~(taken | rising >> row | falling >> (size - 1 - row)) & ((1 << size) - 1)

    def move(row: int, column: int) -> None:
        nonlocal taken, rising, falling
        taken ^= 1 << column
        rising ^= 1 << (row + column)
        falling ^= 1 << (column - row + size - 1)

    for row, column in (divmod(cell, size) for cell in queens):
        if columns[row] >= 0 or not free(row) >> column & 1:
            return
        columns[row] = column
        move(row, column)
    branches = 0
    open_rows = {row for row in range(size) if columns[row] < 0}
    stack: list[tuple[int, int]] = []  # (row, columns still to try there)
    while True:
        if open_rows:
            row = min(open_rows, key=lambda r: (free(r).bit_count(), r))
            open_rows.discard(row)
            stack.append((row, free(row)))
        else:
            yield tuple(columns)
        while stack:
            row, choices = stack.pop()
            if columns[row] >= 0:
                move(row, columns[row])
                columns[row] = -1
            if choices:
                column = choices.bit_length() - 1
                columns[row] = column
                move(row, column)
                stack.append((row, choices ^ 1 << column))
                branches += 1
                break
            open_rows.add(row)
        if not stack:
            return
        if branches > limit:
            raise TimeoutError(f"undecided after {limit} branches")


@lru_cache(maxsize=8)
def symmetries(size: int) -> NDArray[np.int64]:
    """Where the eight rotations and reflections take each cell: `(8, size * size)`, the identity first."""
    board = np.arange(size * size).reshape(size, size)
    turned = [np.rot90(board, turns) for turns in range(4)]
    return np.stack([each.ravel() for board in turned for each in (board, board.T)])


@lru_cache(maxsize=8)
def diagonals(size: int) -> NDArray[np.bool_]:
    """The cells of each diagonal: `(2 * (2 * size - 1), size * size)`, by row - column and then by row + column."""
    row, column = np.divmod(np.arange(size * size), size)
    numbers = np.arange(2 * size - 1)[:, None]
    return np.concatenate([row - column + size - 1 == numbers, row + column == numbers])


@lru_cache(maxsize=8)
def diagonal_symmetries(size: int) -> NDArray[np.int64]:
    """Where the symmetries take each diagonal: `(8, 2 * (2 * size - 1))`."""
    lines = diagonals(size)
    index = {line.tobytes(): number for number, line in enumerate(lines)}
    turned = [lines[:, np.argsort(move)] for move in symmetries(size)]
    return np.array([[index[line.tobytes()] for line in image] for image in turned])
