"""What a task is: a spec, problems, tensors, targets and a checker; all else follows from these five."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Abilities, Answer

Split = Literal["train", "validation", "test"]


class Spec(NamedTuple):
    """All that a network knows of a task."""

    vocabulary: int
    """Number of input tokens."""
    values: tuple[int, ...]
    """A kind for each value of an answer. Values of one kind are interchangeable names: `(0, 0, 0)` for three colors,
    `(0, 1)` for an empty cell and a queen."""
    relations: int = 0
    """Number of relations between positions; 0 for a plain sequence."""
    positions: Literal["none", "1d", "2d"] = "none"
    """Whether the order of the positions means something: in a sequence, or row by row in a square."""
    groups: int = 0
    """Number of puzzle embeddings."""

    @property
    def classes(self) -> int:
        """Number of values an answer may take at a position."""
        return len(self.values)


class Problems(NamedTuple):
    """A batch of encoded problems `x`, all of one length."""

    tokens: Tensor
    """`(batch, length)`, integers below the spec's `vocabulary`."""
    relations: Tensor | None = None
    """`(batch, relations, length, length)`, 1.0 where two positions are related; `(relations, length, length)` if they
    are the same for all problems."""
    pins: Tensor | None = None
    """`(batch, length)`, the value where one is given, -1 where the position is free; None if all are free."""
    values: int | None = None
    """How many values the answers of this batch have; None for all of the spec's."""
    group: Tensor | None = None
    """`(batch,)`, the puzzle embedding of each problem."""
    answer_length: int | None = None
    """How many of the first positions hold the answer; None for all."""

    @property
    def answered(self) -> int:
        """How many of the first positions hold the answer."""
        return self.tokens.shape[1] if self.answer_length is None else self.answer_length

    def to(self, device: torch.device | str) -> Self:
        """Return the same problems on another device."""
        return self.map(lambda part: part.to(device), shared=True)

    def select(self, rows: Tensor) -> Self:
        """Return the problems at `rows` `(count,)`, which may repeat: `(count, ...)`."""
        return self.map(lambda part: part[rows])

    def rows(self) -> list[Tensor]:
        """Return the tensors that have a row for each problem."""
        relations = [] if self.relations is None or self.relations.dim() == 3 else [self.relations]
        return [self.tokens, *relations, *(part for part in (self.pins, self.group) if part is not None)]

    def map(self, function: Callable[[Tensor], Tensor], shared: bool = False) -> Self:
        """Apply a function to the tensors that have a row for each problem; with `shared`, to all tensors."""
        common = not shared and self.relations is not None and self.relations.dim() == 3
        parts = {"tokens": self.tokens, "relations": None if common else self.relations}
        parts |= {"pins": self.pins, "group": self.group}
        mapped: dict[str, Any] = {name: function(part) for name, part in parts.items() if part is not None}
        return self._replace(**mapped)


class Examples(NamedTuple):
    """Problems with a target each, and other known solutions."""

    problems: Problems
    targets: Tensor
    """`(batch, length)`, -1 at positions without an answer."""
    solutions: Tensor
    """`(batch, solutions, length)`, rows of -1 where there are fewer."""


class Task(Abilities, ABC):
    """One family of problems.

    A task is a frozen dataclass: its fields are its configuration (`--task.FIELD` on the command line). A *problem* is
    any object; an *answer* is a tuple of integers. A task defines `spec`, `generate`, `encode`, `targets` and
    `violations`; all else has a default, in this class or in `Abilities`. It knows nothing of models, and its checker
    shares no code with anything that produces answers.
    """

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """Return all that a network knows of the task."""

    @abstractmethod
    def generate(self, split: Split, count: int, seed: int) -> list[Any]:
        """Return at most `count` solvable problems of a split; no problem of one split occurs in another."""

    @abstractmethod
    def encode(self, problems: Sequence[Any]) -> Problems:
        """Return problems of one size as a batch of tensors."""

    @abstractmethod
    def targets(self, problem: Any) -> Tensor:
        """Return every target the generator may give, each row equally likely: `(targets, length)`.

        A target that is likelier than others stands in several rows; -1 at positions without an answer. Raises
        `TimeoutError` if there are too many to list.
        """

    @abstractmethod
    def violations(self, problem: Any, answer: Answer) -> int:
        """Count the constraints that `answer` breaks; 0 means that it is a solution."""

    def answer(self, problem: Any, values: Sequence[int]) -> Answer:
        """Return the answer that decoded values `(length,)` spell."""
        return tuple(int(value) for value in values)

    def canonical(self, answer: Answer) -> Answer:
        """Return one representative of all answers that count as the same."""
        return answer

    def solutions(self, problem: Any) -> list[Answer]:
        """Return all distinct solutions in canonical form, sorted. Raises `TimeoutError` if there are too many."""
        return sorted({self.canonical(self.answer(problem, row)) for row in self.targets(problem).tolist()})

    def count(self, problem: Any) -> int:
        """Return the number of distinct solutions. Raises `TimeoutError` if there are too many to count."""
        return len(self.solutions(problem))

    def entropy(self, targets: Tensor) -> float:
        """Return H(y | x) [nats] of a problem with these `targets` `(targets, length)`, each row equally likely."""
        _, rows = torch.unique(targets, dim=0, return_counts=True)
        return float(torch.special.entr(rows.double() / len(targets)).sum())

    def solvable(self, problem: Any) -> bool | None:
        """Return whether a solution exists; None if a bounded search does not decide it."""
        try:
            return bool(self.solutions(problem))
        except TimeoutError:
            return None

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Move each problem by a random symmetry, and its answers `(batch, answers, length)` alike."""
        return problems, answers

    def encode_for_pool(self, problems: Sequence[Any]) -> Problems:
        """Return problems as a pool of training examples keeps them: without what `augment` adds, if that is large."""
        return self.encode(problems)

    def known_solutions(self, problems: Sequence[Any]) -> list[Tensor]:
        """Return the solutions that training lists, up to what `augment` does: `(solutions, length)` for each problem.

        Where they cannot be listed, one target will do. Raises `UserError` if there are too many.
        """
        try:
            return self.list_solutions(problems)
        except TimeoutError as error:
            one = self.wording.singular
            hint = f"take smaller or more constrained {one}s"
            raise UserError(f"training lists all solutions of a {one}, and one has too many: {error}; {hint}") from None

    def list_solutions(self, problems: Sequence[Any]) -> list[Tensor]:
        """Return all solutions of each problem, up to what `augment` does. Raises `TimeoutError` if too many."""
        return [self.targets(problem) for problem in problems]

    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a target from p(y | z) restricted to known solutions: `(batch, length)`.

        `solutions` as in `Examples`; `log_probs` `(batch, length, classes)` what the decoder says at the latent state.
        """
        listed = solutions.long()
        scores = log_probs.gather(2, listed.clamp(min=0).transpose(1, 2)).where(listed.transpose(1, 2) >= 0, 0).sum(1)
        chosen = choose(scores.masked_fill((listed < 0).all(2), -torch.inf), generator)
        return listed[torch.arange(len(listed)), chosen]

    def align(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """Spell known solutions as close as may be to the targets `(batch, length)`: `(batch, solutions, length)`."""
        return solutions.long()

    def solutions_beside(self, problems: Sequence[Any], targets: Tensor) -> Tensor:
        """Return at most `max_known` known solutions, as targets: `(batch, solutions, length)`.

        Rows of -1 where there are fewer. `targets` `(batch, length)` is what a posterior sees beside them.
        """
        unique = {id(problem): problem for problem in problems}
        known = dict(zip(unique, self.known_solutions([*unique.values()]), strict=True))
        spaced = {key: rows[:: -(-len(rows) // self.max_known)] for key, rows in known.items()}
        listed = pad_sequence([spaced[id(problem)] for problem in problems], batch_first=True, padding_value=-1)
        return self.align(listed, targets)


def split_names(hashes: NDArray[np.uint64], test_percent: int) -> NDArray[np.str_]:
    """Return the split of each hash; published splits rest on it."""
    percent = hashes % 100
    return np.select([percent < test_percent, percent < test_percent + 5], ["test", "validation"], "train")


def choose(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an option from each row of unnormalised log-probabilities `(batch, options)`: `(batch,)`."""
    return torch.multinomial(scores.softmax(1), 1, generator=generator)[:, 0]
