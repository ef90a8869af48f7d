"""A trained model, ready to answer."""

from __future__ import annotations

from typing import Any, NamedTuple

from gram_pyro.errors import UserError
from gram_pyro.inference.sampling import INDEPENDENT, MAX_NUMBER, SamplingConfig, sample
from gram_pyro.inference.selection import check_selection
from gram_pyro.inference.selection import select as choose
from gram_pyro.runs.store import Run
from gram_pyro.tasks.abilities import Answer

DEPTH_FACTOR = 4


class Samples(NamedTuple):
    """Answers to one problem.

    `answers` has one answer a sample, `violations` how many constraints each breaks, and `solutions`
    the distinct answers that break none, in canonical form and in the order they were found. `chosen` is
    the place of the answer that was selected; `values` the value head's opinion of each sample, None
    without one; `spent` the supervision steps that each took.
    """

    answers: list[Answer]
    violations: list[int]
    solutions: list[Answer]
    chosen: int
    values: list[float] | None
    spent: list[int]


class Reasoner:
    """Draws many different answers to a problem from a trained model; see `gram_pyro.load`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.task = run.task
        self.steps = DEPTH_FACTOR * run.depth
        """Supervision steps unless told otherwise: deeper than in training, as deeper is better."""

    def sample(
        self,
        problem: Any,
        num_samples: int = 20,
        steps: int | None = None,
        seed: int = 0,
        select: str = "checker",
        method: SamplingConfig = INDEPENDENT,
    ) -> Samples:
        """`num_samples` answers from as many prior trajectories of `steps` supervision steps, and the one selected.

        `select` is first, majority, value (what the value head thinks best of) or checker (what breaks the
        fewest constraints); `method` says how the trajectories run beside each other.

        A problem is what the task understands; for coloring any undirected `networkx.Graph`, whose
        vertices are answered in order: by number if they are 0..n-1, else in the graph's node order.
        The global random state stays as it was.
        Raises `UserError` if the problem does not fit the task or the checkpoint, or if the checkpoint has no
        value and halt heads where they are needed.
        """
        steps = self.steps if steps is None else steps
        for name, value, least, most in (
            ("samples", num_samples, 1, MAX_NUMBER),
            ("steps", steps, 1, MAX_NUMBER),
            ("seed", seed, 0, 2**32 - 1),
        ):
            if not isinstance(value, int) or not least <= value <= most:
                raise UserError(f"{name} must be a whole number from {least:,} to {most:,}, not {value}")
        check_selection(select, self.run.heads is not None)
        method.check(self.run.model, self.run.heads)
        task = self.task
        problem = task.prepare(problem)
        model, heads, x = self.run.model, self.run.heads, task.encode([problem])
        drawn = sample(
            model, x, num_samples, [steps], seed, method=method, heads=heads, equivalence_probs=task.equivalence_probs
        )
        answers = [task.answer(problem, values) for values in drawn.decoded[0, 0].tolist()]
        violations = [task.violations(problem, answer) for answer in answers]
        solutions = [task.canonical(a) for a, broken in zip(answers, violations, strict=True) if not broken]
        values = None if drawn.values is None else drawn.values[0, 0].tolist()
        chosen = choose(select, task, answers, values, violations)
        return Samples(answers, violations, list(dict.fromkeys(solutions)), chosen, values, drawn.spent[0, 0].tolist())
