"""Boards of queens from text files, one line a row, one character a cell; excluded diagonals from JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_file, file_bytes, folder_files, naming, text_lines
from gram_pyro.tasks.nqueens.checker import check_diagonals

ENDINGS = (".txt", ".board")
MAX_BYTES = 1 << 20
MAX_JSON_BYTES = 1 << 26
QUEEN, EMPTY = "Qq1*", ".-_0"


def read_board(path: str | Path) -> NDArray[np.bool_]:
    """Where the queens of a file stand: `(rows, rows)`.

    A cell is `Q` (or `q`, `1`, `*`) or `.` (or `-`, `_`, `0`); spaces between cells and blank lines are skipped.
    Raises `UserError` if the file cannot be read or is no square board.
    """
    path = Path(path)
    with naming(path):
        check_file(path, "board")
        return parse_board(file_bytes(path, MAX_BYTES))


def read_boards(folder: str | Path) -> list[tuple[str, NDArray[np.bool_]]]:
    """File name and board for every text file of a folder with a known ending, sorted by name.

    Raises `UserError` if there is none, or if one of them cannot be read.
    """
    folder = Path(folder)
    with naming(folder):
        paths = folder_files(folder, ENDINGS, "board")
    return [(path.name, read_board(path)) for path in paths]


def read_diagonals(path: str | Path, size: int) -> list[tuple[tuple[int, int], ...]]:
    """Excluded diagonals `(number, kind)` of each instance with `size` rows, in the file's order.

    The file is JSON as the benchmark of excluded diagonals has it: `{size: {seed: [[number, kind], ...]}}`.
    Raises `UserError` if it cannot be read, is something else or has no instance of this size.
    """
    path = Path(path)
    with naming(path):
        check_file(path, "board")
        return parse_diagonals(file_bytes(path, MAX_JSON_BYTES), size)


def parse_board(content: bytes) -> NDArray[np.bool_]:
    """Where the queens stand in a text: `(rows, rows)`."""
    rows: list[list[bool]] = []
    for number, line in text_lines(content):
        cells = "".join(line.split())
        wrong = next((cell for cell in cells if cell not in QUEEN + EMPTY), None)
        if wrong is not None:
            raise UserError(f"line {number}: {wrong!r} is no cell; Q is a queen and . an empty cell")
        if rows and cells and len(cells) != len(rows[0]):
            raise UserError(f"line {number}: {len(cells)} cells, but the lines before have {len(rows[0])}")
        if cells:
            rows.append([cell in QUEEN for cell in cells])
    if not rows:
        raise UserError("the file is empty")
    if len(rows) != len(rows[0]):
        raise UserError(f"{len(rows)} rows of {len(rows[0])} cells, but a board is square")
    return np.array(rows)


def parse_diagonals(content: bytes, size: int) -> list[tuple[tuple[int, int], ...]]:
    """Excluded diagonals of each instance with `size` rows in a JSON text."""
    try:
        sizes: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON ({error})") from None
    if not isinstance(sizes, dict):
        raise UserError("expected {n: {seed: [[number, kind], ...]}}")
    seeds = sizes.get(str(size))
    if seeds is None:
        raise UserError(f"no boards of n={size} in this file; it has n={', '.join(sizes)[:200] or 'nothing'}")
    if not isinstance(seeds, dict):
        raise UserError(f"n={size}: expected {{seed: [[number, kind], ...]}}")
    for seed, diagonals in seeds.items():
        with naming(f"n={size}, seed {seed}"):
            if not isinstance(diagonals, list):
                raise UserError("expected a list of diagonals [number, kind]")
            check_diagonals(size, diagonals)
    return [tuple((number, kind) for number, kind in diagonals) for diagonals in seeds.values()]
