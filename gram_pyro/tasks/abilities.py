"""What a task may be able to do beside: words, files, pictures, constraints as a likelihood."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
else:
    Axes = Any  # most programs draw nothing

Answer = tuple[int, ...]


class Wording(NamedTuple):
    """How messages name a task's problems."""

    singular: str = "problem"
    """What one problem is called."""
    feasible: str = "solvable"
    """What a problem is that has a solution; the key of it in JSON."""
    distinct: str = "distinct"
    """How solutions differ that count as different."""
    valid: str = "valid"
    """What an answer is that breaks no constraint."""


class Abilities:
    """Optional abilities with their defaults, which raise `UserError` where a task lacks one that is needed."""

    name: ClassVar[str] = "task"
    wording: ClassVar[Wording] = Wording()
    max_known: ClassVar[int] = 64
    """Most solutions of a problem that training lists; evenly spaced if there are more."""
    pictorial: ClassVar[bool] = False
    """Whether answers are images: all samples are shown in one sheet and counted, rather than listed."""
    scores: ClassVar[tuple[str, ...]] = ("validity", "coverage", "ratio")
    """Columns of a training log beside the loss; coverage and ratio need solutions that can be counted."""

    def settled(self) -> Self:
        """Return the task as a run stores it, with what its data decides."""
        return self

    def parts(self) -> Sequence[Self]:
        """Return the tasks that a training takes problems from, each of one size; the task itself if it is one."""
        return [self]

    @property
    def blank(self) -> Any:
        """Return the problem without input, where a task is p(y) rather than p(y | x); None where it takes an input."""
        return None

    @property
    def feasible(self) -> str:
        """Return what a problem is that has a solution, after "the problem is" or "is not"."""
        return self.wording.feasible

    def quality(self, answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
        """Return scores of many answers without an input as "samples", and those that real ones reach as "real".

        They stand where validity says nothing; {} where it is what counts.
        """
        return {}

    @property
    def quality_note(self) -> str:
        """Return what a reader of `quality` should know of this data; "" if nothing."""
        return ""

    def logged_quality(self, answers: Sequence[Answer]) -> dict[str, float]:
        """Return the scores of `quality` that are quick enough for a training log."""
        return {}

    def load(self, path: str, skip_bad: bool = False) -> list[Any]:
        """Read problems from a file or a folder. Raises `UserError` on bad input.

        With `skip_bad`, leave bad files of a folder and bad rows of a file out, and name them on standard error.
        """
        raise UserError(f"{path}: the task {self.name} reads no files")

    def read(self, text: str) -> list[Any]:
        """Read problems as a user writes them on a command line: a path, unless the task has a short form."""
        return self.load(text)

    def prepare(self, problem: Any) -> Any:
        """Return a problem given in Python in the task's own form. Raises `UserError` if it is none."""
        return problem

    def to_json(self, answer: Answer) -> list[Any] | str:
        """Return an answer as a person or a program reads it."""
        return list(answer)

    def text(self, problem: Any, answer: Answer) -> str:
        """Return an answer as lines of text."""
        shown = self.to_json(answer)
        return shown if isinstance(shown, str) else " ".join(map(str, shown))

    def details(self, problem: Any) -> dict[str, Any]:
        """Return what a reader of JSON needs to understand the answers, such as the names of their positions."""
        return {}

    def draw(self, problem: Any, answer: Answer | None, axes: Axes) -> None:
        """Draw the problem with an answer, broken constraints marked; as text where there is no picture."""
        shown = str(problem) if answer is None else self.text(problem, answer)
        axes.text(0.5, 0.5, shown, ha="center", va="center", family="monospace", wrap=True)
        axes.set_axis_off()

    def raster(self, problem: Any, answer: Answer | None) -> NDArray[np.uint8]:
        """Return a pictorial answer as an image `(height, width, 3)` of one size, from 0 to 255."""
        raise UserError(f"the answers of the task {self.name} are no images")

    def checks(self, problem: Any) -> bool:
        """Return whether a problem has constraints that an answer may break."""
        return True

    def equivalence_probs(self, probabilities: Tensor) -> Tensor:
        """Return independent distributions `(batch, places, values)` that are the same for answers that count as one.

        `probabilities` `(batch, length, classes)` are the decoder's.
        """
        return probabilities

    def constraint_log_prob(self, problems: Any, probabilities: Tensor) -> Tensor:
        """Return the log-probability that independent positions satisfy the constraints: `(batch,)`.

        `probabilities` `(batch, length, classes)`; each constraint exactly, several as if they were independent.
        """
        raise UserError(f"the task {self.name} has no likelihood of its constraints; take another --objective")

    def unsolvable(self, split: Any, count: int, seed: int) -> Sequence[Any]:
        """Return at most `count` problems of a split that look like the others and have no solution."""
        return []
