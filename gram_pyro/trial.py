"""Whether a model and a guide fit together, before anything is trained."""

from __future__ import annotations

import copy
from typing import Any

import pyro
import torch
from pyro.distributions import TorchDistribution
from pyro.distributions.torch_distribution import TorchDistributionMixin

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference import seeded
from gram_pyro.tasks.base import Task

TOLERANCE = 1e-3
STIR = 0.1
"""Standard deviation of what is added to a guide's parameters for the trial: many start as the prior."""


@torch.no_grad()
def try_guide(name: str, guide: Guide, task: Task, problem: Any) -> None:
    """Run a guide with its model once, on two problems with an answer and one without, its parameters stirred.

    Raises `UserError` if it fails, if it answers a site with another shape than the prior's or with something that has
    no reparameterised draws, or if it steers the problem without an answer.
    """
    answer = task.targets(problem)[:1]
    targets = torch.cat([answer, answer, torch.full_like(answer, -1)])
    problems = [problem] * len(targets)
    kept, ask = copy.deepcopy(guide.state_dict()), guide.get_posterior

    def checked(site: str, prior: TorchDistribution) -> TorchDistribution:
        posterior = ask(site, prior)
        check(f"the guide {name} answers {site} with", posterior, prior)
        return posterior

    guide.get_posterior = checked  # type: ignore[assignment, method-assign]
    try:
        with seeded(0), pyro.validation_enabled(False):
            for parameter in guide.parameters():
                parameter.add_(STIR * torch.randn_like(parameter))
            guide(task.encode(problems), targets, **guide.told(task, problems, targets))
            model_trace, guide_trace = guide.get_traces()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"the guide {name} fails on a first problem: {reason(error)}") from error
    finally:
        del guide.get_posterior
        guide.load_state_dict(kept)
    sites: dict[str, Any] = guide_trace.nodes
    for site_name, site in sites.items():
        prior: Any = model_trace.nodes[site_name]
        if site["type"] != "sample" or site["fn"] is prior["fn"]:
            continue
        steered, free = (each["fn"].log_prob(site["value"])[-1] for each in (site, prior))
        if not torch.isclose(steered, free, rtol=TOLERANCE, atol=TOLERANCE):
            raise UserError(
                f"the guide {name} steers a problem without an answer at {site_name}, where all targets are -1; "
                f"multiply what it adds to the prior by self.steered"
            )


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
