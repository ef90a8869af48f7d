"""Countdown problems from text: a line for each, as `3 7 4 6 -> 40`."""

import re
from pathlib import Path

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_left_out, ending, file_bytes, is_file, is_folder, naming, text_lines
from gram_pyro.tasks.countdown.checker import MAX_DIGITS, check_problem
from gram_pyro.tasks.countdown.equations import CountdownProblem

ENDINGS = (".txt", ".countdown")
EXAMPLE = "3 7 4 6 -> 40"
NUMBER = re.compile(f"-?[0-9]{{1,{MAX_DIGITS}}}", re.ASCII)


def spells_problem(text: str) -> bool:
    """Return whether a text is a problem, well written or not, rather than a path."""
    spelled = "->" in text or re.fullmatch(r"[\s,;+-]*[0-9][0-9\s,;+-]*", text)
    return bool(spelled) and not (is_file(text) or is_folder(text))


def parse_problem(text: str) -> CountdownProblem:
    """Return the problem that a text spells, its numbers sorted. Raises `UserError` if it spells none."""
    left, arrow, right = text.partition("->")
    if not arrow:
        raise UserError(f"{text.strip()[:40]!r} has no target; write a problem as {EXAMPLE}")
    parts = [re.findall(r"[^\s,]+", part) for part in (left, right)]
    for word in (*parts[0], *parts[1]):
        if not NUMBER.fullmatch(word):
            raise UserError(f"{word[:40]!r} is no whole number of at most {MAX_DIGITS} digits; write {EXAMPLE}")
    numbers, targets = ([int(word) for word in part] for part in parts)
    if len(targets) != 1:
        raise UserError(f"{len(targets)} targets after ->, but a problem has one; write it as {EXAMPLE}")
    check_problem(numbers, targets[0])
    return CountdownProblem(tuple(sorted(numbers)), targets[0])


def read_problems(path: Path, skip_bad: bool = False) -> list[CountdownProblem]:
    """Read the problems of a text file; blank lines and what follows `#` are skipped.

    Raises `UserError` if the file cannot be read or a line is no problem; with `skip_bad`, such lines are left out,
    and named on standard error.
    """
    problems: list[CountdownProblem] = []
    errors: list[str] = []
    with naming(path):
        content = file_bytes(path)
        if ending(path) not in ENDINGS:
            known = " and ".join(ENDINGS)
            raise UserError(f"unknown ending {ending(path)!r}; known endings are {known}, each also with .gz")
        for number, line in text_lines(content):
            if text := line.partition("#")[0].strip():
                try:
                    problems.append(parse_problem(text))
                except UserError as error:
                    errors.append(f"line {number}: {error}")
        if not problems and not errors:
            raise UserError("no problem in this file")
        check_left_out(errors, len(problems) + len(errors), f"problems in {path}", skip_bad)
    return problems
