"""The training loop's state: one update, and everything it depends on."""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gram_pyro.effects.sharded_noise import ShardedNoise
from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model, Outcome, State
from gram_pyro.objectives.elbo import Terms, TruncatedTrace_ELBO
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.distributed import ALONE, World
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.carry import Carry
from gram_pyro.training.kl_controller import KLController
from gram_pyro.training.objective import OBJECTIVES


class UpdateMetrics(NamedTuple):
    """What one update saw, as tensors on the device.

    `loss`, `kl` in nats a problem and supervision step; `accuracy` the part of problems whose whole
    answer the posterior's trajectory got right; `kl` and `accuracy` over problems steered from their
    start, `loss` over all (running free costs nothing); `beta` and `norm` (of the gradient) as used.
    """

    loss: Tensor
    kl: Tensor
    accuracy: Tensor
    beta: Tensor
    norm: Tensor


class MicroBatch(NamedTuple):
    """What a part of an update saw.

    `sums` over its problems: loss, KL a supervision step and right answers of those steered from their start, and how
    many these are. `latent` says whether anything was drawn.
    """

    sums: Tensor
    outcome: Outcome
    latent: bool


class LossModule(nn.Module):
    """The objective as a module over model and guide, so that DistributedDataParallel can hold them."""

    def __init__(self, elbo: TruncatedTrace_ELBO, model: Model, guide: Guide) -> None:
        super().__init__()
        self.elbo, self.model, self.guide = elbo, model, guide

    def forward(self, *args: Any, **run_kwargs: Any) -> Terms:
        """The terms of a run on problems and targets."""
        return self.elbo.terms(self.model, self.guide, *args, **run_kwargs)


class Trainer:
    """Model, guide, objective, optimiser, carried state: all that `update` needs and moves.

    In a `world` of several processes each computes its rows of the batch; after an update all have the same weights,
    those that one process would have found alone. Raises `UserError` if the batch cannot be shared out.
    """

    def __init__(
        self,
        model: Model,
        guide: Guide,
        pool: Pool,
        length: int,
        config: TrainingConfig,
        updates: int,
        device: torch.device | str = "cpu",
        world: World = ALONE,
    ) -> None:
        self.world = world
        self.model, self.guide, self.config, self.updates = model, guide, config, updates
        self.pool = pool
        self.done = 0
        self.averaged, self.averaged_guide = copy.deepcopy((model, guide))
        for part in (self.averaged, self.averaged_guide):
            part.requires_grad_(False)
        self.elbo = OBJECTIVES[config.objective](config, pool.task)
        self.parameters: list[Tensor] = [*model.parameters(), *guide.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay, fused=True
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        self.supervise = "every" if config.deep_supervision else "last"
        self.steps = config.steps(model.transitions)
        self.controller = KLController(config.beta, config.kl_rate * self.steps, device)
        if config.depth % self.steps:
            raise UserError(
                f"horizon {config.horizon} unrolls {self.steps} supervision steps of {model.transitions} transitions "
                f"an update, which must divide the depth of {config.depth}"
            )
        if config.batch % (world.size * config.accumulate):
            micro_batches = world.size * config.accumulate
            raise UserError(
                f"a batch of {config.batch} has no {micro_batches} equal pieces (processes x --accumulate); "
                f"take a multiple of {micro_batches}"
            )
        if config.recompute and world.size > 1:
            raise UserError("--recompute works in one process alone; take --accumulate, which saves memory as well")
        losses = LossModule(self.elbo, model, guide)
        self.losses = DistributedDataParallel(losses) if world.size > 1 else losses
        rows = config.batch // world.size // config.accumulate
        self.micro_batches = [slice(place * rows, (place + 1) * rows) for place in range(config.accumulate)]
        initial = model.initial_state(config.batch, length)
        rounds = config.rounds(model.transitions, model.recursion)
        self.carry = Carry(
            pool, State(*(z.clone() for z in initial)), rounds, config.prior_fraction, self.generator, device, world
        )
        place = torch.arange(rounds) / max(1, rounds - 1)
        self.kl_weights = (config.kl_tilt ** (1 - place)).to(device)

    def learning_rate(self) -> float:
        """Linear warm-up, then a cosine down to `final_rate`."""
        config = self.config
        warmup = min(config.warmup, self.updates // 10)
        if self.done < warmup:
            return config.learning_rate * (self.done + 1) / warmup
        progress = (self.done - warmup) / max(1, self.updates - warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return config.learning_rate * (config.final_rate + (1 - config.final_rate) * cosine)

    def kl_target(self) -> float:
        """The controller's target now, in nats per supervision step."""
        assert self.config.kl_target is not None
        progress = min(1.0, self.done / max(1, self.config.kl_decay * self.updates))
        return self.config.kl_target_start + progress * (self.config.kl_target - self.config.kl_target_start)

    def update(self) -> UpdateMetrics:
        """One optimiser step on one supervision step (or more, if the horizon spans more) of each problem."""
        carry, config, world = self.carry, self.config, self.world
        beta = self.controller.beta
        self.optimizer.zero_grad()
        found = [self._micro_batch(piece, last=piece is self.micro_batches[-1]) for piece in self.micro_batches]
        norm = nn.utils.clip_grad_norm_(self.parameters, config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.step()
        self._average()
        sums = world.sum(torch.stack([each.sums for each in found]).sum(0))
        loss, kl, accuracy, count = sums[0] / (config.batch * self.steps), sums[1], sums[2], sums[3]
        kl, accuracy = (part / count.clamp(min=1) for part in (kl, accuracy))
        if config.kl_target is not None and found[0].latent:
            target = self.kl_target()
            self.controller.update(torch.where(count > 0, kl, target), target)
        states = [each.outcome.state for each in found]
        state = State(*(torch.cat(parts) for parts in zip(*states, strict=True))) if states[1:] else states[0]
        logits = torch.cat([each.outcome.logits for each in found]) if states[1:] else found[0].outcome.logits
        carry.advance(state, world.gather(logits))
        self.done += 1
        return UpdateMetrics(loss, kl, accuracy, beta, norm)

    def _micro_batch(self, piece: slice, last: bool) -> MicroBatch:
        """Loss and gradient of some of this process's rows; after the `last` the processes share their gradients."""
        carry, config, world = self.carry, self.config, self.world
        problems, targets, solutions = carry.examples
        start = carry.rows.start
        rows = torch.arange(start + piece.start, start + piece.stop)
        state = carry.state
        if len(rows) < config.batch:
            problems, targets, solutions = problems.select(rows), targets[rows], solutions[rows]
            state = State(*(latent[piece] for latent in state))
        beta = self.controller.beta
        self.elbo.beta = beta if config.kl_tilt == 1 else beta * self.kl_weights[carry.depths[rows]]
        run_kwargs: dict[str, Any] = {"steps": self.steps, "state": state, "supervise": self.supervise}
        if self.guide.sees_solutions:
            run_kwargs["solutions"] = self.pool.task.align(solutions, targets.cpu()).to(targets.device)
        alone = world.size == 1
        with nullcontext() if last or alone else self.losses.no_sync():  # type: ignore[operator]
            with nullcontext() if alone else ShardedNoise(world):
                terms: Terms = self.losses(problems, targets, **run_kwargs)
            (terms.loss * (world.size / (config.batch * self.steps))).backward()  # type: ignore[no-untyped-call]
        outcome: Outcome = terms.outcome
        usual = carry.from_start[rows].to(terms.loss)
        right = ((outcome.answers == targets) | (targets < 0)).all(-1)
        kl = (terms.kl.sum(0).to(usual.device) * usual).sum() / self.steps
        sums = torch.stack((terms.loss.detach(), kl, (right * usual).sum(), usual.sum()))
        return MicroBatch(sums, outcome, len(terms.kl) > 0)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, but the global noise; a copy."""
        state: dict[str, Any] = copy.deepcopy(
            {
                "done": self.done,
                "model": self.model.state_dict(),
                "guide": self.guide.state_dict(),
                "averaged": self.averaged.state_dict(),
                "averaged_guide": self.averaged_guide.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "log_beta": self.controller.log_beta,
                "carry": self.carry.state_dict(),
            }
        )
        return state

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.done = saved["done"]
        for part in ("model", "guide", "averaged", "averaged_guide", "optimizer", "carry"):
            getattr(self, part).load_state_dict(saved[part])
        self.controller.log_beta = saved["log_beta"].to(self.controller.log_beta.device)

    @torch.no_grad()
    def _average(self) -> None:
        weight = 1 - min(self.config.ema, (1 + self.done) / (10 + self.done))
        averaged: list[Tensor] = [*self.averaged.parameters(), *self.averaged_guide.parameters()]
        torch._foreach_lerp_(averaged, self.parameters, weight)
