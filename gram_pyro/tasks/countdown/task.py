"""Countdown: reach a target from some numbers by equations that use every number once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import is_file, is_folder, read_path
from gram_pyro.tasks.abilities import Answer, Axes
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.countdown import checker, files, picture
from gram_pyro.tasks.countdown.equations import CountdownProblem, canonical_equations, text_of
from gram_pyro.tasks.countdown.generator import Wanted, random_problems
from gram_pyro.tasks.countdown.layouts import CharacterLayout, Layout, NumberLayout
from gram_pyro.tasks.countdown.solver import reachable, solve
from gram_pyro.tasks.countdown.split import TARGETS, targets_of

LARGEST = 9_999


@dataclass(frozen=True)
class Countdown(Task):
    """From some numbers and a target, write equations that use every number once and end in the target.

    A problem is a `CountdownProblem` of numbers from 1 to 99; generated targets lie between 10 and 100. Results are
    positive integers, and divisions are exact. An answer has four codes for each equation: first operand, operator,
    second operand, result (`equations.py`). Two answers count as the same if their equations do, in any order and with
    the operands of + and * in any order; nothing tells equal numbers apart. The one form that all of them share has the
    greater operand first, and of all orders the least; it alone is a target.

    Positions are those of the answer, then those of the input. In the numbers layout every answer has one length. In
    the characters layout its length varies: an end follows it and fills the rest. Solver and checker know no largest
    result; the numbers layout spells results up to `largest`, and the generator leaves out problems with a solution
    beyond it. A target above 100 can be asked for, but all of them look the same to the network.
    """

    name: ClassVar[str] = "countdown"

    numbers: int = 4
    """How many numbers a problem has: 3, 4 or 5."""
    layout: Literal["numbers", "characters"] = "numbers"
    """Whether a token is a whole number or an operator, or a single character (the published set-up)."""
    largest: int = 999
    """Greatest number of the numbers layout."""

    def __post_init__(self) -> None:
        if self.numbers not in (3, 4, 5):
            raise UserError(f"countdown has 3, 4 or 5 numbers, not numbers={self.numbers}")
        if not TARGETS[-1] <= self.largest <= LARGEST:
            raise UserError(f"task.largest must lie between {TARGETS[-1]} and {LARGEST:,}, not {self.largest}")

    @property
    def spelling(self) -> Layout:
        """Return how problems and answers are spelled."""
        whole = self.layout == "numbers"
        return NumberLayout(self.numbers, self.largest) if whole else CharacterLayout(self.numbers)

    @property
    def spec(self) -> Spec:
        return self.spelling.spec

    def generate(self, split: Split, count: int, seed: int) -> list[CountdownProblem]:
        """Return at most `count` problems of a split, whose targets are in no other split.

        A target is uniform over those of the split, and the numbers are uniform from 1 to 99, given that they reach it.
        """
        return self._random(split, count, seed, self._spelled)

    def unsolvable(self, split: Split, count: int, seed: int) -> list[CountdownProblem]:
        """Return at most `count` problems of a split whose numbers do not reach the target."""
        return self._random(split, count, seed, lambda numbers, targets: ~reachable(numbers, targets))

    def _random(self, split: Split, count: int, seed: int, wanted: Wanted) -> list[CountdownProblem]:
        rng = np.random.default_rng([seed, get_args(Split).index(split)])
        return random_problems(count, self.numbers, targets_of(split), wanted, rng)

    def _spelled(self, numbers: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which problems have solutions, all of which the layout can spell."""
        wanted = reachable(numbers, targets)
        solved = solve(numbers[wanted], targets[wanted])
        wanted[wanted] = [len(self.spelling.spell(each)) == len(each) for each in solved]
        return wanted

    def load(self, path: str, skip_bad: bool = False) -> list[CountdownProblem]:
        """Read the problems of a text file, a line for each, or those of all text files of a folder."""

        def read(path: Path) -> list[CountdownProblem]:
            return files.read_problems(path, skip_bad)

        return [*chain.from_iterable(read_path(path, files.ENDINGS, self.wording.singular, read, skip_bad))]

    def read(self, text: str) -> list[CountdownProblem]:
        """Read a problem written out, or those of a path."""
        if files.spells_problem(text):
            return [files.parse_problem(text)]
        if not (is_file(text) or is_folder(text)):
            raise UserError(f"{text[:40]!r}: no such file; a problem is written as {files.EXAMPLE}")
        return self.load(text)

    def prepare(self, problem: CountdownProblem | str) -> CountdownProblem:
        """Return the problem, also from a string, with its numbers sorted.

        Raises `UserError` if it is none, or has another number of numbers than the task.
        """
        if isinstance(problem, str) and files.spells_problem(problem):
            problem = files.parse_problem(problem)
        if not isinstance(problem, CountdownProblem):
            kinds = f"CountdownProblem(numbers, target) or a string like {files.EXAMPLE!r}"
            raise UserError(f"countdown takes a problem as {kinds}, not {repr(problem)[:40]}")
        checker.check_problem(problem.numbers, problem.target)
        if (count := len(problem.numbers)) != self.numbers:
            raise UserError(f"the problem has {count} numbers, but this task takes {self.numbers}; see --task.numbers")
        return CountdownProblem(tuple(sorted(map(int, problem.numbers))), int(problem.target))

    def encode(self, problems: Sequence[CountdownProblem]) -> Problems:
        return self.spelling.encode(problems)

    def answer(self, problem: CountdownProblem, values: Sequence[int]) -> Answer:
        """Return the equations that decoded values spell, or their characters if they spell none."""
        return self.spelling.answer([int(value) for value in values[: self.spelling.answer_length]])

    def targets(self, problem: CountdownProblem) -> Tensor:
        """Return the solutions in their one form, without those that the layout cannot spell."""
        return self.list_solutions([problem])[0]

    def list_solutions(self, problems: Sequence[CountdownProblem]) -> list[Tensor]:
        """Return the targets of each problem."""
        padding = self.spelling.encode(problems[:1]).tokens.shape[1] - self.spelling.answer_length
        spelled = map(self.spelling.spell, self._solved(problems))
        return [torch.nn.functional.pad(rows, (0, padding), value=-1) for rows in spelled]

    def solutions(self, problem: CountdownProblem) -> list[Answer]:
        """Return all solutions in canonical form, sorted."""
        return sorted(map(tuple, self._solved([problem])[0].tolist()))

    def _solved(self, problems: Sequence[CountdownProblem]) -> list[NDArray[np.int64]]:
        """Return the solutions of each problem: `(solutions, 4 * equations)`."""
        targets = np.array([problem.target for problem in problems])
        return solve(np.array([problem.numbers for problem in problems]), targets)

    def canonical(self, answer: Answer) -> Answer:
        """Return the one form of all answers with the same equations; an answer out of order stays as it is."""
        return canonical_equations(answer)

    def violations(self, problem: CountdownProblem, answer: Answer) -> int:
        return checker.count_violations(problem, answer)

    def to_json(self, answer: Answer) -> str:
        """Return the equations, as `3 + 7 = 10; 10 * 4 = 40`."""
        return text_of(answer)

    def text(self, problem: CountdownProblem, answer: Answer) -> str:
        """Return the equations in a line."""
        return text_of(answer)

    def draw(self, problem: CountdownProblem, answer: Answer | None, axes: Axes) -> None:
        picture.draw_tree(problem, answer, axes)
