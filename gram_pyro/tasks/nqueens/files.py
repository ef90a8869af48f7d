"""Boards of queens from text: rows of cells, columns of the queens, or FEN; excluded diagonals from JSON."""

import json
import re
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.system.files import file_bytes, is_file, is_folder, naming, text_lines
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
        board = parse_board(file_bytes(path, "board", MAX_BYTES))
        check_board(board)
        return board


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
    line = lines[0][1] if len(lines) == 1 else ""
    if COLUMNS.fullmatch(line):
        return parse_columns([int(column) for column in re.findall("-?[0-9]+", line)])
    fen = FEN.fullmatch(line)
    rows = fen_rows(fen[1].split("/")) if fen else cell_rows(lines)
    return Board(len(rows), tuple(cell for cell, mark in enumerate("".join(rows)) if mark in QUEEN))


def parse_columns(columns: list[int]) -> Board:
    """Read a board from the column of the queen in each row, -1 where there is none."""
    size = len(columns)
    for row, column in enumerate(columns, 1):
        if not -1 <= column < size:
            known = f"{size} columns go from 0 to {size - 1}, and -1 is a row without a queen"
            raise UserError(f"the queen of row {row} stands in column {column}, but {known}")
    return Board(size, tuple(row * size + column for row, column in enumerate(columns) if column >= 0))


def fen_rows(rows: list[str]) -> list[str]:
    """Return the cells of each row of a FEN."""
    written: list[str] = []
    for row, text in enumerate(rows, 1):
        if wrong := re.search("[^0-9Qq]|[0-9]{3,}", text):
            raise UserError(f"row {row} of the FEN: {wrong[0][:40]!r} is neither a queen nor a number of empty cells")
        written.append(re.sub("[0-9]+", lambda run: "." * int(run[0]), text))
        if len(written[-1]) != len(rows):
            sizes = f"{len(written[-1])} cells, but a board of {len(rows)} rows has {len(rows)} in each"
            raise UserError(f"row {row} of the FEN has {sizes}")
    return written


def cell_rows(lines: list[tuple[int, str]]) -> list[str]:
    """Return the cells of each row, from numbered lines."""
    rows: list[str] = []
    for number, line in lines:
        cells = FRAME.sub("", line)
        if wrong := cells.strip(QUEEN + EMPTY):
            raise UserError(f"line {number}: {wrong[0]!r} is no cell; Q is a queen and . an empty cell")
        if rows and cells and len(cells) != len(rows[0]):
            raise UserError(f"line {number}: {len(cells)} cells, but the lines before have {len(rows[0])}")
        rows += [cells] if cells else []
    if not rows or len(rows) != len(rows[0]):
        raise UserError(f"{len(rows)} rows of {len(rows[0]) if rows else 0} cells, but a board is square")
    return rows


def read_diagonals(path: str | Path, size: int) -> list[tuple[tuple[int, int], ...]]:
    """Read excluded diagonals `(number, kind)` of each instance with `size` rows, in the file's order.

    The file is JSON as the benchmark of excluded diagonals has it: `{size: {seed: [[number, kind], ...]}}`.
    Raises `UserError` if it cannot be read, is something else or has no instance of this size.
    """
    path = Path(path)
    with naming(path):
        try:
            sizes: Any = json.loads(file_bytes(path, "board", MAX_JSON_BYTES))
        except (ValueError, RecursionError) as error:
            raise UserError(f"not JSON ({error})") from None
        if not isinstance(sizes, dict):
            raise UserError("expected {n: {seed: [[number, kind], ...]}}")
        if (seeds := sizes.get(str(size))) is None:
            raise UserError(f"no boards of n={size} in this file; it has n={', '.join(sizes)[:200] or 'nothing'}")
        if not isinstance(seeds, dict):
            raise UserError(f"n={size}: expected {{seed: [[number, kind], ...]}}")
        for seed, diagonals in seeds.items():
            with naming(f"n={size}, seed {seed}"):
                if not isinstance(diagonals, list):
                    raise UserError("expected a list of diagonals [number, kind]")
                check_diagonals(size, diagonals)
        return [tuple((number, kind) for number, kind in diagonals) for diagonals in seeds.values()]
