"""Training of the value and halt heads, on trajectories of the prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.inference.metrics import auc
from gram_pyro.inference.rollout import DEEP, Rollout, rollout
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.tasks.base import Task

PROBLEMS = 128
BATCH = 256
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.1


def check_has_state(model: Model) -> None:
    """Raises `UserError` if a model carries no state for heads to judge."""
    if model.recursion != "carried":
        kind = type(model).__name__
        raise UserError(f"{kind} carries no latent state for value and halt heads to judge; take --head-rounds 0")


class HeadsTrainer:
    """Trains heads for a frozen model. Raises `UserError` if it carries no state.

    A round runs one prior trajectory for each of `PROBLEMS` problems, has the task's checker judge the
    answer after every supervision step, and goes once through all states. Posterior trajectories
    would teach nothing: they are nearly always right. With r_t = 1 if the answer after step t is right:

    * value: cross-entropy of v(z_t) to r_T, the end of the trajectory (the paper's squared error hardly
      moves once nearly all ends are right);
    * halt: cross-entropy of q_halt to r_t (the simple variant halts on it alone);
    * proceed: cross-entropy of q_continue to max(q_halt, q_continue) of the next step (Q-learning).
    """

    def __init__(self, task: Task, model: Model, problems: Sequence[Any], depth: int, rounds: int, seed: int) -> None:
        check_has_state(model)
        self.task, self.model, self.problems = task, model, problems
        self.depth, self.rounds, self.seed = DEEP * depth, rounds, seed
        self.done = 0
        self.device = next(model.parameters()).device
        with seeded(seed):
            self.heads = Heads(task.spec, model).to(self.device)
        self.optimizer = torch.optim.AdamW(self.heads.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def round(self) -> float:
        """One round; returns its mean loss."""
        rng = np.random.default_rng([self.seed, self.done])
        chosen = [self.problems[place] for place in rng.integers(len(self.problems), size=PROBLEMS)]
        run = rollout(self.task, self.model, chosen, self.depth, int(rng.integers(2**32)))
        states = rng.permutation((self.depth - 1) * PROBLEMS)
        losses: list[float] = []
        for part in np.array_split(states, math.ceil(len(states) / BATCH)):
            for group in self.optimizer.param_groups:
                progress = (self.done + len(losses) / (len(states) / BATCH)) / self.rounds
                group["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * min(1.0, progress))) / 2
            losses.append(self._update(run, torch.from_numpy(part)))
        self.done += 1
        return sum(losses) / len(losses)

    def _update(self, run: Rollout, states: Tensor) -> float:
        step, row = states // PROBLEMS, states % PROBLEMS
        problems = run.problems.select(row.to(self.device))
        with torch.no_grad():
            later = self.heads(run.high[step + 1, row], problems)
            going_on = torch.maximum(later.halt, later.proceed).sigmoid()
        verdict: HeadLogits = self.heads(run.high[step, row], problems)
        right = run.valid[step, row].to(self.device).float()
        ends_right = run.valid[-1, row].to(self.device).float()
        loss = (
            F.binary_cross_entropy_with_logits(verdict.value, ends_right)
            + F.binary_cross_entropy_with_logits(verdict.halt, right)
            + F.binary_cross_entropy_with_logits(verdict.proceed, going_on)
        )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.item()


@torch.no_grad()
def judge_heads(
    task: Task, model: Model, heads: Heads, problems: Sequence[Any], depth: int, seed: int
) -> dict[str, Any]:
    """How well heads tell right from wrong on problems they were not trained on.

    `value_auc`: v(z_t) against the verdict at the end, over all steps t of trajectories of twice the
    training depth; `halt_auc`: q_halt against the verdict at t. None where all verdicts are the same.
    """
    run = rollout(task, model, problems, DEEP * depth, seed)
    verdicts = [heads(high, run.problems) for high in run.high]
    value, halt = (torch.stack([getattr(v, name) for v in verdicts]).cpu() for name in ("value", "halt"))
    return {"value_auc": auc(value, run.valid[-1].expand_as(run.valid)), "halt_auc": auc(halt, run.valid)}
