"""A trained model, ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from gram_pyro.inference.config import AUTO, MAX_NUMBER, SamplingConfig, whole_number
from gram_pyro.inference.judge import judge
from gram_pyro.inference.sampling import sample
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
        """Supervision steps by default: deeper than in training, as deeper is better."""

    @torch.inference_mode(False)
    def sample(
        self,
        problem: Any,
        num_samples: int = 20,
        steps: int | None = None,
        seed: int = 0,
        select: str = "checker",
        method: SamplingConfig = AUTO,
        progress: Callable[[int], object] | None = None,
    ) -> Samples:
        """Return `num_samples` answers, from as many prior trajectories of `steps` supervision steps, and select one.

        `select` is first, majority, value (what the value head thinks best of) or checker (what breaks the
        fewest constraints); `method` says how the trajectories run beside each other. By default each halts where its
        halt head is sure; `SamplingConfig()` runs all to the last step. `progress` is called with the number of steps,
        of all trajectories together, that were done or are not needed any more.

        A problem is what the task understands; for coloring any undirected `networkx.Graph`, whose
        vertices are answered in order: by number if they are 0..n-1, else in the graph's node order.
        The global random state stays as it was. Several threads may share a `Reasoner`; they draw one after the other.
        Raises `UserError` if the problem does not fit the task or the checkpoint, or if the checkpoint has no
        value and halt heads where they are needed.
        """
        num_samples = whole_number("samples", num_samples, 1, MAX_NUMBER)
        steps = self.steps if steps is None else whole_number("steps", steps, 1, MAX_NUMBER)
        seed = whole_number("seed", seed, 0, 2**32 - 1)
        task, model, heads = self.task, self.run.model, self.run.heads
        check_selection(select, heads is not None)
        problem = task.prepare(problem)
        drawn = sample(
            model, task.encode([problem]), num_samples, [steps], seed,
            method=method, heads=heads, equivalence_probs=task.equivalence_probs, progress=progress,
        )  # fmt: skip
        judged = judge(task, problem, drawn.decoded[0, 0].tolist())
        values = None if drawn.values is None else drawn.values[0, 0].tolist()
        chosen, spent = choose(select, judged, values), drawn.spent[0, 0].tolist()
        return Samples(judged.answers, judged.violations, [*dict.fromkeys(judged.valid)], chosen, values, spent)
