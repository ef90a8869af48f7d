"""Training of the value and halt heads on trajectories of the prior."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

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

    A round runs one prior trajectory for each of `PROBLEMS` problems (posterior ones are nearly always right), has the
    checker judge the answer after every supervision step, and passes once over all states. The share `UNSOLVABLE` of
    the problems has no solution, where the task has such problems.
    With r_t = 1 if the answer after step t is right, and T the last step, all losses are cross-entropies:

    * value: v(z_t) to r_T (the paper's squared error hardly moves once nearly all ends are right);
    * halt: q_halt(z_t) to r_t (the simple rule halts on it alone);
    * proceed: q_continue(z_t) to r_s, where s > t is the next step at which the heads halt, or T (see `returns`).
    """

    def __init__(self, task: Task, model: Model, problems: Sequence[Any], depth: int, rounds: int, seed: int) -> None:
        check_has_state(model)
        self.task, self.model, self.problems = task, model, problems
        self.depth, self.rounds, self.seed = DEEP * depth, rounds, seed
        self.hopeless = round(UNSOLVABLE * PROBLEMS)
        self.unsolvable = task.unsolvable("train", min(POOL, rounds * self.hopeless), seed)
        self.done = 0
        self.device = next(model.parameters()).device
        with seeded(seed):
            self.heads = Heads(task.spec, model).to(self.device)
        self.optimizer = torch.optim.AdamW(self.heads.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def train(self, stop: Sequence[object] = (), quiet: bool = False) -> bool:
        """Train all rounds; return whether they were done before something was in `stop`."""
        with tqdm(range(self.rounds), desc="heads", unit="round", disable=quiet) as bar:
            for _ in bar:
                if stop:
                    return False
                bar.set_postfix(loss=f"{self.round():.3f}")
        return True

    def round(self) -> float:
        """Train one round and return its mean loss."""
        rng = np.random.default_rng([self.seed, self.done])
        hopeless = self.hopeless if self.unsolvable else 0
        pools = ((self.problems, PROBLEMS - hopeless), (self.unsolvable, hopeless))
        chosen = [pool[i] for pool, count in pools for i in rng.integers(max(1, len(pool)), size=count)]
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


def returns(right: Tensor, halts: Tensor) -> Tensor:
    """Return what going on from each step brings, the target of q_continue: `(depth, batch)`.

    That is `right` at the next of the later steps at which the rule `halts`, both `(depth, batch)`, or at the last
    step. It is the value of max(q_halt, q_continue) of the next step, but holds no estimate that could confirm itself.
    """
    ahead = [right[-1]]
    for later in reversed(range(1, len(right))):
        ahead.append(torch.where(halts[later], right[later], ahead[-1]))
    return torch.stack(ahead[::-1])


@torch.no_grad()
def judge_heads(
    task: Task, model: Model, heads: Heads, problems: Sequence[Any], depth: int, seed: int
) -> dict[str, Any]:
    """Measure how well heads tell right from wrong on problems that they were not trained on.

    Trajectories have twice the training depth. `value_auc`: v(z_t) against the last answer, over all steps t;
    `halt_auc`: q_halt against the answer at t. None where all are right, or none.
    On at most as many problems without a solution: `unsolvable_value` and `unsolvable_proceed`, the means of v(z_t)
    and of q_continue over the second half of the steps, and `unsolvable_halted`, the share of trajectories with a
    step at which q_halt is above 1/2. None where the task has no such problems.
    """

    def judged(problems: Sequence[Any]) -> tuple[Tensor, HeadLogits]:
        run = rollout(task, model, problems, DEEP * depth, seed)
        logits = zip(*(heads(high, run.problems) for high in run.high), strict=True)
        return run.valid, HeadLogits(*(torch.stack(each).cpu() for each in logits))

    valid, verdict = judged(problems)
    measured = {"value_auc": auc(verdict.value, valid[-1].expand_as(valid)), "halt_auc": auc(verdict.halt, valid)}
    hopeless = dict.fromkeys(("unsolvable_value", "unsolvable_proceed", "unsolvable_halted"))
    if unsolvable := task.unsolvable("validation", len(problems), seed):
        _, verdict = judged(unsolvable)
        means = [logits[depth:].sigmoid().mean().item() for logits in (verdict.value, verdict.proceed)]
        halted = (verdict.halt > 0).any(0).float().mean().item()
        return measured | dict(zip(hopeless, (*means, halted), strict=True))
    return measured | hopeless
