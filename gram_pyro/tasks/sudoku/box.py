"""The boxes of a sudoku: `r` rows by `c` columns of cells, in a grid of as many digits, rows, columns and boxes."""

import re

from gram_pyro.errors import UserError

Box = int | str
"""A box as it is written: `3` for 3 x 3 cells, `"2x3"` for two rows by three columns."""
LARGEST = 25  # cells of a box


def sides(box: Box) -> tuple[int, int]:
    """Return rows and columns of a box. Raises `UserError` if there is no such box."""
    match = re.fullmatch(r"(\d{1,2})(?:\s*[x\u00d7]\s*(\d{1,2}))?", str(box).strip().lower())
    rows, columns = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(rows, columns) < 2 or rows * columns > LARGEST:
        most = f"a sudoku box has at least 2 rows and 2 columns, and at most {LARGEST} cells"
        raise UserError(f"{most}, written as 3 for grids of 9 x 9 or 2x3 for 6 x 6, not box={box}")
    return rows, columns


def normal(box: Box) -> Box:
    """Return a box in the form that equal boxes share. Raises `UserError` if there is no such box."""
    rows, columns = sides(box)
    return rows if rows == columns else f"{rows}x{columns}"


def size_of(box: Box) -> int:
    """Return the number of digits, rows, columns and boxes."""
    rows, columns = sides(box)
    return rows * columns


def square_box(cells: int) -> Box:
    """Return the square box of a grid of so many cells."""
    return int(cells**0.25 + 0.5)


def boxes_of(size: int) -> list[Box]:
    """Return the boxes of a grid of `size` digits, nearly square ones first; none if there are none."""
    shapes = [(rows, size // rows) for rows in range(2, size) if size % rows == 0 and size <= LARGEST]
    return [normal(f"{rows}x{columns}") for rows, columns in sorted(shapes, key=lambda shape: abs(shape[0] - shape[1]))]
