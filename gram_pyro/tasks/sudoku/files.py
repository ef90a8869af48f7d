"""Sudoku puzzles from files: CSV as in the public collections, and plain text; each also gzipped."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_file, ending, file_bytes, folder_files, is_file, is_folder, naming, text_lines
from gram_pyro.tasks.grid import place
from gram_pyro.tasks.sudoku.checker import Puzzle, check_puzzle
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search

TEXT_ENDINGS = (".txt", ".sudoku")
CSV_ENDING = ".csv"
SEARCH_LIMIT = 100_000


class Rows(NamedTuple):
    """The puzzles of a CSV file `(rows, cells)`, and the solutions of each `(solutions, cells)`."""

    puzzles: Grids
    solutions: list[Grids]


def is_csv(path: str | Path) -> bool:
    """Whether the name says that the file is a table."""
    return ending(Path(path)) == CSV_ENDING


def parse_cells(text: str, box: int) -> Grids:
    """The digits that a text spells `(cells,)`, `.` or `0` where blank, white space skipped.

    Raises `UserError` if it has another number of characters, or one that is no digit.
    """
    size = box * box
    marks = "".join(text.split()).replace(".", "0")
    if len(marks) != size**2:
        raise UserError(f"sudoku with box={box} takes a puzzle of {size**2} characters, not {len(marks)}")
    if wrong := re.search(f"[^0-{size}]", marks):
        cell = wrong.start()
        raise UserError(f"{marks[cell]!r} in {place(size, cell)} is no digit from 1 to {size}, nor . or 0 for a blank")
    cells: Grids = np.frombuffer(marks.encode(), dtype=np.int8) - np.int8(ord("0"))
    return cells


def spells_puzzle(text: str) -> bool:
    """Whether a text must be the cells of a puzzle, well written or not, rather than a path."""
    known = ending(Path(text)) in (*TEXT_ENDINGS, CSV_ENDING)
    return not (known or "/" in text or is_file(text) or is_folder(text))


def file_lines(path: Path) -> list[tuple[int, str]]:
    """Number and text of each line of a file. Raises `UserError` if it cannot be read."""
    check_file(path, "puzzle")
    return list(text_lines(file_bytes(path)))


def read_text(path: str | Path, box: int) -> Grids:
    """The puzzles of a text file `(puzzles, cells)`: one, a line for each row, or many, a line for each.

    Raises `UserError` if the file cannot be read or one of them is no puzzle.
    """
    path = Path(path)
    with naming(path):
        lines = [(number, "".join(line.split())) for number, line in file_lines(path) if line.strip()]
        if ending(path) not in TEXT_ENDINGS:
            known = ", ".join((*TEXT_ENDINGS, CSV_ENDING))
            raise UserError(f"unknown ending {ending(path)!r}; known endings are {known}, each also with .gz")
        if not lines:
            raise UserError("the file is empty")
        if len(lines[0][1]) == box * box:
            return parse_rows(lines, box)[None]
        puzzles = []
        for number, line in lines:
            with naming(f"line {number}"):
                puzzles.append(parse_puzzle(line, box))
        return np.stack(puzzles)


def read_folder(folder: str | Path, box: int) -> Grids:
    """The puzzles of all text files of a folder `(puzzles, cells)`, sorted by name.

    Raises `UserError` if there is none, or if one of them cannot be read.
    """
    folder = Path(folder)
    with naming(folder):
        paths = folder_files(folder, TEXT_ENDINGS, "puzzle")
    return np.concatenate([read_text(path, box) for path in paths])


def parse_rows(lines: list[tuple[int, str]], box: int) -> Grids:
    """One puzzle `(cells,)`, from a numbered line for each row."""
    size = box * box
    for number, line in lines:
        if len(line) != size:
            raise UserError(f"line {number}: {len(line)} characters, but a row has {size}")
    if len(lines) != size:
        raise UserError(f"{len(lines)} rows of {size} characters, but a puzzle has {size}")
    return parse_puzzle("".join(line for _, line in lines), box)


def parse_puzzle(text: str, box: int) -> Grids:
    """The puzzle that a text spells `(cells,)`. Raises `UserError` as `parse_cells`, and for givens in conflict."""
    cells = parse_cells(text, box)
    check_puzzle(Puzzle(box, tuple(cells.tolist())))
    return cells


def read_csv(path: str | Path, box: int, most: int | None, skip_bad: bool) -> Rows:
    """The puzzles in the column `question` of a CSV file, each with its solutions.

    A puzzle may have at most `most` solutions; if that is None, any number, and one is listed. What a column
    `answer` or `one_answer` has must solve the puzzle. Raises `UserError` on the first row that is not so; with
    `skip_bad` such rows are left out, and it is said on standard error how many.
    """
    path = Path(path)
    with naming(path):
        table = parse_table(file_lines(path), box)
        solutions, _, undecided = search(candidates_of(table.puzzles), 1 if most is None else most + 1, SEARCH_LIMIT)
        solved = [len(part) > 0 for part in search(candidates_of(table.answers), 1, SEARCH_LIMIT).solutions]
        right = ((table.answers == table.puzzles) | (table.puzzles == 0)).all(1) & np.array(solved, dtype=bool)
        bad = dict(table.bad)
        for row, number in enumerate(table.lines):
            if wrong := complaint(len(solutions[row]), most, bool(undecided[row]), bool(right[row])):
                bad[number] = wrong
        total = len(bad.keys() | table.lines)
        first = f"line {min(bad)}: {bad[min(bad)]}" if bad else ""
        if bad and (len(bad) == total or not skip_bad):
            raise UserError(first)
    if bad:
        print(f"{path}: {len(bad)} of {total} rows left out, the first of them {first}", file=sys.stderr)
    kept = [row for row, number in enumerate(table.lines) if number not in bad]
    return Rows(table.puzzles[kept], [solutions[row] for row in kept])


def complaint(count: int, most: int | None, undecided: bool, right: bool) -> str:
    """What is wrong with a puzzle of which `count` solutions were found; empty if nothing is."""
    if most is not None and count > most:
        return f"the puzzle has more than {most} solution{'s' * (most > 1)}"
    if undecided:
        return f"the puzzle is undecided after {SEARCH_LIMIT} guesses"
    if not count:
        return "the puzzle has no solution"
    return "" if right else "the answer does not solve the puzzle"


class Table(NamedTuple):
    """What a CSV file says: `bad` what is wrong with which line; for the others `lines`, `puzzles` `(rows, cells)`
    and `answers` `(rows, cells)`, the puzzles themselves where none are given."""

    bad: dict[int, str]
    lines: list[int]
    puzzles: Grids
    answers: Grids


def parse_table(lines: list[tuple[int, str]], box: int) -> Table:
    """Puzzles and answers as they stand in a CSV file. Raises `UserError` if it is none, or holds no puzzle."""
    with naming("line 1"):
        names = [name.strip().lower() for name in split_row(lines[0][1])]
        if "question" not in names:
            raise UserError(f"no column named question, which holds the puzzles, but {', '.join(names)}"[:200])
    question = names.index("question")
    answer = next((names.index(name) for name in ("answer", "one_answer") if name in names), None)
    bad: dict[int, str] = {}
    good: list[tuple[int, Grids, Grids]] = []
    for number, line in lines[1:]:
        if not line.strip():
            continue
        try:
            cells = split_row(line) + [""] * len(names)
            puzzle = parse_puzzle(cells[question], box)
            solution = puzzle if answer is None else parse_cells(cells[answer], box)
            if answer is not None and not solution.all():
                raise UserError("the answer has a blank")
            good.append((number, puzzle, solution))
        except UserError as error:
            bad[number] = str(error)
    if not bad and not good:
        raise UserError("no puzzles below the first line")
    puzzles, answers = (np.array([row[part] for row in good], dtype=np.int8).reshape(-1, box**4) for part in (1, 2))
    return Table(bad, [row[0] for row in good], puzzles, answers)


def split_row(line: str) -> list[str]:
    """The columns of a line of CSV; each row has a line of its own, so that a stray quote spoils no other."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise UserError(f"not CSV ({error})") from None
