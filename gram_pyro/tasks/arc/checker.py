"""What is wrong with a puzzle, or with an answer to one; nothing here knows a rule."""

from numbers import Integral
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.system.files import naming
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.arc.puzzles import COLORS, MAX_SIDE, ArcPuzzle
from gram_pyro.tasks.arc.views import Grid

SHAPE = '{"train": [{"input": grid, "output": grid}, ...], "test": [...]}'


def grid_of_answer(answer: Answer) -> Grid:
    """Return the grid of an answer: rows, columns, then the colors row by row; () if it is none."""
    if not answer:
        return ()
    _, columns, *cells = answer
    return tuple(tuple(cells[start : start + columns]) for start in range(0, len(cells), columns))


def answer_of_grid(grid: Grid) -> Answer:
    """Return rows, columns, then the colors row by row; () for no grid."""
    return (len(grid), len(grid[0]), *(color for row in grid for color in row)) if grid else ()


def count_violations(output: Grid | None, answer: Answer) -> int:
    """Count cells of the output that an answer does not have, and 1 if its size is another.

    Where nobody knows the output, what is no grid is one violation.
    """
    grid = grid_of_answer(answer)
    if output is None:
        return int(not grid)
    wrong = sum(
        row >= len(grid) or column >= len(grid[0]) or grid[row][column] != color
        for row, line in enumerate(output)
        for column, color in enumerate(line)
    )
    return wrong + ((len(grid), len(grid and grid[0])) != (len(output), len(output[0])))


def check_grid(grid: Any) -> None:
    """Raise `UserError` unless this is a list of equally long rows, 1 to 30 of each, of colors from 0 to 9."""
    if not (isinstance(grid, (list, tuple)) and grid and all(isinstance(row, (list, tuple)) and row for row in grid)):
        raise UserError(f"a grid is a list of rows, each a list of colors from 0 to 9, not {repr(grid)[:40]}")
    if len({*map(len, grid)}) > 1:
        row = next(number for number, row in enumerate(grid, 1) if len(row) != len(grid[0]))
        raise UserError(f"row {row} has {len(grid[row - 1])} cells, but the first has {len(grid[0])}")
    if max(len(grid), len(grid[0])) > MAX_SIDE:
        size = f"{len(grid)} x {len(grid[0])}"
        raise UserError(f"a grid has at most {MAX_SIDE} rows and {MAX_SIDE} columns, not {size}")
    for number, row in enumerate(grid, 1):
        for color in row:
            if not isinstance(color, Integral) or isinstance(color, bool) or int(color) not in range(COLORS):
                raise UserError(f"row {number}: {repr(color)[:40]} is no color; colors are whole numbers from 0 to 9")


def check_puzzle(puzzle: ArcPuzzle) -> None:
    """Raise `UserError` unless a puzzle has demonstrations with outputs, tests, and sound grids."""
    for pairs, kind in ((puzzle.demonstrations, "demonstration"), (puzzle.tests, "test")):
        if not pairs:
            raise UserError(f"a puzzle has at least one {kind}, and this one has none")
        for number, pair in enumerate(pairs, 1):
            for grid, side in zip(pair, pair._fields, strict=True):
                with naming(f"{kind} {number}, {side}"):
                    if grid is not None or kind == "demonstration":
                        check_grid(grid)
