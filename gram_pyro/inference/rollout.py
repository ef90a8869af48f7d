"""Trajectories of the prior, judged after every step."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyro
import torch
from torch import Tensor

from gram_pyro.inference.judge import ViolationCache, judge
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model, State
from gram_pyro.tasks.base import Problems, Task

DEEP = 2  # trajectories run to so many times the training depth: inference goes deeper than training
UNSOLVABLE = 0.25  # share of problems without a solution among those that heads are trained on, where the task has such


class Rollout(NamedTuple):
    """Prior trajectories of `problems`, judged: `high` `(depth, batch, length, width)`, `valid` `(depth, batch)`."""

    problems: Problems
    high: Tensor
    valid: Tensor


@torch.no_grad()
def rollout(task: Task, model: Model, problems: Sequence[Any], depth: int, seed: int) -> Rollout:
    """Run one prior trajectory of each problem, all of one size, and judge it after every step."""
    x = task.encode(problems).to(next(model.parameters()).device)
    highs, valid = [], []
    seen: ViolationCache = {}
    state: State | None = None
    with seeded(seed), pyro.validation_enabled(False):
        for _ in range(depth):
            outcome = model(x, steps=1, state=state, supervise="last")
            state = outcome.state
            highs.append(state.high)
            rows = zip(problems, outcome.answers.tolist(), strict=True)
            valid.append([bool(judge(task, problem, [row], seen).valid) for problem, row in rows])
    return Rollout(x, torch.stack(highs), torch.tensor(valid))
