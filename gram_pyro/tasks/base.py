"""What a task is: tokens, a relation graph, a checker, exact solutions and a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gram_pyro.errors import UserError

Split = Literal["train", "validation", "test"]
Answer = tuple[int, ...]


class Problems(NamedTuple):
    """A batch of encoded problems `x`, all of one length.

    `tokens` `(batch, length)`, integers below the task's `vocabulary`.
    `relations` `(batch, relations, length, length)`, 1.0 where two positions are related;
    `(relations, length, length)` if they are the same for all problems; or None.
    """

    tokens: Tensor
    relations: Tensor | None

    def to(self, device: torch.device | str) -> Problems:
        """The same problems on another device."""
        return Problems(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]

    def select(self, rows: Tensor) -> Problems:
        """The problems at `rows` `(count,)`, which may repeat: `(count, ...)`."""
        relations = self.relations
        own = relations is not None and relations.dim() == 4
        return Problems(self.tokens[rows], relations[rows] if own else relations)  # type: ignore[index]

    def rows(self) -> list[Tensor]:
        """The tensors that have a row for each problem."""
        return [part for part, dim in zip(self, (2, 4), strict=True) if part is not None and part.dim() == dim]


class Examples(NamedTuple):
    """Problems, one target each, and what else would be right.

    `targets` `(batch, length)`, -1 where nothing is asked; `solutions` whatever `retarget` of the
    training set needs to know of all solutions, batch first.
    """

    problems: Problems
    targets: Tensor
    solutions: Tensor


class TrainingSet(ABC):
    """Problems with all their solutions, ready to be drawn from."""

    task: Task
    """The task that they are of."""

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """`count` augmented examples: a problem uniformly, then one of its solutions uniformly."""

    def known(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """Known solutions as targets, rows of -1 where there are fewer: `(batch, solutions, length)`.

        `solutions` as in the `Examples` that `targets` `(batch, length)` came with. Raises `UserError` if it has none.
        """
        raise UserError(f"the training set of {self.task.name} tells no guide of its solutions; take another --guide")

    @abstractmethod
    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """A target drawn from p(y | z) restricted to solutions: `(batch, length)`.

        `solutions` as in the `Examples` that the problems came with, `log_probs`
        `(batch, length, classes)` what the decoder says at the latent state z.
        """


class Task(ABC):
    """One family of problems.

    A task is a frozen dataclass: its fields are its configuration (`--task.FIELD` on the command
    line). A *problem* is whatever object the task likes; an *answer* is a tuple of integers. The
    task knows nothing of models: `encode` makes tensors of problems, and what comes back is judged
    by `violations`, which must share no code with anything that produces answers.
    """

    name: ClassVar[str]
    noun: ClassVar[str] = "problem"
    """What one problem is called."""
    verdict: ClassVar[str] = "solvable"
    """What a problem is that has a solution; the key of it in JSON."""
    distinct: ClassVar[str] = "distinct"
    """How solutions differ that count as different."""
    listed: ClassVar[int] = 64
    """Most solutions of a problem that a training set lists and a guide is told of; evenly spaced if there are more."""

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of input tokens."""

    @property
    @abstractmethod
    def classes(self) -> int:
        """Number of values an answer may take at a position."""

    @property
    @abstractmethod
    def relations(self) -> int:
        """Number of relations between positions; 0 for a plain sequence."""

    @property
    @abstractmethod
    def positions(self) -> bool:
        """Whether the order of the positions means something (rotary positions are used)."""

    @abstractmethod
    def generate(self, split: Split, count: int, seed: int) -> list[Any]:
        """`count` solvable problems of a split; no problem of one split occurs in another."""

    def unsolvable(self, split: Split, count: int, seed: int) -> list[Any]:
        """Return at most `count` problems of a split without a solution, though no givens conflict; default: none."""
        return []

    @abstractmethod
    def load(self, path: str) -> list[Any]:
        """Problems from a file or a folder of the user's. Raises `UserError` on bad input."""

    def read(self, text: str) -> list[Any]:
        """Problems from what a user wrote on a command line: a path, unless the task has a short form."""
        return self.load(text)

    def prepare(self, problem: Any) -> Any:
        """A problem given in Python, in the task's own form. Raises `UserError` if it is none."""
        return problem

    @abstractmethod
    def encode(self, problems: Sequence[Any]) -> Problems:
        """Problems of one size as a batch of tensors."""

    def asked(self, length: int) -> int:
        """How many of the first positions of an encoding of this length hold the answer; all unless told otherwise."""
        return length

    @abstractmethod
    def training_set(self, problems: Sequence[Any]) -> TrainingSet:
        """The problems with all their solutions, to draw training examples from."""

    @abstractmethod
    def targets(self, problem: Any) -> Tensor:
        """Every target the generator may give `problem`, each equally likely: `(targets, length)`."""

    def known(self, problems: Sequence[Any], targets: Tensor) -> Tensor:
        """At most `listed` solutions of problems of one size, as targets: `(batch, solutions, length)`.

        Rows of -1 where there are fewer. `targets` `(batch, length)` is what a posterior is shown beside them.
        """
        return known_rows(problems, self.targets, self.listed)

    @abstractmethod
    def answer(self, problem: Any, values: Sequence[int]) -> Answer:
        """The answer to `problem` that decoded values `(length,)` spell."""

    def equivalence_probs(self, probabilities: Tensor) -> Tensor:
        """What the decoder says about an answer, as far as it tells distinct answers apart.

        `probabilities` `(batch, length, classes)` -> independent distributions `(batch, places, values)`, such
        that answers that count as the same give the same ones.
        """
        return probabilities

    def hold(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """The log-probability that an answer satisfies the problem, where positions are independent: `(batch,)`.

        `probabilities` `(batch, length, classes)`; each constraint exactly, several as if they were independent. Raises
        `UserError` if the task knows no such thing.
        """
        raise UserError(f"the task {self.name} has no likelihood of its constraints; take another --objective")

    @property
    def goal(self) -> str:
        """What the problem asks for, after "the problem is" or "is not"."""
        return self.verdict

    def shown(self, answer: Answer) -> list[int]:
        """An answer as a person or a JSON reader wants it."""
        return list(answer)

    @abstractmethod
    def canonical(self, answer: Answer) -> Answer:
        """One representative of all answers that count as the same."""

    @abstractmethod
    def violations(self, problem: Any, answer: Answer) -> int:
        """How many constraints `answer` breaks; 0 means that it is a solution."""

    @abstractmethod
    def solutions(self, problem: Any) -> list[Answer]:
        """All distinct solutions in canonical form, exactly. Raises `TimeoutError` if there are too many to list."""

    @abstractmethod
    def solvable(self, problem: Any) -> bool | None:
        """Whether a solution exists; None if that is not decided within a bounded search."""

    @abstractmethod
    def draw(self, problem: Any, answer: Answer | None, axes: Axes) -> None:
        """A picture of the problem with an answer, broken constraints marked."""


def known_rows(problems: Sequence[Any], solve: Callable[[Any], Tensor], most: int) -> Tensor:
    """At most `most` evenly spaced rows of what `solve` finds for each problem: `(batch, solutions, length)`.

    Rows of -1 where there are fewer. A problem that comes several times is solved once.
    """
    found = {id(problem): solve(problem) for problem in {id(problem): problem for problem in problems}.values()}
    spaced = {key: rows[:: -(-len(rows) // most)] for key, rows in found.items()}
    return pad_sequence([spaced[id(problem)] for problem in problems], batch_first=True, padding_value=-1)
