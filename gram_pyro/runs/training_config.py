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


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. An *update* is one optimiser step, on one supervision step of each problem."""

    updates: int | None = None
    """Optimiser steps; None lets `minutes` decide."""
    minutes: float = 5.0
    """Minutes, turned into a number of updates at the start, which get half of them at least. On a CPU a second counts
    as far as the processor worked on the training in it, whatever the number of threads: a busy machine takes longer
    for the same updates. On a GPU, and in several processes, every second counts."""
    evaluations: int | None = None
    """Times that samples of the prior are measured on the way. None: 10, but fewer, one at least, if they would take
    more than 15 % of the work; so are more than fit into the minutes."""
    validation_problems: int | None = None
    """Problems that such a measurement takes. None: 64, but fewer, 8 at least, if a single one of these would take more
    than 15 % of the minutes."""
    batch: int = 128
    """Problems side by side, in all processes together."""
    accumulate: int = 1
    """Pieces of an update that a process computes one after the other: memory for one of them."""
    depth: int = 16
    """Supervision steps of a trajectory (N_sup); the most of them, if `shortest` is given."""
    shortest: int | None = None
    """Fewest supervision steps of a trajectory, each with a number of its own from here to `depth`; None, or more than
    `depth`: all have `depth`."""
    prior_fraction: float = 0.5
    """Part of the problems that first run free, under the prior, before a target steers them; 0 in the paper."""
    problems: int = 20_000
    """Problems in the training set, each with all its solutions."""
    deep_supervision: bool = True
    """Whether every supervision step has a likelihood and an update of its own; otherwise an update runs the whole
    trajectory, with a likelihood at its end (and no prior rollouts)."""
    objective: Literal["elbo", "importance", "wake_sleep", "constraint"] = "elbo"
    """What is minimised: the negative ELBO; the importance-weighted bound of several trajectories; wake-sleep, where
    the model learns from the posterior's trajectories and the posterior from the model's; or the ELBO with a
    likelihood of the constraints at the end of trajectories of the prior."""
    particles: int = 4
    """Trajectories that the importance-weighted bound weighs."""
    constraint_weight: float = 0.1
    """Weight of the constraints beside the ELBO, where they are part of the objective."""
    horizon: int = 1
    """Transitions that gradients run through; above the model's transitions, several steps are unrolled, whose number
    must divide the depth."""
    recompute: bool = False
    """Whether supervision steps of an update but the last are computed again for their gradient instead of being kept:
    memory for one of them, at about half as much time again."""
    kl_transitions: Literal["last", "all"] = "all"
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
    """Speed of the controller: the most that log beta moves for each supervision step that an update unrolls."""
    kl_tilt: float = 1.0
    """Weight of the KL in the first supervision step relative to the last, geometric in between; 1 in the paper."""
    draft_weight: float = 0.0
    """Weight of the KL of drafts, outside beta and the controller: 1 as the ELBO has it; 0 leaves the learning to the
    likelihood of every step."""
    balance: float | None = 0.8
    """KL balance of `elbo` and `constraint`, which the other objectives have not; None leaves the gradient whole."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup: int = 200
    """Updates over which the learning rate rises; at most a tenth of all."""
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
