"""What is wrong with a sudoku puzzle or an answer to it, by its rule; nothing here looks for solutions."""

from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.grid import cell_name
from gram_pyro.tasks.sudoku.box import Box, sides, size_of


class Puzzle(NamedTuple):
    """A grid with boxes of `box` cells, `3` for 3 x 3 or `"2x3"` for 2 x 3; `cells` row by row, 0 where blank."""

    box: Box
    cells: tuple[int, ...]


@lru_cache(maxsize=2)
def rule(box: Box) -> list[tuple[int, int]]:
    """Return the edges of the sudoku graph: pairs of cells that may not have the same digit."""
    rows, columns = sides(box)
    size = rows * columns
    pairs = combinations(product(range(size), repeat=2), 2)
    return [
        (size * r + c, size * s + d)
        for (r, c), (s, d) in pairs
        if r == s or c == d or (r // rows == s // rows and c // columns == d // columns)
    ]


def count_violations(puzzle: Puzzle, answer: Answer) -> int:
    """Count pairs of cells that may not have the same digit and do, givens that changed, and what is no digit."""
    same = sum(answer[first] == answer[second] for first, second in rule(puzzle.box))
    changed = sum(given not in (0, digit) for given, digit in zip(puzzle.cells, answer, strict=True))
    return same + changed + sum(not 1 <= digit <= size_of(puzzle.box) for digit in answer)


def check_puzzle(puzzle: Puzzle) -> None:
    """Raise `UserError` if a puzzle of the right size has what is no digit, or givens in conflict."""
    box, cells = puzzle
    size = size_of(box)
    for cell, digit in enumerate(cells):
        if digit not in range(size + 1):
            raise UserError(f"{digit!r} in {cell_name(size, cell)} is no digit from 1 to {size}, nor 0 for a blank")
    for first, second in rule(box):
        if cells[first] == cells[second] != 0:
            where = f"{cell_name(size, first)} and {cell_name(size, second)}"
            raise UserError(f"{where} share a row, column or box, but both are given the digit {cells[first]}")
