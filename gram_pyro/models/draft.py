"""The draft channel: before each transition, a noisy look at the answer."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import pyro.distributions as dist
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.models.base import Phase
from gram_pyro.models.sites import draft_site

ACCURACY = 27.0  # of all looks of the schedule `flow` together
TIMES = (0.01, 0.99)  # neither all noise nor none

Schedule = Literal["none", "cosine", "flow", "constant"]
Receiver = Literal["mean", "mixture"]
Times = tuple[float, float]
"""Of the first and the last draft, between 0 (all noise) and 1 (the answer)."""
Levels = tuple[Tensor, Tensor]
"""a and b of `draft = a y + b noise`, each `(batch,)`."""


class Look(NamedTuple):
    """What a draft is drawn around: `a` and `b` of the posterior, `(batch, 1, 1)`, and y_hat, the decoder's
    probabilities with the pins in their place, `(batch, length, values)`."""

    a: Tensor
    b: Tensor
    prediction: Tensor


def cosine(step: Tensor, total: Tensor, times: Times = TIMES) -> Levels:
    """From noise to the answer along a quarter of a circle: `a = sin`, `b = cos`, between two `times` of it."""
    first, last = times
    time = first + (last - first) * step.minimum(total - 1) / (total - 1).clamp(min=1)
    return torch.sin(math.pi / 2 * time), torch.cos(math.pi / 2 * time)


def flow(step: Tensor, total: Tensor, times: Times = TIMES) -> Levels:
    """Looks of a Bayesian flow network: look i of n has the accuracy `a^2 / b^2 = ACCURACY (2 i - 1) / n^2`, at any
    `times`."""
    look = (step + 1).minimum(total)
    accuracy = ACCURACY * (2 * look - 1) / total**2
    return (accuracy / (1 + accuracy)).sqrt(), (1 + accuracy).rsqrt()


SCHEDULES: dict[Schedule, Callable[[Tensor, Tensor, Times], Levels]] = {
    "cosine": cosine,
    "flow": flow,
    "constant": cosine,
}
"""Levels of the posterior at `step` (from 0) of `total`, each `(batch,)`. The prior of `constant` has a = 0, b = 1: all
its drafts are noise."""


class Draft:
    """`draft_t ~ Normal(a_t y_hat, b_t)` over one-hot answers; with `mixture` a mixture over the values."""

    def __init__(self, schedule: Schedule, receiver: Receiver, times: Times = TIMES) -> None:
        if schedule not in SCHEDULES or receiver not in ("mean", "mixture"):
            raise UserError("model.draft must be none, cosine, flow or constant, and model.receiver mean or mixture")
        if not 0 < times[0] <= times[1] < 1:
            raise UserError(f"the times of drafts lie between 0 and 1, the first before the last, not {times}")
        if schedule == "flow" and tuple(times) != TIMES:
            raise UserError("drafts of the schedule flow have no times; leave out draft_times, or take cosine")
        self.schedule, self.times = SCHEDULES[schedule], times
        self.receiver, self.held = receiver, schedule == "constant"

    def draw(
        self, t: int, total: int, phase: Phase, logits: Tensor, pins: Tensor | None, training: bool = True
    ) -> Tensor:
        """Draw draft_t where `phase` is that of the first transition: `(batch, length, values)`, clean at the pins.

        `logits` `(batch, length, values)` are those before the transition, `pins` as in `Problems`. Noise that is held
        is a look at the answer under the posterior of a `training`; outside of one the posterior is the prior.
        """
        prediction = pinned(logits.softmax(-1), pins)
        a, b = self.levels_at(t, phase)
        held = torch.zeros_like(a), torch.ones_like(b)
        prior = self.prior(prediction, *(held if self.held else (a, b)))
        look = Look(a, b, prediction) if training or not self.held else None
        return pinned(draft_site(t, prior, look, total), pins)

    def evidence(self, t: int, phase: Phase, draft: Tensor) -> Tensor:
        """Return what draft_t adds to the log-probability of each value, `a / b^2 draft`, for one who knew nothing."""
        a, b = self.levels_at(t, phase)
        return a / b**2 * draft

    def levels_at(self, t: int, phase: Phase) -> Levels:
        """Return a and b of draft_t, each `(batch, 1, 1)`."""
        a, b = self.schedule(phase.step + (t - 1), phase.total, self.times)
        return a[:, None, None], b[:, None, None]

    def accumulated(self, phase: Phase, y: Tensor, noise: Tensor) -> Tensor:
        """Return the evidence of all drafts of `y` before `phase`, where `noise` is standard normal, each `(batch,
        length, values)`: `Normal(c y, sqrt(c))` with c the sum of `a^2 / b^2`."""
        steps = torch.arange(int(phase.total.max()), device=y.device)
        a, b = self.schedule(steps, phase.total[:, None], self.times)
        accuracy = (a / b).square().where(steps < phase.step[:, None], 0.0).sum(1)[:, None, None]
        return accuracy * y + accuracy.sqrt() * noise

    def prior(self, prediction: Tensor, a: Tensor, b: Tensor) -> dist.TorchDistribution:
        """Return the distribution of a draft, batch `(batch,)`, event `(length, values)`."""
        if self.receiver == "mean":
            return dist.Normal(a * prediction, b).to_event(2)  # type: ignore[no-any-return]
        names = a[..., None] * torch.eye(prediction.shape[-1], device=prediction.device)
        each = dist.Normal(names.expand(*prediction.shape, -1), b[..., None]).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(prediction), each).to_event(1)  # type: ignore[no-any-return]


def diffusion(look: Look, targets: Tensor) -> dist.TorchDistribution:
    """Return `Normal(a y, b)`, the draft of one who knows the answer; y_hat stands in where there is none.
    KL to the receiver `mean`: `a^2 / (2 b^2) ||y - y_hat||^2`."""
    y = pinned(look.prediction, targets)
    return dist.Normal(look.a * y, look.b).to_event(2)  # type: ignore[no-any-return]


def pinned(values: Tensor, pins: Tensor | None) -> Tensor:
    """Return `values` `(batch, length, values)`, one-hot where `pins` `(batch, length)` are 0 or more."""
    if pins is None:
        return values
    one_hot = (pins[..., None] == torch.arange(values.shape[-1], device=pins.device)).to(values)
    return torch.where((pins >= 0)[..., None], one_hot, values)
