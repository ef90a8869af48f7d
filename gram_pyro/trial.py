"""Whether a model and a guide fit together, before anything is trained."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from pyro.distributions import TorchDistribution
from pyro.distributions.torch_distribution import TorchDistributionMixin
from pyro.poutine.trace_struct import Trace

from gram_pyro.elbo import traces_of
from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference import seeded
from gram_pyro.tasks.base import Task

TOLERANCE = 1e-3
STIR = 0.1
"""Standard deviation of what is added to a guide's parameters for the trial: many start as the prior."""


@torch.no_grad()
def try_guide(name: str, guide: Guide, task: Task, problem: Any, *, free: bool = True) -> None:
    """Run a guide with its model, both on the CPU, on two problems with an answer and one without.

    `free` says whether in training some problems run free, without an answer; then the guide may not steer them, for
    which its parameters are stirred. Raises `UserError` if it does, if it fails, or if it answers a site with another
    shape than the prior's or with something that has no reparameterised draws.
    """
    answer = task.targets(problem)[:1]
    targets = torch.cat([answer, answer, torch.full_like(answer, -1)])
    problems = [problem] * len(targets)
    arguments = task.encode(problems), targets
    told = guide.told(task, problems, targets)
    with seeded(0), pyro.validation_enabled(False):
        try:
            with checked(name, guide):
                traces_of(guide, *arguments, **told)
            if free:
                with stirred(guide):
                    steers = steered_site(*traces_of(guide, *arguments, **told))
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"the guide {name} fails on a first problem: {reason(error)}") from error
    if free and steers is not None:
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
def stirred(guide: Guide) -> Iterator[None]:
    """The guide's parameters, moved a little."""
    kept = copy.deepcopy(guide.state_dict())
    try:
        for parameter in guide.parameters():
            parameter.add_(STIR * torch.randn_like(parameter))
        yield
    finally:
        guide.load_state_dict(kept)


def steered_site(model_trace: Trace, guide_trace: Trace) -> str | None:
    """A site at which the posterior of the last problem is not the prior; those without finite numbers tell nothing."""
    priors: dict[str, Any] = model_trace.nodes
    posteriors: dict[str, Any] = guide_trace.nodes
    for name, site in posteriors.items():
        if site["type"] != "sample" or site["fn"] is priors[name]["fn"] or not site["fn"].batch_shape:
            continue
        posterior, prior = (each["fn"].log_prob(site["value"])[-1] for each in (site, priors[name]))
        if posterior.isfinite() and not torch.isclose(posterior, prior, rtol=TOLERANCE, atol=TOLERANCE):
            return name
    return None


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
