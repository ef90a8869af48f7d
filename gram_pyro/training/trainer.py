"""The training loop's state: one update, and everything it depends on."""

import copy
import math
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gram_pyro.effects.sharded_noise import ShardedNoise
from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model, Outcome, State
from gram_pyro.objectives.elbo import Terms, TruncatedTrace_ELBO
from gram_pyro.runs.config import RunConfig, label
from gram_pyro.runs.store import Run, build_parts, load_weights
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.distributed import ALONE, World
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.carry import Carry
from gram_pyro.training.heads import check_has_state
from gram_pyro.training.kl_controller import KLController
from gram_pyro.training.lanes import Lanes
from gram_pyro.training.moments import Moments
from gram_pyro.training.objective import OBJECTIVES
from gram_pyro.training.trial import check_compatible, check_guide

PARTS = ("model", "guide", "averaged", "averaged_guide", "optimizer", "carry")
"""Attributes of a trainer with a state of their own."""


class UpdateMetrics(NamedTuple):
    """What one update saw, as scalar tensors on the device.

    `loss` and `kl` in nats a problem and supervision step; `posterior_accuracy`: part of the problems whose whole
    answer is right. Loss over all problems (a prior rollout costs nothing), the next two over those steered from their
    start. `beta` as used, the norm before clipping.
    """

    loss: Tensor
    kl: Tensor
    posterior_accuracy: Tensor
    beta: Tensor
    gradient_norm: Tensor


class LossModule(nn.Module):
    """The objective as a module over model and guide, so that DistributedDataParallel can hold them."""

    def __init__(self, elbo: TruncatedTrace_ELBO, model: Model, guide: Guide) -> None:
        super().__init__()
        self.elbo, self.model, self.guide = elbo, model, guide

    def forward(self, *args: Any, **run_kwargs: Any) -> Terms:
        """Return the terms of a run on problems and targets."""
        return self.elbo.terms(self.model, self.guide, *args, **run_kwargs)


class Trainer:
    """Model, guide, objective, optimiser, carried state: all that `update` needs and moves.

    In a `world` of several processes each computes its rows of the batch; after an update all have the same weights,
    those that one process would have found alone. With several `pools` each update takes its batch from one of them.
    Raises `UserError` if the batch cannot be shared out.
    """

    def __init__(
        self,
        model: Model,
        guide: Guide,
        pools: Pool | Sequence[Pool],
        config: TrainingConfig,
        updates: int,
        world: World = ALONE,
    ) -> None:
        self.world, self.config, self.updates = world, config, updates
        pools = [pools] if isinstance(pools, Pool) else pools
        self.model, self.guide = model, guide
        self.done = 0
        self.averaged, self.averaged_guide = copy.deepcopy((model, guide))
        for part in (self.averaged, self.averaged_guide):
            part.requires_grad_(False)
        self.elbo = OBJECTIVES[config.objective](config, pools[0].task)
        self.parameters: list[Tensor] = [*model.parameters(), *guide.parameters()]
        rate, decay = config.learning_rate, config.weight_decay
        self.optimizer = torch.optim.AdamW(self.parameters, rate, (0.9, 0.95), weight_decay=decay, fused=True)
        self.supervise = "every" if config.deep_supervision else "last"
        self.steps = config.steps(model.transitions)
        device = next(model.parameters()).device
        self.controller = KLController(config.beta, config.kl_rate * self.steps, device)
        pieces = world.size * config.accumulate
        if config.depth % self.steps:
            unrolled = f"{self.steps} supervision steps of {model.transitions} transitions an update, which must divide"
            raise UserError(f"horizon {config.horizon} unrolls {unrolled} the depth of {config.depth}")
        if config.batch % pieces:
            unequal = f"a batch of {config.batch} has no {pieces} equal pieces (processes x --accumulate)"
            raise UserError(f"{unequal}; take a multiple of {pieces}")
        if config.recompute and world.size > 1:
            raise UserError("--recompute works in one process alone; take --accumulate, which saves memory as well")
        losses = LossModule(self.elbo, model, guide)
        self.losses = DistributedDataParallel(losses) if world.size > 1 else losses
        rows = config.batch // pieces
        self.micro_batches = [slice(start * rows, (start + 1) * rows) for start in range(config.accumulate)]
        shortest, rounds = config.rounds(model.transitions) if model.carries else (1, 1)
        jumps = model.jumps and config.prior_fraction == config.draft_weight == 0
        carries = [
            (partial(Moments, model) if jumps else Carry)(
                pool,
                model.start_of(config.batch, pool.problems),
                rounds,
                config.prior_fraction,
                torch.Generator().manual_seed(config.seed + number),
                world,
                shortest=shortest,
                moves=self.steps * model.transitions,
            )
            for number, pool in enumerate(pools)
        ]
        self.carry = carries[0] if len(carries) == 1 else Lanes(carries, config.seed)
        progress = torch.arange(rounds) / max(1, rounds - 1)
        self.kl_weights = (config.kl_tilt ** (1 - progress)).to(device)

    def learning_rate(self) -> float:
        """Return the rate now: linear warm-up, then a cosine down to `final_rate`."""
        config = self.config
        warmup = min(config.warmup, self.updates // 10)
        if self.done < warmup:
            return config.learning_rate * (self.done + 1) / warmup
        progress = (self.done - warmup) / max(1, self.updates - warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return config.learning_rate * (config.final_rate + (1 - config.final_rate) * cosine)

    def kl_target(self) -> float:
        """Return the controller's target now, in nats per supervision step."""
        assert self.config.kl_target is not None
        progress = min(1.0, self.done / max(1, self.config.kl_decay * self.updates))
        return self.config.kl_target_start + progress * (self.config.kl_target - self.config.kl_target_start)

    def update(self) -> UpdateMetrics:
        """Make one optimiser step on one supervision step (or more, by the horizon) of each problem."""
        config, world = self.config, self.world
        beta = self.controller.beta
        self.optimizer.zero_grad()
        sums, outcomes, latent = zip(*(self._backward(rows) for rows in self.micro_batches), strict=True)
        norm = nn.utils.clip_grad_norm_(self.parameters, config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.step()
        self._average()
        loss, kl, accuracy, count = world.sum(torch.stack(sums).sum(0))
        kl, accuracy = (part / count.clamp(min=1) for part in (kl, accuracy))
        if config.kl_target is not None and latent[0]:
            target = self.kl_target()
            self.controller.update(torch.where(count > 0, kl, target), target)
        high, low = (torch.cat([outcome.state[i] for outcome in outcomes]) for i in (0, 1))
        self.carry.advance(State(high, low), world.gather(torch.cat([outcome.logits for outcome in outcomes])))
        self.done += 1
        return UpdateMetrics(loss / (config.batch * self.steps), kl, accuracy, beta, norm)

    def _backward(self, piece: slice) -> tuple[Tensor, Outcome, bool]:
        """Add the gradient of some of this process's rows; after the last the processes share their gradients.

        Returns sums over the problems: loss, KL a supervision step and right answers of those steered from their
        start, and how many these are; the outcome; and whether a latent was drawn.
        """
        carry, config, world = self.carry, self.config, self.world
        problems, targets, solutions = carry.examples
        rows = torch.arange(carry.rows.start + piece.start, carry.rows.start + piece.stop)
        state = carry.state
        if len(rows) < config.batch:
            problems, targets, solutions = problems.select(rows), targets[rows], solutions[rows]
            state = state.map(lambda part: part[piece])
        beta = self.controller.beta
        self.elbo.beta = beta if config.kl_tilt == 1 else beta * self.kl_weights[carry.depths[rows]]
        run_kwargs: dict[str, Any] = {"steps": self.steps, "state": state, "supervise": self.supervise}
        if self.guide.sees_solutions:
            run_kwargs["solutions"] = carry.pool.task.align(solutions, targets.cpu()).to(targets.device)
        alone = world.size == 1
        share = alone or piece is self.micro_batches[-1]
        with nullcontext() if share else self.losses.no_sync():  # type: ignore[operator]
            with nullcontext() if alone else ShardedNoise(world):
                terms: Terms = self.losses(problems, targets, **run_kwargs)
            (terms.loss * (world.size / (config.batch * self.steps))).backward()  # type: ignore[no-untyped-call]
        usual = carry.from_start[rows].to(terms.loss)
        right = ((terms.outcome.answers == targets) | (targets < 0)).all(-1)
        kl = (terms.kl.sum(0).to(usual.device) * usual).sum() / self.steps
        sums = torch.stack((terms.loss.detach(), kl, (right * usual).sum(), usual.sum()))
        return sums, terms.outcome, len(terms.kl) > 0

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything that the next update depends on, but the global noise."""
        state = {"done": self.done, "log_beta": self.controller.log_beta}
        return copy.deepcopy(state | {part: getattr(self, part).state_dict() for part in PARTS})

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.done = saved["done"]
        for part in PARTS:
            getattr(self, part).load_state_dict(saved[part])
        self.controller.log_beta = saved["log_beta"].to(self.controller.log_beta.device)

    @torch.no_grad()
    def _average(self) -> None:
        weight = 1 - min(self.config.ema, (1 + self.done) / (10 + self.done))
        averaged: list[Tensor] = [*self.averaged.parameters(), *self.averaged_guide.parameters()]
        torch._foreach_lerp_(averaged, self.parameters, weight)


def make_trainer(
    config: RunConfig,
    problems: Sequence[Any],
    pools: Sequence[Pool],
    init: Run | None,
    world: World,
    device: torch.device,
) -> Trainer:
    """Make model and guide, from the weights of `init` if any, and a trainer. Raises `UserError` if they misfit."""
    task, training, name = config.task, config.training, label(config.guide)
    model, guide = build_parts(config)
    check_compatible(name, training, task, model, guide)
    if training.objective == "constraint":
        x = task.encode(problems[:1])
        task.constraint_log_prob(x, torch.full((*x.tokens.shape, task.spec.classes), 1 / task.spec.classes))
    if training.head_rounds:
        check_has_state(model)
    if init is not None:
        load_weights(init, model, guide)
    check_guide(name, guide, task, problems[0])
    return Trainer(model.to(device), guide.to(device), pools, training, training.updates or 1, world)
