"""Boards of queens from text files: one line a row, one character a cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gram_pyro.errors import UserError

ENDINGS = (".txt", ".board")
MAX_BYTES = 1 << 20
QUEEN, EMPTY = "Qq1*", ".-_0"


def read_board(path: str | Path) -> NDArray[np.bool_]:
    """Where the queens of a file stand: `(rows, rows)`.

    A cell is `Q` (or `q`, `1`, `*`) or `.` (or `-`, `_`, `0`); spaces between cells and blank lines are skipped.
    Raises `UserError` if the file cannot be read or is no square board.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: more than {MAX_BYTES >> 20} MiB, too large for a board")
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as text ({error})") from None
    rows: list[list[bool]] = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = "".join(line.split())
        wrong = next((cell for cell in cells if cell not in QUEEN + EMPTY), None)
        if wrong is not None:
            raise UserError(f"{path}: line {number}: {wrong!r} is no cell; Q is a queen and . an empty cell")
        if rows and cells and len(cells) != len(rows[0]):
            raise UserError(f"{path}: line {number}: {len(cells)} cells, but the lines before have {len(rows[0])}")
        if cells:
            rows.append([cell in QUEEN for cell in cells])
    if not rows:
        raise UserError(f"{path}: the file is empty")
    if len(rows) != len(rows[0]):
        raise UserError(f"{path}: {len(rows)} rows of {len(rows[0])} cells, but a board is square")
    return np.array(rows)


def read_boards(folder: str | Path) -> list[tuple[str, NDArray[np.bool_]]]:
    """File name and board for every file of a folder with a known ending, sorted by name.

    Raises `UserError` if there is none, or if one of them cannot be read.
    """
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in ENDINGS)
    if not paths:
        raise UserError(f"{folder}: no board in this folder; known endings are {' and '.join(ENDINGS)}")
    return [(path.name, read_board(path)) for path in paths]
