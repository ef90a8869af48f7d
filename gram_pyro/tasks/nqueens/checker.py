"""What is wrong with a board of queens, by plain geometry; nothing here looks for solutions."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from numbers import Integral
from typing import Any

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.tasks.grid import cell_name
from gram_pyro.tasks.nqueens.boards import Board

MAX_SIZE = 32


@lru_cache(maxsize=8)
def attacks(size: int) -> nx.Graph:
    """Return the queen's graph: cells, joined where a queen on one attacks the other."""
    graph = nx.empty_graph(size * size)
    for first, second in combinations(range(size * size), 2):
        down, right = second // size - first // size, abs(second % size - first % size)
        if down == 0 or right == 0 or down == right:
            graph.add_edge(first, second)
    return graph


def excluded_at(board: Board, cell: int) -> list[tuple[int, int]]:
    """Return the excluded diagonals that a cell lies on, two at most."""
    row, column = divmod(cell, board.size)
    return sorted({(row - column + board.size - 1, 0), (row + column, 1)}.intersection(board.excluded))


def count_violations(board: Board, queens: Sequence[int]) -> int:
    """Count pairs of queens that attack each other, excluded diagonals a queen stands on, queens too few or too many,
    and queens of the board that moved."""
    attacking = attacks(board.size).subgraph(queens).number_of_edges()
    forbidden = sum(len(excluded_at(board, cell)) for cell in queens)
    return int(attacking) + forbidden + abs(board.size - len(queens)) + len(set(board.queens) - set(queens))


def check_diagonals(size: int, excluded: Sequence[Any]) -> None:
    """Raise `UserError` if one of these is no diagonal `(number, kind)` of a board, or comes twice."""
    for position, diagonal in enumerate(excluded):
        parts = diagonal if isinstance(diagonal, Sequence) else ()
        if [isinstance(part, Integral) and not isinstance(part, bool) for part in parts] != [True, True]:
            raise UserError(f"{repr(diagonal)[:40]} is no diagonal, which is two integers: number, kind")
        number, kind = diagonal
        name = f"diagonal ({number}, {kind})"
        if kind not in (0, 1):
            raise UserError(f"{name[:60]}: the kind must be 1 (row + column = number) or 0 (row - column)")
        if not 0 <= number <= 2 * size - 2:
            raise UserError(f"{name[:60]}: numbers go from 0 to {2 * size - 2} on a board of {size} rows")
        if diagonal in excluded[:position]:
            raise UserError(f"{name} is excluded twice")


def check_board(board: Board) -> None:
    """Raise `UserError` if the size is out of range, or a queen off the board, attacked or on an excluded diagonal."""
    size, queens, excluded = board
    if not 4 <= size <= MAX_SIZE:
        raise UserError(f"the board has {size} rows; nqueens takes from 4 to {MAX_SIZE}")
    check_diagonals(size, excluded)
    for cell in queens:
        if not 0 <= cell < size * size:
            raise UserError(f"queen at cell {cell}, but the cells go from 0 to {size * size - 1}")
        for number, kind in excluded_at(board, cell):
            raise UserError(f"the queen at {cell_name(size, cell)} stands on the excluded diagonal ({number}, {kind})")
    for first, second in combinations(sorted(set(queens)), 2):
        if attacks(size).has_edge(first, second):
            raise UserError(f"the queens at {cell_name(size, first)} and {cell_name(size, second)} attack each other")
