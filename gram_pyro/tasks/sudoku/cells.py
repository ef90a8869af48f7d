"""The cells of sudoku puzzles as people write them.

Digits above 9 are letters, `A` for 10 to `P` for 25, or numbers between spaces, commas or bars. Blanks are any of
`.*_-x?`, or `0`. Where a grid of more than 9 digits has `0` beside another mark for blanks and lacks its last digit,
it counts from 0, as hexadecimal digits do: `0` is then its last digit.
"""

import re
from collections.abc import Iterable, Sequence
from math import isqrt
from pathlib import Path

import numpy as np

from gram_pyro.errors import UserError
from gram_pyro.system.files import ending, is_file, is_folder
from gram_pyro.tasks.grid import cell_name
from gram_pyro.tasks.sudoku.box import LARGEST, Box, boxes_of, sides, size_of
from gram_pyro.tasks.sudoku.solver import Grids

BLANKS = ".*_-xX?"
ZEROS = ("0", "00")
NAMES = "123456789ABCDEFGHIJKLMNOP"
FRAME = re.compile(r"[^\w.*?-]+")  # all that is neither a cell nor a letter
LETTERS = re.compile(r"[^\W\d_xX]")
RULED = re.compile(r"[-_*]+")


def parse_cells(text: str, box: Box, solved: bool = False) -> Grids:
    """Read the cells that a text spells `(cells,)`. Raises `UserError` on others; a `solved` grid has no blanks."""
    lines = cell_lines(enumerate(text.replace("\u2026", "...").splitlines(), 1), size_of(box))
    return digits_of([mark for _, marks in lines for mark in marks], box, solved)


def digits_of(marks: Sequence[str], box: Box, solved: bool = False) -> Grids:
    """Return the digits of marks, 0 for a blank `(cells,)`. Raises `UserError` on others; a `solved` grid has none."""
    size = size_of(box)
    if len(marks) != size**2:
        side = isqrt(len(marks))
        if side**2 == len(marks) and side > 3:
            raise UserError(misfit(side, box))
        short = len(marks) < size**2 and [*marks[-3:]] == ["."] * 3
        rest = ", and '...' stands for three blanks" if short else ""
        hint = f"write each of them, row by row, with . for a blank{rest}"
        raise UserError(f"sudoku with box={box} takes a puzzle of {size**2} cells, not {len(marks)}: {hint}")
    values = {name: digit for digit in range(1, size + 1) for name in (NAMES[digit - 1], str(digit), f"{digit:02}")}
    values |= dict.fromkeys((*BLANKS.upper(), *ZEROS), 0)
    digits = [values.get(mark.upper(), -1) for mark in marks]
    if -1 in digits:
        cell = digits.index(-1)
        named = f" (1-9, A-{NAMES[size - 1]})" if size > 9 else ""
        where = f"{marks[cell]!r} in {cell_name(size, cell)}"
        raise UserError(f"{where} is no digit from 1 to {size}{named}, nor . or 0 for a blank")
    if size > 9 and size not in digits and (solved or any(mark in BLANKS for mark in marks)):
        digits = [size if mark in ZEROS else digit for mark, digit in zip(marks, digits, strict=True)]
    return np.array(digits, dtype=np.int8)


def misfit(side: int, box: Box) -> str:
    """Return that grids of `side` rows go with other boxes, and which."""
    (rows, columns), size = sides(box), size_of(box)
    *others, last = boxes_of(side) or [0]
    fitting = f"{', '.join(map(str, others))}{' or ' * bool(others)}{last}"
    hint = f"; for puzzles of {side} x {side}, in a file of their own, set --task.box {fitting}" if last else ""
    return f"a grid of {side} x {side} cells has no boxes of {rows} x {columns}, which need {size} x {size} cells{hint}"


def cell_lines(lines: Iterable[tuple[int, str]], size: int) -> list[tuple[int, list[str]]]:
    """Return number and cells of each line that has some, without frames, comments (`#`, `;`) and titles.

    A line of nothing but `-`, `_` or `*` may be a frame or a row of blanks: a frame if there are enough cells
    without it.
    """
    found = []
    for number, line in lines:
        text = line.partition("#")[0].strip()
        cells = split_cells(text, size)
        marks = "".join(cells)
        whole = len(cells) in (size, size**2)
        letters = LETTERS.findall(marks)
        title = 2 * len(letters) > len(marks) and bool(strange(letters, size)) and not (whole and size > 9)
        frame = RULED.fullmatch(marks) and ("+" in text or len({*marks}) > 1 or not whole)
        if cells and not (title or frame or text.startswith(";")):
            found.append((number, cells))
    firm = [(number, cells) for number, cells in found if len(cells) != size or not RULED.fullmatch("".join(cells))]
    count = sum(len(cells) for _, cells in firm)
    return firm if count and count % size**2 == 0 else found


def split_cells(text: str, size: int) -> list[str]:
    """Return the cells of a line: its marks, or its numbers where digits may have two figures."""
    parts = [part for part in FRAME.split(text) if part]
    lengths = {*map(len, parts)}
    if size > 9 and lengths <= {1, 2} and (1 in lengths or len(parts) in (size, size**2)):
        return parts
    return [*"".join(parts)]


def strange(letters: Sequence[str], size: int) -> list[str]:
    """Return the letters that are no digits."""
    return [letter for letter in letters if letter.upper() not in NAMES[:size]]


def parse_text(lines: list[tuple[int, str]], box: Box) -> list[tuple[int, list[str]]]:
    """Return line number and cells of each puzzle in a text. Raises `UserError` if its rows make no whole puzzles."""
    size = size_of(box)
    found = cell_lines(lines, size)
    if not found:
        raise UserError("the file has no puzzle, or is empty")
    if len(found[0][1]) != size:
        rows = cell_lines(lines, LARGEST)
        side = len(rows[0][1])
        if 3 < side <= LARGEST and side != size**2 and {len(row) for _, row in rows} == {side} and not len(rows) % side:
            raise UserError(f"line {rows[0][0]}: {misfit(side, box)}")
        return found
    for number, row in found:
        if len(row) != size:
            raise UserError(f"line {number}: {len(row)} cells, but a row has {size}")
    if len(found) % size:
        raise UserError(f"{len(found)} rows of {size} cells, but a puzzle has {size}")
    starts = range(0, len(found), size)
    return [(found[at][0], [mark for _, row in found[at : at + size] for mark in row]) for at in starts]


def spells_puzzle(text: str, size: int, endings: Sequence[str]) -> bool:
    """Return whether a text must be the cells of a puzzle, well written or not, rather than a path."""
    known = ending(Path(text)) in endings
    cells = FRAME.sub("", text)
    named = 2 * len(strange(LETTERS.findall(cells), size)) > len(cells)
    return not (not text.strip() or known or named or "/" in text or is_file(text) or is_folder(text))
