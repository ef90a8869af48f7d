"""How a model is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from gram_pyro.errors import UserError

LIMITS: tuple[tuple[float, float, str, str], ...] = (
    (1, 1000, "lie between 1 and 1,000", "evaluations particles"),
    (1, 2**12, "lie between 1 and 4,096", "depth shortest"),
    (1, 2**16, "lie between 1 and 65,536", "batch accumulate horizon"),
    (1, 10**7, "lie between 1 and 10,000,000", "problems validation_problems"),
    (1, math.inf, "be at least 1", "updates"),
    (0, 1, "lie between 0 and 1", "balance ema prior_fraction kl_decay final_rate"),
    (0, 10**6, "lie between 0 and 1,000,000", "head_rounds"),
    (0, 2**63 - 1, "be 0 or more", "beta kl_rate draft_weight warmup weight_decay constraint_weight seed"),
    (math.ulp(0), 2.0**1023, "be above 0", "minutes kl_target kl_target_start kl_tilt learning_rate clip"),
)
"""The least and the most that fields may be, in numbers and in words."""
Objective = Literal["elbo", "importance", "wake_sleep", "constraint"]
"""The negative ELBO; the importance-weighted bound of several trajectories; wake-sleep, where the model learns from the
posterior's trajectories and the posterior from the model's; the ELBO with a likelihood of the constraints at the end of
trajectories of the prior."""


@dataclass(frozen=True)
class Duration:
    """By `--minutes` or by `--updates`; an update is one optimiser step, on one supervision step of each problem."""

    minutes: float = 5.0
    """Turned into a number of updates at the start; on a CPU, minutes in which the processor works on it."""
    updates: int | None = None
    """Optimiser steps; None lets `minutes` decide."""
    head_rounds: int | None = None
    """Rounds for the value and halt heads at the end; None: a tenth of the minutes, or one in 250 updates."""


@dataclass(frozen=True)
class Optimisation:
    """AdamW, on problems with all their solutions."""

    problems: int = 20_000
    """Problems in the training set."""
    batch: int = 128
    """Problems side by side, in all processes together."""
    accumulate: int = 1
    """Pieces of an update that a process computes one after the other: memory for one of them."""
    learning_rate: float = 1e-3
    """Peak learning rate."""
    warmup: int = 200
    """Updates over which the learning rate rises; at most a tenth of all."""
    final_rate: float = 0.05
    """Learning rate at the end as a part of the peak; cosine in between."""
    weight_decay: float = 0.1
    """Weight decay."""
    clip: float = 1.0
    """Global norm that the gradient is clipped to."""
    ema: float = 0.999
    """Decay of the averaged weights, the ones that are evaluated and published."""
    seed: int = 0
    """Seed of weights, data and noise."""


@dataclass(frozen=True)
class Trajectory:
    """How long a trajectory is, and what of it a gradient sees."""

    depth: int = 16
    """Supervision steps of a trajectory (N_sup); the most of them, if `shortest` is given."""
    shortest: int | None = None
    """Fewest supervision steps: each trajectory draws its number from here to `depth`; None: all have `depth`."""
    prior_fraction: float = 0.5
    """Part of the problems that first run under the prior, before a target steers them; 0 in the paper."""
    deep_supervision: bool = True
    """An update and a likelihood after every supervision step, or one for the whole trajectory, at its end."""
    horizon: int = 1
    """Transitions that gradients run through; above the model's, steps are unrolled, a divisor of `depth`."""
    recompute: bool = False
    """Compute unrolled steps again for their gradient: memory for one of them, half as much time again."""


@dataclass(frozen=True)
class KL:
    """The divergence of the posterior from the prior: its weight, or the target of a controller of that weight."""

    kl_target: float | None = 0.36
    """Mean KL per supervision step [nats] that the controller holds at the end; None fixes beta."""
    kl_target_start: float = 0.5
    """The target at the start, falling linearly over the first `kl_decay` of the training."""
    kl_decay: float = 0.6
    """Part of the training over which the target falls."""
    kl_rate: float = 0.01
    """The most that the controller moves log beta for each supervision step that an update unrolls."""
    kl_tilt: float = 1.0
    """Weight of the KL in the first step relative to the last, geometric in between; 1 in the paper."""
    kl_transitions: Literal["last", "all"] = "all"
    """Which transitions pay KL: those inside the horizon (the paper), or all."""
    beta: float = 1.0
    """Coefficient of the KL; where the controller starts, if there is one."""
    balance: float | None = 0.8
    """KL balance, of the objectives `elbo` and `constraint` alone; None leaves the gradient whole."""
    draft_weight: float = 0.0
    """Weight of the KL of drafts, outside beta and the controller: 1 as the ELBO has it; 0: likelihoods alone."""
    particles: int = 4
    """Trajectories that the objective `importance` weighs."""
    constraint_weight: float = 0.1
    """Weight of the constraints beside the ELBO, in the objective `constraint`."""


@dataclass(frozen=True)
class Output:
    """What is measured on the way, and where it is written."""

    evaluations: int | None = None
    """Times that samples of the prior are measured; None: 10, fewer where that costs over 15 % of the work."""
    validation_problems: int | None = None
    """Problems that each of these takes; None: 64, fewer (8 at least) where one costs over 15 % of the minutes."""
    log: Literal["file", "tensorboard"] = "file"
    """file: metrics.jsonl in the run folder; tensorboard: events beside it, for `tensorboard --logdir runs`."""


@dataclass(frozen=True)
class TrainingConfig(Output, KL, Trajectory, Optimisation, Duration):
    """How a model is trained; the fields stand in the classes it derives from, which are the groups of `--help`."""

    objective: Objective = "elbo"
    """What is minimised."""

    def steps(self, transitions: int) -> int:
        """Return how many supervision steps of `transitions` each an update unrolls."""
        return math.ceil(self.horizon / transitions) if self.deep_supervision else self.depth

    def rounds(self, transitions: int) -> tuple[int, int]:
        """Return for how many updates a problem stays, its state carried from one to the next, at least and at most."""
        steps = self.steps(transitions)
        return -(-min(self.shortest or self.depth, self.depth) // steps), self.depth // steps

    def __post_init__(self) -> None:
        for least, most, words, names in LIMITS:
            for name in names.split():
                value = getattr(self, name)
                if value is not None and not least <= value <= most:
                    raise UserError(f"training.{name} must {words}, not {value}")
        if self.prior_fraction == 1:
            raise UserError("training.prior_fraction must be below 1: some problems need a target from their start")
        if self.kl_target is not None and self.beta == 0:
            raise UserError("training.beta must be above 0 where the controller starts; kl_target None does without it")
