"""Whether a model, a guide and an objective fit together, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from pyro.distributions import TorchDistribution
from pyro.distributions.torch_distribution import TorchDistributionMixin
from torch.nn.parameter import is_lazy

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.objectives.elbo import traces_of
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks.base import Task
from gram_pyro.training.objective import OBJECTIVES

STEPS = 2
"""Supervision steps of the trial: a guide may know the first site and miss the others."""


def check_compatible(name: str, training: TrainingConfig, task: Task, model: Model, guide: Guide) -> None:
    """Raises `UserError` if the objective asks for something that the guide, or the model, has not."""
    if not guide.closed_form and OBJECTIVES[training.objective](training, task).balances:
        raise UserError(f"the guide {name} samples its KL, which cannot be balanced; take --balance None with it")
    if training.objective == "wake_sleep" and not [*guide.parameters()]:
        raise UserError(
            f"--objective wake_sleep trains a posterior on draws of the prior, and the guide {name} has nothing to "
            f"learn; take another objective or guide"
        )
    if training.objective == "wake_sleep" and guide.sees_solutions:
        raise UserError(
            f"the guide {name} sees the solutions around a target, and the answers that --objective wake_sleep draws "
            f"have none; take another objective or guide"
        )
    if training.objective == "constraint" and not model.independent:
        raise UserError(
            f"--objective constraint asks for answers that are independent given the latent state, and those of "
            f"{type(model).__name__} depend on each other; take another objective"
        )


@torch.no_grad()
def check_guide(name: str, guide: Guide, task: Task, problem: Any) -> None:
    """Run a guide with its model, both on the CPU, on two problems with an answer and one without.

    Raises `UserError` if it fails, or if a posterior is not finite, has another shape than the prior, or has no
    reparameterised draws.
    """
    answer = task.targets(problem)[:1]
    targets = torch.cat([answer, answer, torch.full_like(answer, -1)])
    problems = [problem] * len(targets)
    buffers = {place: buffer.clone() for place, buffer in guide.named_buffers() if not is_lazy(buffer)}
    with seeded(0), pyro.validation_enabled(False):
        try:
            context = guide.side_information(task, problems, targets)
            with checked(name, guide):
                _, guide_trace = traces_of(guide, task.encode(problems), targets, steps=STEPS, **context)
            sites: dict[str, Any] = guide_trace.nodes
            for site in sites.values():
                if not site["fn"].log_prob(site["value"]).isfinite().all():
                    raise UserError(f"the guide {name} answers {site['name']} with a distribution that is not finite")
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"the guide {name} fails on a first problem: {reason(error)}") from error
        finally:
            for place, buffer in guide.named_buffers():
                if place in buffers:
                    buffer.copy_(buffers[place])


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
