"""Training of the value and halt heads on trajectories of the prior."""

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
from gram_pyro.inference.rollout import DEEP, UNSOLVABLE, Rollout, rollout
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.tasks.base import Task

PROBLEMS = 128
POOL = 1000
"""Most problems without a solution that are drawn from."""
BATCH = 256
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.1


def check_has_state(model: Model) -> None:
    """Raises `UserError` if a model carries no state for heads to judge."""
    if model.recursion != "carried":
        kind = type(model).__name__
        raise UserError(f"{kind} carries no latent state for value and halt heads to judge; take --head-rounds 0")


class HeadsTrainer:
    """Train heads for a frozen model. Raises `UserError` if it carries no state.

    A round runs one prior trajectory for each of `PROBLEMS` problems, has the task's checker judge the answer after
    every supervision step, and passes once over all states. The share `UNSOLVABLE` of the problems has no solution,
    where the task has such problems. Posterior trajectories would teach nothing: they are nearly always right.
    With r_t = 1 if the answer after step t is right, and T the last step, all losses are cross-entropies:

    * value: v(z_t) to r_T (the paper's squared error hardly moves once nearly all ends are right);
    * halt: q_halt(z_t) to r_t (the simple rule halts on it alone);
    * proceed: q_continue(z_t) to r_s, where s > t is the next step at which the heads halt, or T (see `returns`).
    """

    def __init__(self, task: Task, model: Model, problems: Sequence[Any], depth: int, rounds: int, seed: int) -> None:
        check_has_state(model)
        self.task, self.model, self.problems = task, model, problems
        self.depth, self.rounds, self.seed = DEEP * depth, rounds, seed
        self.unsolvable = task.unsolvable("train", min(POOL, rounds * unsolvable_problems()), seed)
        self.done = 0
        self.device = next(model.parameters()).device
        with seeded(seed):
            self.heads = Heads(task.spec, model).to(self.device)
        self.optimizer = torch.optim.AdamW(self.heads.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def round(self) -> float:
        """Train one round and return its mean loss."""
        rng = np.random.default_rng([self.seed, self.done])
        unsolvable = unsolvable_problems() if self.unsolvable else 0
        chosen = [
            pool[place]
            for pool, count in ((self.problems, PROBLEMS - unsolvable), (self.unsolvable, unsolvable))
            for place in rng.integers(max(1, len(pool)), size=count)
        ]
        run = rollout(self.task, self.model, chosen, self.depth, int(rng.integers(2**32)))
        targets = self._targets(run)
        states = rng.permutation(self.depth * PROBLEMS)
        losses: list[float] = []
        for part in np.array_split(states, math.ceil(len(states) / BATCH)):
            for group in self.optimizer.param_groups:
                progress = (self.done + len(losses) / (len(states) / BATCH)) / self.rounds
                group["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * min(1.0, progress))) / 2
            losses.append(self._update(run, targets, torch.from_numpy(part)))
        self.done += 1
        return sum(losses) / len(losses)

    @torch.no_grad()
    def _targets(self, run: Rollout) -> HeadLogits:
        """Return the targets `(depth, batch)` of each head; for q_continue the heads of now say where to halt."""
        right = run.valid.float().to(self.device)
        verdicts = [self.heads(high, run.problems) for high in run.high]
        halts = torch.stack([verdict.halt > verdict.proceed for verdict in verdicts])
        return HeadLogits(right[-1].expand_as(right), right, returns(right, halts))

    def _update(self, run: Rollout, targets: HeadLogits, states: Tensor) -> float:
        """Train on `states` `(count,)`, counted step by step; targets are `(depth, batch)` each."""
        step, row = states // PROBLEMS, states % PROBLEMS
        verdict: HeadLogits = self.heads(run.high[step, row], run.problems.select(row.to(self.device)))
        pairs = zip(verdict, targets, strict=True)
        loss = torch.stack([F.binary_cross_entropy_with_logits(p, target[step, row]) for p, target in pairs]).sum()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.item()


def unsolvable_problems() -> int:
    """Return how many problems of a round have no solution."""
    return round(UNSOLVABLE * PROBLEMS)


def returns(right: Tensor, halts: Tensor) -> Tensor:
    """Return what going on from each step brings, the target of q_continue: `(depth, batch)`.

    That is the verdict `right` at the next of the later steps at which the rule `halts`, both `(depth, batch)`, or
    at the last step, whose own verdict is its target. It has the value of max(q_halt, q_continue) of the next step,
    but comes from verdicts alone: there is no estimate in it that could confirm itself.
    """
    found = [right[-1]]
    for later in reversed(range(1, len(right))):
        found.append(torch.where(halts[later], right[later], found[-1]))
    return torch.stack(found[::-1])


@torch.no_grad()
def judge_heads(
    task: Task, model: Model, heads: Heads, problems: Sequence[Any], depth: int, seed: int
) -> dict[str, Any]:
    """Measure how well heads tell right from wrong on problems that they were not trained on.

    Trajectories have twice the training depth. `value_auc`: v(z_t) against the verdict at the end, over all steps t;
    `halt_auc`: q_halt against the verdict at t. None where all verdicts are the same.
    On at most as many problems without a solution: `unsolvable_value` and `unsolvable_proceed`, the means of v(z_t)
    and of q_continue over the second half of the steps, and `unsolvable_halted`, the share of trajectories with a
    step at which q_halt is above 1/2. None where the task has no such problems.
    """
    run, verdict = judged(task, model, heads, problems, depth, seed)
    ends = run.valid[-1].expand_as(run.valid)
    found = {"value_auc": auc(verdict.value, ends), "halt_auc": auc(verdict.halt, run.valid)}
    hopeless = dict.fromkeys(("unsolvable_value", "unsolvable_proceed", "unsolvable_halted"))
    if unsolvable := task.unsolvable("validation", len(problems), seed):
        _, verdict = judged(task, model, heads, unsolvable, depth, seed)
        means = [logits[depth:].sigmoid().mean().item() for logits in (verdict.value, verdict.proceed)]
        halted = (verdict.halt > 0).any(0).float().mean().item()
        return found | dict(zip(hopeless, (*means, halted), strict=True))
    return found | hopeless


@torch.no_grad()
def judged(
    task: Task, model: Model, heads: Heads, problems: Sequence[Any], depth: int, seed: int
) -> tuple[Rollout, HeadLogits]:
    """Return one trajectory of each problem, and the logits of the heads for all its states, `(steps, batch)` each."""
    run = rollout(task, model, problems, DEEP * depth, seed)
    verdicts = [heads(high, run.problems) for high in run.high]
    return run, HeadLogits(*(torch.stack(logits).cpu() for logits in zip(*verdicts, strict=True)))
