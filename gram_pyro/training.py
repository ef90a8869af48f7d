"""The training loop's state: one update, and everything it depends on."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from gram_pyro.carry import Carry
from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.kl_controller import KLController
from gram_pyro.models.base import Model, Outcome, State
from gram_pyro.objectives import OBJECTIVES
from gram_pyro.tasks.base import TrainingSet


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. An *update* is one optimiser step, on one supervision step of each problem."""

    updates: int | None = None
    """Optimiser steps; None lets `minutes` decide."""
    minutes: float = 5.0
    """Wall minutes, turned into a number of updates at the start."""
    evaluations: int = 10
    """Times that samples of the prior are measured on the way; fewer if they would take too much of the minutes."""
    batch: int = 128
    """Problems side by side."""
    depth: int = 16
    """Supervision steps of a trajectory (N_sup)."""
    free: float = 0.5
    """Part of the problems that first run free, under the prior, before a target steers them; 0 in the paper."""
    problems: int = 20_000
    """Problems in the training set, each with all its solutions."""
    deep_supervision: bool = True
    """Whether every supervision step has a likelihood and an update of its own; otherwise an update runs the whole
    trajectory, and only its end is told what was right (and no problem runs free before)."""
    objective: Literal["elbo", "importance", "wake_sleep", "constraint"] = "elbo"
    """What is minimised: the negative ELBO; the importance-weighted bound of several trajectories; wake-sleep, where
    the model learns from the posterior's trajectories and the posterior from the model's; or the ELBO with a
    likelihood of the constraints at the end of trajectories of the prior."""
    particles: int = 4
    """Trajectories that the importance-weighted bound weighs."""
    constraint_weight: float = 0.1
    """Weight of the constraints beside the ELBO, where they are part of the objective."""
    horizon: int = 1
    """Transitions that gradients run through; above the model's transitions, several steps are unrolled."""
    recompute: bool = False
    """Whether supervision steps of an update but the last are computed again for their gradient instead of being kept:
    memory for one of them, at about a third more time."""
    charge: Literal["last", "all"] = "all"
    """Which transitions pay KL: those inside the horizon (the paper), or all."""
    beta: float = 1.0
    """Coefficient of the KL; where the controller starts, if there is one."""
    kl_target: float | None = 0.36
    """Mean KL per supervision step, in nats, that the controller holds at the end; None fixes beta."""
    kl_target_start: float = 0.5
    """The target at the start, falling linearly over the first `kl_decay` of the training."""
    kl_decay: float = 0.6
    """Part of the training over which the target falls."""
    kl_rate: float = 0.01
    """Speed of the controller."""
    kl_tilt: float = 1.0
    """Weight of the KL in the first supervision step relative to the last, geometric in between; 1 in the paper."""
    balance: float | None = 0.8
    """KL balance of the ELBO, which the other objectives have not; None leaves the gradient whole."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup: int = 200
    """Updates over which the learning rate rises."""
    final_rate: float = 0.05
    """Learning rate at the end as a part of the peak; cosine in between."""
    weight_decay: float = 0.1
    """Weight decay of AdamW."""
    clip: float = 1.0
    """Global norm that the gradient is clipped to."""
    ema: float = 0.999
    """Decay of the averaged weights, the ones that are evaluated and published."""
    head_rounds: int | None = None
    """Rounds of training for the value and halt heads at the end; 0 leaves them out; None takes a tenth of the
    minutes, or one round for every 250 updates."""
    seed: int = 0
    """Seed of weights, data and noise."""

    def __post_init__(self) -> None:
        for name, most in (
            ("batch", 2**16),
            ("depth", 2**12),
            ("horizon", 2**16),
            ("problems", 10**7),
            ("evaluations", 1000),
            ("particles", 1000),
        ):
            if not 1 <= getattr(self, name) <= most:
                raise UserError(f"training.{name} must lie between 1 and {most:,}, not {getattr(self, name)}")
        for name in ("minutes", "kl_target", "kl_target_start", "kl_tilt", "learning_rate", "clip"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"training.{name} must be above 0, not {value}")
        for name in ("beta", "kl_rate", "warmup", "weight_decay", "constraint_weight", "seed"):
            if not 0 <= getattr(self, name) < 2**63:
                raise UserError(f"training.{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("balance", "ema", "free", "kl_decay", "final_rate"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UserError(f"training.{name} must lie between 0 and 1, not {value}")
        if self.head_rounds is not None and not 0 <= self.head_rounds <= 10**6:
            raise UserError(f"training.head_rounds must lie between 0 and 1,000,000, not {self.head_rounds}")
        if self.updates is not None and self.updates < 1:
            raise UserError(f"training.updates must be at least 1, not {self.updates}")
        if self.free == 1:
            raise UserError("training.free must be below 1: a part of the problems has to be steered from its start")
        if self.kl_target is not None and self.beta == 0:
            raise UserError(
                "training.beta must be above 0 where the controller starts; kl_target None does without one"
            )


class Measured(NamedTuple):
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


class Trainer:
    """Model, guide, objective, optimiser, carried state: all that `update` needs and moves."""

    def __init__(
        self,
        model: Model,
        guide: Guide,
        training_set: TrainingSet,
        length: int,
        config: TrainingConfig,
        updates: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.model, self.guide, self.config, self.updates = model, guide, config, updates
        self.training_set = training_set
        self.done = 0
        self.averaged, self.averaged_guide = copy.deepcopy((model, guide))
        for part in (self.averaged, self.averaged_guide):
            part.requires_grad_(False)
        self.elbo = OBJECTIVES[config.objective](config, training_set.task)
        self.controller = KLController(config.beta, config.kl_rate, device)
        self.parameters: list[Tensor] = [*model.parameters(), *guide.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=config.learning_rate,
            betas=(0.9, 0.95),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        self.supervise = "every" if config.deep_supervision else "last"
        self.steps = math.ceil(config.horizon / model.transitions) if config.deep_supervision else config.depth
        if config.depth % self.steps:
            raise UserError(
                f"horizon {config.horizon} unrolls {self.steps} supervision steps of {model.transitions} transitions "
                f"an update, which must divide the depth of {config.depth}"
            )
        initial = model.initial_state(config.batch, length)
        rounds = config.depth // self.steps if model.recursion == "carried" else 1
        self.carry = Carry(
            training_set, State(*(z.clone() for z in initial)), rounds, config.free, self.generator, device
        )
        place = torch.arange(rounds) / max(1, rounds - 1)
        self.kl_weights = (config.kl_tilt ** (1 - place)).to(device)

    def learning_rate(self) -> float:
        """Linear warm-up, then a cosine down to `final_rate`."""
        config = self.config
        if self.done < config.warmup:
            return config.learning_rate * (self.done + 1) / config.warmup
        progress = (self.done - config.warmup) / max(1, self.updates - config.warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return config.learning_rate * (config.final_rate + (1 - config.final_rate) * cosine)

    def kl_target(self) -> float:
        """The controller's target now, in nats per supervision step."""
        assert self.config.kl_target is not None
        progress = min(1.0, self.done / max(1, self.config.kl_decay * self.updates))
        return self.config.kl_target_start + progress * (self.config.kl_target - self.config.kl_target_start)

    def update(self) -> Measured:
        """One optimiser step on one supervision step (or more, if the horizon spans more) of each problem."""
        (problems, targets, solutions), config = self.carry.examples, self.config
        beta = self.controller.beta
        self.elbo.beta = beta if config.kl_tilt == 1 else beta * self.kl_weights[self.carry.depths]
        course: dict[str, Any] = {"steps": self.steps, "state": self.carry.state, "supervise": self.supervise}
        if self.guide.sees_solutions:
            course["solutions"] = self.training_set.known(solutions, targets.cpu()).to(targets.device)
        terms = self.elbo.terms(self.model, self.guide, problems, targets, **course)
        loss = terms.loss / (len(targets) * self.steps)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.parameters, config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.step()
        self._average()
        usual = self.carry.from_start.to(loss.device, loss.dtype)
        count = usual.sum()
        usual = usual / count.clamp(min=1)
        kl = (terms.kl.sum(0) * usual).sum() / self.steps
        if config.kl_target is not None and len(terms.kl):
            target = self.kl_target()
            self.controller.update(torch.where(count > 0, kl, target), target)
        outcome: Outcome = terms.outcome
        right = ((outcome.answers == targets) | (targets < 0)).all(-1)
        accuracy = (right * usual).sum()
        self.carry.advance(outcome.state, outcome.logits)
        self.done += 1
        return Measured(loss.detach(), kl, accuracy, beta, norm)

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
