"""Boards of queens from text: rows of cells, columns of the queens, or FEN; excluded diagonals from JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_file, file_bytes, is_file, is_folder, naming, text_lines
from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.checker import check_board, check_diagonals

ENDINGS = (".txt", ".board", ".fen")
MAX_BYTES = 1 << 20
MAX_JSON_BYTES = 1 << 26
QUEEN, EMPTY = "Qq1*\u2655\u265b", ".-_0"

FRAME = re.compile(r"[\s|,;\[\]]+|^[-+=\s]*\+[-+=\s]*$")
COLUMNS = re.compile(r"[\[(]?\s*-?[0-9]{1,9}(?:[\s,;]+-?[0-9]{1,9})+\s*[\])]?")
FEN = re.compile("([0-9KQRBNPkqrbnp]+(?:/[0-9KQRBNPkqrbnp]+)+)(?: .*)?")


def read_board(path: str | Path) -> Board:
    """Read the board in a text file, as `parse_board`. Raises `UserError` if there is none, or an impossible one."""
    path = Path(path)
    with naming(path):
        check_file(path, "board")
        board = parse_board(file_bytes(path, MAX_BYTES))
        check_board(board)
        return board


def read_diagonals(path: str | Path, size: int) -> list[tuple[tuple[int, int], ...]]:
    """Read excluded diagonals `(number, kind)` of each instance with `size` rows, in the file's order.

    The file is JSON as the benchmark of excluded diagonals has it: `{size: {seed: [[number, kind], ...]}}`.
    Raises `UserError` if it cannot be read, is something else or has no instance of this size.
    """
    path = Path(path)
    with naming(path):
        check_file(path, "board")
        return parse_diagonals(file_bytes(path, MAX_JSON_BYTES), size)


def spells_board(text: str) -> bool:
    """Return whether a text is a board, well written or not, rather than a path."""
    line = text.strip()
    spelled = "\n" in line or COLUMNS.fullmatch(line) or FEN.fullmatch(line)
    return bool(spelled) and not (is_file(text) or is_folder(text))


def parse_board(content: bytes) -> Board:
    """Read the board that a text spells, in one of three ways. Raises `UserError` if it spells none.

    A line for each row: a cell is `Q` (or `q`, `1`, `*`) or `.` (or `-`, `_`, `0`); spaces, commas, brackets and
    frames are skipped. One line of numbers: the column of the queen in each row, from 0, or -1 where there is none.
    One line of FEN: rows with a slash between, each `Q` a queen and each number so many empty cells.
    Blank lines and what follows `#` are skipped.
    """
    lines = [(number, line.partition("#")[0].strip()) for number, line in text_lines(content)]
    lines = [(number, line) for number, line in lines if line]
    if not lines:
        raise UserError("the file is empty")
    if len(lines) > 1:
        return parse_rows(lines)
    line = lines[0][1]
    if COLUMNS.fullmatch(line):
        return parse_columns([int(column) for column in re.findall("-?[0-9]+", line)])
    fen = FEN.fullmatch(line)
    return parse_fen(fen[1].split("/")) if fen else parse_rows(lines)


def parse_rows(lines: list[tuple[int, str]]) -> Board:
    """Read a board from a numbered line for each row."""
    rows: list[str] = []
    for number, line in lines:
        cells = FRAME.sub("", line)
        wrong = next((cell for cell in cells if cell not in QUEEN + EMPTY), None)
        if wrong is not None:
            raise UserError(f"line {number}: {wrong!r} is no cell; Q is a queen and . an empty cell")
        if rows and cells and len(cells) != len(rows[0]):
            raise UserError(f"line {number}: {len(cells)} cells, but the lines before have {len(rows[0])}")
        if cells:
            rows.append(cells)
    if not rows or len(rows) != len(rows[0]):
        raise UserError(f"{len(rows)} rows of {len(rows[0]) if rows else 0} cells, but a board is square")
    return Board(len(rows), tuple(cell for cell, mark in enumerate("".join(rows)) if mark in QUEEN))


def parse_columns(columns: list[int]) -> Board:
    """Read a board from the column of the queen in each row, -1 where there is none."""
    size = len(columns)
    for row, column in enumerate(columns, 1):
        if not -1 <= column < size:
            raise UserError(
                f"the queen of row {row} stands in column {column}, but {size} columns go from 0 to {size - 1}, "
                "and -1 is a row without a queen"
            )
    return Board(size, tuple(row * size + column for row, column in enumerate(columns) if column >= 0))


def parse_fen(rows: list[str]) -> Board:
    """Read a board from the rows of a FEN."""
    size = len(rows)
    queens: list[int] = []
    for row, text in enumerate(rows):
        column = 0
        for part in re.findall("[0-9]+|.", text):
            if part in "Qq":
                queens.append(row * size + column)
                column += 1
            elif part.isdigit() and len(part) < 4:
                column += int(part)
            else:
                raise UserError(
                    f"row {row + 1} of the FEN: {part[:40]!r} is neither a queen nor a number of empty cells"
                )
        if column != size:
            raise UserError(
                f"row {row + 1} of the FEN has {column} cells, but a board of {size} rows has {size} in each"
            )
    return Board(size, tuple(queens))


def parse_diagonals(content: bytes, size: int) -> list[tuple[tuple[int, int], ...]]:
    """Read excluded diagonals of each instance with `size` rows in a JSON text."""
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
