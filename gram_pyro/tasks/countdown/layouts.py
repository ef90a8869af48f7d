"""How Countdown problems and answers are spelled in tokens and values: as whole numbers, or as characters."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.base import Problems, Spec
from gram_pyro.tasks.countdown.equations import OPERATORS, CountdownProblem, as_unformed, text_of

MAX_SHOWN = 101  # what the network reads for any target above 100
EQUATION_CHARACTERS = 13
"""Characters of an equation with its semicolon that are enough for all solutions to targets up to 100."""
INPUT_CHARACTERS = " ,0123456789"
ANSWER_CHARACTERS = "\0" + "0123456789=;" + OPERATORS
"""The first ends an answer and fills the rest of its positions."""
EQUATION = re.compile(r"([1-9][0-9]*)([-+*/])([1-9][0-9]*)=([1-9][0-9]*)")


@dataclass(frozen=True)
class Layout(ABC):
    """The positions of a problem: first those of the answer, each with a token of its own, then those of the input."""

    numbers: int
    """Numbers of a problem."""

    @property
    @abstractmethod
    def answer_length(self) -> int:
        """Return how many positions an answer has."""

    @property
    @abstractmethod
    def inputs(self) -> int:
        """Return how many different tokens the input has."""

    @property
    @abstractmethod
    def classes(self) -> int:
        """Return how many values an answer has."""

    @abstractmethod
    def read(self, problem: CountdownProblem) -> list[int]:
        """Return the tokens of the input from 0, as many for each problem; `MAX_SHOWN` for a larger target."""

    @abstractmethod
    def spell(self, solutions: NDArray[np.int64]) -> Tensor:
        """Return the values of solutions `(solutions, 4 * equations)` without those that do not fit:
        `(fitting, answer_length)`."""

    @abstractmethod
    def answer(self, values: Sequence[int]) -> Answer:
        """Return the answer that values spell."""

    @property
    def spec(self) -> Spec:
        """Return a kind for each value, in a sequence."""
        return Spec(self.answer_length + self.inputs, tuple(range(self.classes)), positions="1d")

    def encode(self, problems: Sequence[CountdownProblem]) -> Problems:
        """Return the tokens of problems."""
        inputs = torch.tensor([self.read(problem) for problem in problems]) + self.answer_length
        places = torch.arange(self.answer_length).expand(len(problems), -1)
        return Problems(torch.cat([places, inputs], 1), answer_length=self.answer_length)


@dataclass(frozen=True)
class NumberLayout(Layout):
    """A value is a whole number up to `largest`, or an operator: `3 + 7 10 10 * 4 40`. All answers have one length."""

    largest: int

    @property
    def answer_length(self) -> int:
        return 4 * (self.numbers - 1)

    @property
    def inputs(self) -> int:
        return MAX_SHOWN

    @property
    def classes(self) -> int:
        return self.largest + len(OPERATORS)

    def read(self, problem: CountdownProblem) -> list[int]:
        return [number - 1 for number in (*problem.numbers, min(problem.target, MAX_SHOWN))]

    def spell(self, solutions: NDArray[np.int64]) -> Tensor:
        fitting = solutions[(solutions <= self.largest).all(1)]
        return torch.from_numpy(np.where(fitting < 0, fitting + self.classes, fitting - 1))

    def answer(self, values: Sequence[int]) -> Answer:
        return tuple(value + 1 if value < self.largest else value - self.classes for value in values)


@dataclass(frozen=True)
class CharacterLayout(Layout):
    """A value is a character: `3+7=10;10*4=40` and an end that fills the positions after it, `3,4,6,7,40` the input.

    What follows the first end does not count.
    """

    @property
    def answer_length(self) -> int:
        return EQUATION_CHARACTERS * (self.numbers - 1)

    @property
    def inputs(self) -> int:
        return len(INPUT_CHARACTERS)

    @property
    def classes(self) -> int:
        return len(ANSWER_CHARACTERS)

    def read(self, problem: CountdownProblem) -> list[int]:
        text = ",".join(map(str, (*problem.numbers, min(problem.target, MAX_SHOWN))))
        return [INPUT_CHARACTERS.index(character) for character in text.ljust(3 * self.numbers + 3)]

    def spell(self, solutions: NDArray[np.int64]) -> Tensor:
        texts = [text_of(tuple(row)).replace(" ", "") for row in solutions.tolist()]
        filled = [text.ljust(self.answer_length, ANSWER_CHARACTERS[0]) for text in texts]
        rows = [list(map(ANSWER_CHARACTERS.index, text)) for text in filled if len(text) == self.answer_length]
        return torch.tensor(rows, dtype=torch.long).view(-1, self.answer_length)

    def answer(self, values: Sequence[int]) -> Answer:
        text = "".join(ANSWER_CHARACTERS[value] for value in values).partition(ANSWER_CHARACTERS[0])[0]
        found = [EQUATION.fullmatch(part) for part in text.split(";")]
        codes: list[int] = []
        for equation in found:
            if equation is None:
                return as_unformed(text)
            first, operator, second, result = equation.groups()
            codes += [int(first), OPERATORS.index(operator) - len(OPERATORS), int(second), int(result)]
        return tuple(codes)
