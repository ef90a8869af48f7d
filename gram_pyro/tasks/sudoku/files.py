"""Sudoku puzzles from files: CSV as in the public collections, and plain text; each also gzipped."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_left_out, ending, file_bytes, is_file, is_folder, naming, text_lines
from gram_pyro.tasks.grid import cell_name
from gram_pyro.tasks.sudoku.checker import Puzzle, check_puzzle
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search

TEXT_ENDINGS = (".txt", ".sudoku", ".sdm", ".sdk", ".ss")
CSV_ENDING = ".csv"
SEARCH_LIMIT = 100_000
QUESTIONS = ("question", "quizzes", "quiz", "puzzle", "puzzles", "problem", "sudoku", "unsolved")
ANSWERS = ("answer", "one_answer", "answers", "solution", "solutions", "solved")

BLANKS = str.maketrans(dict.fromkeys(".*_-xX?", "0"))
FRAME = re.compile(r"[^\w.*?-]")  # all that is neither a cell nor a letter
LETTERS = re.compile(r"[^\W\d_xX]")
RULED = re.compile(r"[-_*]+")


def parse_cells(text: str, box: int) -> Grids:
    """Read the cells that a text spells `(cells,)`, one of `.0*_-x?` for a blank. Raises `UserError` on others."""
    size = box * box
    marks = "".join(cells for _, cells in cell_lines(enumerate(text.splitlines(), 1), size))
    if len(marks) != size**2:
        short = len(marks) < size**2 and text.rstrip().endswith(("...", "\u2026"))
        rest = ", and '...' stands for three blanks" if short else ""
        hint = f"write each of them, row by row, with . for a blank{rest}"
        raise UserError(f"sudoku with box={box} takes a puzzle of {size**2} cells, not {len(marks)}: {hint}")
    marks = marks.translate(BLANKS)
    if wrong := re.search(f"[^0-{size}]", marks):
        cell = cell_name(size, wrong.start())
        raise UserError(f"{wrong[0]!r} in {cell} is no digit from 1 to {size}, nor . or 0 for a blank")
    return np.frombuffer(marks.encode(), dtype=np.int8) - np.int8(ord("0"))


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


def read_puzzles(path: Path, box: int, most: int | None = None, skip_bad: bool = False) -> Grids:
    """Read the puzzles of a CSV file, as `read_csv`, or of a text file `(puzzles, cells)`.

    A text has a line for each puzzle, or a line for each row of each. Raises `UserError` if the file cannot be read, or
    one is no puzzle or has more than `most` solutions; with `skip_bad`, such puzzles are left out, and named on
    standard error.
    """
    if ending(path) == CSV_ENDING:
        return read_csv(path, box, most, skip_bad)[0]
    bad: dict[int, str] = {}
    puzzles: dict[int, Grids] = {}
    with naming(path):
        lines = list(text_lines(file_bytes(path, "puzzle")))
        if ending(path) not in TEXT_ENDINGS:
            known = ", ".join((*TEXT_ENDINGS, CSV_ENDING))
            raise UserError(f"unknown ending {ending(path)!r}; known endings are {known}, each also with .gz")
        for number, cells in parse_text(lines, box):
            try:
                puzzles[number] = parse_puzzle(cells, box)
            except UserError as error:
                bad[number] = str(error)
        if most is not None and puzzles:
            found = search(candidates_of(np.stack([*puzzles.values()])), most + 1, SEARCH_LIMIT).solutions
            for number, solutions in zip(puzzles, found, strict=True):
                if len(solutions) > most:
                    bad[number] = f"{too_many(most)}; a model of max_solutions above {most} takes it"
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
    """Raise `UserError` for the first bad line, unless bad ones may be left out and others remain."""
    with naming(path):
        errors = [f"line {number}: {bad[number]}" for number in sorted(bad)]
        check_left_out(errors, total, f"{parts} in {path}", skip_bad)


def too_many(most: int) -> str:
    """Return that a puzzle has more than `most` solutions."""
    return f"the puzzle has more than {most} solution{'s' * (most > 1)}"


def read_csv(path: str | Path, box: int, most: int | None, skip_bad: bool) -> tuple[Grids, list[Grids]]:
    """Read puzzles `(rows, cells)` of a CSV file, and the solutions of each `(solutions, cells)`.

    Each has one to `most` solutions, or any number if that is None, of which one is listed; a column of answers must
    solve the puzzles. Raises `UserError` on the first row that is not so; with `skip_bad`, such rows are left out.
    """
    path = Path(path)
    with naming(path):
        bad, rows = parse_table(list(text_lines(file_bytes(path, "puzzle"))), box)
        puzzles, answers = np.array([*rows.values()], dtype=np.int8).reshape(-1, 2, box**4).swapaxes(0, 1)
        solutions, _, undecided = search(candidates_of(puzzles), 1 if most is None else most + 1, SEARCH_LIMIT)
        solved = [len(part) > 0 for part in search(candidates_of(answers), 1, SEARCH_LIMIT).solutions]
        right = ((answers == puzzles) | (puzzles == 0)).all(1) & np.array(solved, dtype=bool)
    total, kept = len(bad) + len(rows), []
    for row, number in enumerate(rows):
        if most is not None and len(solutions[row]) > most:
            bad[number] = too_many(most)
        elif undecided[row]:
            bad[number] = f"the puzzle is undecided after {SEARCH_LIMIT} guesses"
        elif not len(solutions[row]):
            bad[number] = "the puzzle has no solution"
        elif not right[row]:
            bad[number] = "the answer does not solve the puzzle"
        else:
            kept.append(row)
    check_bad(path, bad, total, "rows", skip_bad)
    return puzzles[kept], [solutions[row] for row in kept]


def parse_table(lines: list[tuple[int, str]], box: int) -> tuple[dict[int, str], dict[int, tuple[Grids, Grids]]]:
    """Return errors by line of a CSV file, and puzzle and answer of the other lines. Raises `UserError` without any."""
    with naming("line 1"):
        names = [name.strip().lower() for name in split_row(lines[0][1])]
        question, answer = (
            next((names.index(name) for name in known if name in names), None) for known in (QUESTIONS, ANSWERS)
        )
        if question is None:
            raise UserError(f"no column of puzzles named {', '.join(QUESTIONS)}, but {', '.join(names)}"[:200])
    bad: dict[int, str] = {}
    rows: dict[int, tuple[Grids, Grids]] = {}
    for number, line in lines[1:]:
        if not line.strip():
            continue
        try:
            cells = split_row(line) + [""] * len(names)
            puzzle = parse_puzzle(cells[question], box)
            solution = puzzle if answer is None else parse_cells(cells[answer], box)
            if answer is not None and not solution.all():
                raise UserError("the answer has a blank")
            rows[number] = puzzle, solution
        except UserError as error:
            bad[number] = str(error)
    if not bad and not rows:
        raise UserError("no puzzles below the first line")
    return bad, rows


def split_row(line: str) -> list[str]:
    """Return the columns of a line of CSV; each row has a line of its own, so that a stray quote spoils no other."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise UserError(f"not CSV ({error})") from None
