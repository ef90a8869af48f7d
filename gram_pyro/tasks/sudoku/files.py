"""Sudoku puzzles from files: CSV as in the public collections, and plain text; each also gzipped."""

import csv
from pathlib import Path

import numpy as np

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_left_out, ending, file_bytes, naming, text_lines
from gram_pyro.tasks.sudoku.box import Box, size_of
from gram_pyro.tasks.sudoku.cells import digits_of, parse_cells, parse_text
from gram_pyro.tasks.sudoku.checker import Puzzle, check_puzzle
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search

TEXT_ENDINGS = (".txt", ".sudoku", ".sdm", ".sdk", ".ss")
CSV_ENDING = ".csv"
ENDINGS = (*TEXT_ENDINGS, CSV_ENDING)
SEARCH_LIMIT = 100_000
QUESTIONS = ("question", "quizzes", "quiz", "puzzle", "puzzles", "problem", "sudoku", "unsolved")
ANSWERS = ("answer", "one_answer", "answers", "solution", "solutions", "solved")


def read_puzzles(path: Path, box: Box, most: int | None = None, skip_bad: bool = False) -> Grids:
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
            known = ", ".join(ENDINGS)
            raise UserError(f"unknown ending {ending(path)!r}; known endings are {known}, each also with .gz")
        for number, cells in parse_text(lines, box):
            try:
                puzzles[number] = checked(digits_of(cells, box), box)
            except UserError as error:
                bad[number] = str(error)
        if most is not None and puzzles:
            found = search(candidates_of(np.stack([*puzzles.values()])), most + 1, SEARCH_LIMIT, box=box).solutions
            for number, solutions in zip(puzzles, found, strict=True):
                if len(solutions) > most:
                    bad[number] = f"{too_many(most)}; a model of max_solutions above {most} takes it"
    check_bad(path, bad, len(bad.keys() | puzzles), "puzzles", skip_bad)
    return np.stack([cells for number, cells in puzzles.items() if number not in bad])


def checked(cells: Grids, box: Box) -> Grids:
    """Return the digits of a puzzle `(cells,)`. Raises `UserError` if givens are in conflict."""
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


def read_csv(path: str | Path, box: Box, most: int | None, skip_bad: bool) -> tuple[Grids, list[Grids]]:
    """Read puzzles `(rows, cells)` of a CSV file, and the solutions of each `(solutions, cells)`.

    Each has one to `most` solutions, or any number if that is None, of which one is listed; a column of answers must
    solve the puzzles. Raises `UserError` on the first row that is not so; with `skip_bad`, such rows are left out.
    """
    path = Path(path)
    with naming(path):
        bad, rows = parse_table(list(text_lines(file_bytes(path, "puzzle"))), box)
        puzzles, answers = np.array([*rows.values()], dtype=np.int8).reshape(-1, 2, size_of(box) ** 2).swapaxes(0, 1)
        limit = 1 if most is None else most + 1
        solutions, _, undecided = search(candidates_of(puzzles), limit, SEARCH_LIMIT, box=box)
        solved = [len(part) > 0 for part in search(candidates_of(answers), 1, SEARCH_LIMIT, box=box).solutions]
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


def parse_table(lines: list[tuple[int, str]], box: Box) -> tuple[dict[int, str], dict[int, tuple[Grids, Grids]]]:
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
            puzzle = checked(parse_cells(cells[question], box), box)
            solution = puzzle if answer is None else parse_cells(cells[answer], box, solved=True)
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
