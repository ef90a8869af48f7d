"""Whether a model, a guide and an objective fit together, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from pyro.distributions import TorchDistribution
from pyro.distributions.torch_distribution import TorchDistributionMixin
from pyro.poutine.trace_struct import Trace
from torch import Tensor
from torch.nn.parameter import is_lazy

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.objectives.elbo import traces_of
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks.base import Task
from gram_pyro.training.objective import OBJECTIVES

TOLERANCE = 1e-3
STEPS = 2
"""Supervision steps of the trial: a guide may know the first site and miss the others."""
PERTURBATIONS = 0.1, 0.01, 0.001
"""Standard deviation of what is added to a guide's parameters for the trial, as many start as the prior; the first that
leaves its numbers finite counts."""


def check_compatible(name: str, training: TrainingConfig, task: Task, model: Model, guide: Guide) -> None:
    """Raises `UserError` if the objective asks for something that the guide, or the model, has not."""
    if not guide.closed_form and OBJECTIVES[training.objective](training, task).balances:
        raise UserError(f"the guide {name} samples its KL, which cannot be balanced; take --balance None with it")
    if training.objective == "wake_sleep" and not [*guide.parameters()]:
        raise UserError(
            f"--objective wake_sleep trains a posterior on dreams, and the guide {name} has nothing to learn; "
            f"take another objective or guide"
        )
    if training.objective == "wake_sleep" and guide.sees_solutions:
        raise UserError(
            f"the guide {name} is told the solutions around a target, and --objective wake_sleep dreams answers "
            f"that have none; take another objective or guide"
        )
    if training.objective == "constraint" and not model.independent:
        raise UserError(
            f"--objective constraint asks for answers that are independent given the latent state, and those of "
            f"{type(model).__name__} depend on each other; take another objective"
        )


@torch.no_grad()
def check_guide(name: str, guide: Guide, task: Task, problem: Any, *, free: bool = True) -> None:
    """Run a guide with its model, both on the CPU, on two problems with an answer and one without.

    `free` says whether in training some problems run free, without an answer; then the guide may not steer them, for
    which its parameters are stirred. Raises `UserError` if it does, if it fails, or if it answers a site with another
    shape than the prior's or with something that has no reparameterised draws.
    """
    answer = task.targets(problem)[:1]
    targets = torch.cat([answer, answer, torch.full_like(answer, -1)])
    problems = [problem] * len(targets)
    arguments = task.encode(problems), targets
    buffers = {place: buffer.clone() for place, buffer in guide.named_buffers() if not is_lazy(buffer)}
    steers: str | None = None
    with seeded(0), pyro.validation_enabled(False):
        try:
            context = guide.side_information(task, problems, targets)
            with checked(name, guide):
                densities = compared(*traces_of(guide, *arguments, steps=STEPS, **context))
            bad = [site for site, posterior, _ in densities if not posterior.isfinite().all()]
            if bad:
                raise UserError(f"the guide {name} answers {bad[0]} with a distribution that is not finite")
            for scale in PERTURBATIONS if free else ():
                with perturbed(guide, scale):
                    densities = compared(*traces_of(guide, *arguments, steps=STEPS, **context))
                if all(posterior.isfinite().all() for _, posterior, _ in densities):
                    steers = next((site for site, *both in densities if differ(*both)), None)
                    break
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"the guide {name} fails on a first problem: {reason(error)}") from error
        finally:
            for place, buffer in guide.named_buffers():
                if place in buffers:
                    buffer.copy_(buffers[place])
    if steers is not None:
        raise UserError(
            f"the guide {name} steers a problem without an answer at {steers}, where all targets are -1; "
            f"multiply what it adds to the prior by self.steered"
        )


@contextmanager
def checked(name: str, guide: Guide) -> Iterator[None]:
    """Every answer of the guide is checked."""
    ask, own = guide.get_posterior, vars(guide).get("get_posterior")

    def answer(site: str, prior: TorchDistribution) -> TorchDistribution:
        posterior = ask(site, prior)
        check(f"the guide {name} answers {site} with", posterior, prior)
        return posterior

    guide.get_posterior = answer  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del guide.get_posterior
        if own is not None:
            guide.get_posterior = own  # type: ignore[method-assign]


@contextmanager
def perturbed(guide: Guide, scale: float) -> Iterator[None]:
    """The guide's parameters, moved a little."""
    moved = [parameter for parameter in guide.parameters() if not is_lazy(parameter)]
    kept = [parameter.clone() for parameter in moved]
    try:
        for parameter in moved:
            parameter.add_(scale * torch.randn_like(parameter))
        yield
    finally:
        for parameter, before in zip(moved, kept, strict=True):
            parameter.copy_(before)


def compared(model_trace: Trace, guide_trace: Trace) -> list[tuple[str, Tensor, Tensor]]:
    """Log-densities of what was drawn, posterior and prior, each `(batch,)`, where they are not the same thing."""
    priors: dict[str, Any] = model_trace.nodes
    posteriors: dict[str, Any] = guide_trace.nodes
    return [
        (name, site["fn"].log_prob(site["value"]), priors[name]["fn"].log_prob(site["value"]))
        for name, site in posteriors.items()
        if site["type"] == "sample" and site["fn"] is not priors[name]["fn"] and site["fn"].batch_shape
    ]


def differ(posterior: Tensor, prior: Tensor) -> bool:
    """Whether the last problem's posterior is not its prior."""
    return not torch.isclose(posterior[-1], prior[-1], rtol=TOLERANCE, atol=TOLERANCE)


def check(answers: str, posterior: Any, prior: TorchDistribution) -> None:
    """Raises `UserError` if a posterior is no distribution of the prior's shape with reparameterised draws."""
    if posterior is prior:
        return
    if not isinstance(posterior, TorchDistributionMixin):
        raise UserError(f"{answers} a {type(posterior).__name__}; give a distribution like the prior, such as a Normal")
    found, expected = (tuple(each.batch_shape + each.event_shape) for each in (posterior, prior))
    if found != expected:
        raise UserError(f"{answers} the shape {found}; the prior has {expected}")
    if posterior.event_shape != prior.event_shape:
        wanted = len(prior.event_shape)
        raise UserError(
            f"{answers} {len(posterior.event_shape)} dimensions of an event, not {wanted}: .to_event({wanted})"
        )
    if not posterior.has_rsample:
        raise UserError(
            f"{answers} a {type(posterior).__name__} that cannot be reparameterised; its gradient would be lost"
        )


def reason(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
