"""Sudoku puzzles from files: CSV as in the public collections, and plain text; each also gzipped."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gram_pyro.errors import UserError
from gram_pyro.system.files import (
    check_file,
    check_left_out,
    ending,
    file_bytes,
    is_file,
    is_folder,
    naming,
    text_lines,
)
from gram_pyro.tasks.grid import place
from gram_pyro.tasks.sudoku.checker import Puzzle, check_puzzle
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search

TEXT_ENDINGS = (".txt", ".sudoku", ".sdm", ".sdk", ".ss")
CSV_ENDING = ".csv"
SEARCH_LIMIT = 100_000
QUESTIONS = ("question", "quizzes", "quiz", "puzzle", "puzzles", "problem", "sudoku", "unsolved")
ANSWERS = ("answer", "one_answer", "answers", "solution", "solutions", "solved")

BLANKS = str.maketrans(dict.fromkeys(".*_-xX?", "0"))
FRAME = re.compile(r"[^\w.*?-]")
"""All that is neither a cell nor a letter."""
LETTERS = re.compile(r"[^\W\d_xX]")
RULED = re.compile(r"[-_*]+")


class Rows(NamedTuple):
    """The puzzles of a CSV file `(rows, cells)`, and the solutions of each `(solutions, cells)`."""

    puzzles: Grids
    solutions: list[Grids]


def is_csv(path: str | Path) -> bool:
    """Return whether the name says that the file is a table."""
    return ending(Path(path)) == CSV_ENDING


def parse_cells(text: str, box: int) -> Grids:
    """Read the digits that a text spells `(cells,)`; `.`, `0` or one of `*_-x?` is a blank, frames are skipped.

    Raises `UserError` if it has another number of cells, or a letter.
    """
    size = box * box
    marks = "".join(cells for _, cells in cell_lines(enumerate(text.splitlines(), 1), size))
    if len(marks) != size**2:
        short = len(marks) < size**2 and text.rstrip().endswith(("...", "\u2026"))
        rest = ", and '...' stands for three blanks" if short else ""
        raise UserError(
            f"sudoku with box={box} takes a puzzle of {size**2} cells, not {len(marks)}: write each of them, row by "
            f"row, with . for a blank{rest}"
        )
    marks = marks.translate(BLANKS)
    if wrong := re.search(f"[^0-{size}]", marks):
        cell = wrong.start()
        raise UserError(f"{marks[cell]!r} in {place(size, cell)} is no digit from 1 to {size}, nor . or 0 for a blank")
    cells: Grids = np.frombuffer(marks.encode(), dtype=np.int8) - np.int8(ord("0"))
    return cells


def cell_lines(lines: Iterable[tuple[int, str]], size: int) -> list[tuple[int, str]]:
    """Return number and cells of each line that has some, without frames, comments (`#`, `;`) and titles.

    A line of nothing but `-`, `_` or `*` may be a frame or a row of blanks: a frame if there are enough cells
    without it.
    """
    found = []
    for number, line in lines:
        text = line.partition("#")[0].strip()
        cells = FRAME.sub("", text)
        title = 2 * len(LETTERS.findall(cells)) > len(cells)
        frame = RULED.fullmatch(cells) and ("+" in text or len({*cells}) > 1 or len(cells) not in (size, size**2))
        if cells and not (title or frame or text.startswith(";")):
            found.append((number, cells))
    firm = [(number, cells) for number, cells in found if len(cells) != size or not RULED.fullmatch(cells)]
    count = sum(len(cells) for _, cells in firm)
    return firm if count and count % size**2 == 0 else found


def spells_puzzle(text: str) -> bool:
    """Return whether a text must be the cells of a puzzle, well written or not, rather than a path."""
    known = ending(Path(text)) in (*TEXT_ENDINGS, CSV_ENDING)
    named = 2 * len(LETTERS.findall(text)) > len(FRAME.sub("", text))
    return not (not text.strip() or known or named or "/" in text or is_file(text) or is_folder(text))


def file_lines(path: Path) -> list[tuple[int, str]]:
    """Return number and text of each line of a file. Raises `UserError` if it cannot be read."""
    check_file(path, "puzzle")
    return list(text_lines(file_bytes(path)))


def read_text(path: str | Path, box: int, most: int | None = None, skip_bad: bool = False) -> Grids:
    """Read the puzzles of a text file `(puzzles, cells)`: a line for each, or a line for each row of each.

    Raises `UserError` if the file cannot be read, or one is no puzzle or has more than `most` solutions; with
    `skip_bad`, such puzzles are left out, and named on standard error.
    """
    path = Path(path)
    bad: dict[int, str] = {}
    with naming(path):
        lines = file_lines(path)
        if ending(path) not in TEXT_ENDINGS:
            known = ", ".join((*TEXT_ENDINGS, CSV_ENDING))
            raise UserError(f"unknown ending {ending(path)!r}; known endings are {known}, each also with .gz")
        puzzles: dict[int, Grids] = {}
        for number, cells in parse_text(lines, box):
            try:
                puzzles[number] = parse_puzzle(cells, box)
            except UserError as error:
                bad[number] = str(error)
        if most is not None and puzzles:
            found = search(candidates_of(np.stack([*puzzles.values()])), most + 1, SEARCH_LIMIT).solutions
            for number, solutions in zip(puzzles, found, strict=True):
                if len(solutions) > most:
                    bad[number] = f"the puzzle {too_many(most)}; a model of max_solutions above {most} takes it"
    check_bad(path, bad, len(bad.keys() | puzzles), "puzzles", skip_bad)
    return np.stack([cells for number, cells in puzzles.items() if number not in bad])


def parse_text(lines: list[tuple[int, str]], box: int) -> list[tuple[int, str]]:
    """Return line number and cells of each puzzle in a text. Raises `UserError` if its rows make no whole puzzles."""
    size = box * box
    lines = cell_lines(lines, size)
    if not lines:
        raise UserError("the file has no puzzle, or is empty")
    if len(lines[0][1]) != size:
        return lines
    for number, line in lines:
        if len(line) != size:
            raise UserError(f"line {number}: {len(line)} cells, but a row has {size}")
    if len(lines) % size:
        raise UserError(f"{len(lines)} rows of {size} cells, but a puzzle has {size}")
    starts = range(0, len(lines), size)
    return [(lines[at][0], "".join(cells for _, cells in lines[at : at + size])) for at in starts]


def parse_puzzle(text: str, box: int) -> Grids:
    """Read the puzzle that a text spells `(cells,)`. Raises `UserError` if there is none, or givens in conflict."""
    cells = parse_cells(text, box)
    check_puzzle(Puzzle(box, tuple(cells.tolist())))
    return cells


def check_bad(path: Path, bad: dict[int, str], total: int, parts: str, skip_bad: bool) -> None:
    """Raises `UserError` for the first bad line, unless bad ones may be left out and others remain."""
    errors = [f"line {number}: {bad[number]}" for number in sorted(bad)]
    with naming(path):
        if errors and not skip_bad:
            raise UserError(errors[0])
        check_left_out(errors, total, f"{parts} in {path}")


def read_csv(path: str | Path, box: int, most: int | None, skip_bad: bool) -> Rows:
    """Read the puzzles of a CSV file, each with its solutions, from its column `question`, `quizzes` or `puzzle`.

    A puzzle may have at most `most` solutions; if that is None, any number, and one is listed. What a column
    `answer`, `one_answer`, `solutions` or `solution` has must solve the puzzle. Raises `UserError` on the first row
    that is not so; with `skip_bad`, such rows are left out and named on standard error.
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
    check_bad(path, bad, len(bad.keys() | table.lines), "rows", skip_bad)
    kept = [row for row, number in enumerate(table.lines) if number not in bad]
    return Rows(table.puzzles[kept], [solutions[row] for row in kept])


def too_many(most: int) -> str:
    """Say that a puzzle has more than `most` solutions."""
    return f"has more than {most} solution{'s' * (most > 1)}"


def complaint(count: int, most: int | None, undecided: bool, right: bool) -> str:
    """Return what is wrong with a puzzle of which `count` solutions were found; empty if nothing is."""
    if most is not None and count > most:
        return f"the puzzle {too_many(most)}"
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
    """Read puzzles and answers as they stand in a CSV file. Raises `UserError` if it is none, or holds no puzzle."""
    with naming("line 1"):
        names = [name.strip().lower() for name in split_row(lines[0][1])]
        question, answer = (
            next((names.index(name) for name in known if name in names), None) for known in (QUESTIONS, ANSWERS)
        )
        if question is None:
            raise UserError(f"no column of puzzles named {', '.join(QUESTIONS)}, but {', '.join(names)}"[:200])
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
    """Return the columns of a line of CSV; each row has a line of its own, so that a stray quote spoils no other."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise UserError(f"not CSV ({error})") from None
