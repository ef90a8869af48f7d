"""Whether a model, a guide and an objective fit together, before anything is trained."""

from typing import Any
from unittest import mock

import pyro
import torch
from pyro.distributions import TorchDistribution
from pyro.distributions.torch_distribution import TorchDistributionMixin
from torch.nn.parameter import is_lazy

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.models.sites import sites_of
from gram_pyro.objectives.elbo import traces_of
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks.base import Task
from gram_pyro.training.objective import OBJECTIVES

STEPS = 2  # supervision steps of the trial: a guide may know the first site and miss the others


def check_compatible(name: str, training: TrainingConfig, task: Task, model: Model, guide: Guide) -> None:
    """Raise `UserError` if the objective needs something that the guide, or the model, has not."""
    kind, wake_sleep = type(model).__name__, training.objective == "wake_sleep"
    if not guide.closed_form and OBJECTIVES[training.objective](training, task).balances:
        raise UserError(f"the guide {name} samples its KL, which cannot be balanced; take --balance None with it")
    if wake_sleep and not [*guide.parameters()]:
        raise UserError(f"the guide {name} has nothing to learn, as --objective wake_sleep needs; take another guide")
    if wake_sleep and guide.sees_solutions:
        none = "--objective wake_sleep draws answers that have none; take another objective or guide"
        raise UserError(f"the guide {name} sees the solutions around a target, and {none}")
    if training.objective == "constraint" and not model.independent:
        needs = "--objective constraint needs answers that are independent given the latent state"
        raise UserError(f"{needs}, and those of {kind} depend on each other; take another objective")


@torch.no_grad()
def check_guide(name: str, guide: Guide, task: Task, problem: Any) -> None:
    """Run a guide with its model, both on the CPU, on two problems with an answer and one without.

    Raises `UserError` if it fails, or if a posterior is not finite, has another shape than the prior, or has no
    reparameterised draws.
    """
    target = task.targets(problem)[:1]
    targets = torch.cat([target, target, torch.full_like(target, -1)])
    problems = [problem] * len(targets)
    buffers = {key: buffer.clone() for key, buffer in guide.named_buffers() if not is_lazy(buffer)}
    get_posterior, steered = guide.get_posterior, []

    def checked(site: str, prior: TorchDistribution) -> TorchDistribution:
        posterior = get_posterior(site, prior)
        steered.append(site)
        check(f"the guide {name} answers {site} with", posterior, prior)
        return posterior

    with seeded(0), pyro.validation_enabled(False):
        try:
            context = guide.side_information(task, problems, targets)
            with mock.patch.object(guide, "get_posterior", checked):
                _, guide_trace = traces_of(guide, task.encode(problems), targets, steps=STEPS, **context)
            sites: dict[str, Any] = guide_trace.nodes
            if not steered and [*guide.parameters()] and any(sites_of(sites, "draft")):
                other = "take --guide diffusion, or leave --model.no-guidance"
                raise UserError(f"the guide {name} steers no site of this model, which draws drafts alone; {other}")
            for site in sites.values():
                if not site["fn"].log_prob(site["value"]).isfinite().all():
                    raise UserError(f"the guide {name} answers {site['name']} with a distribution that is not finite")
        except UserError:
            raise
        except Exception as error:
            reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
            raise UserError(f"the guide {name} fails on a first problem: {reason}") from error
        finally:
            for key, buffer in guide.named_buffers():
                if key in buffers:
                    buffer.copy_(buffers[key])


def check(answers: str, posterior: Any, prior: TorchDistribution) -> None:
    """Raise `UserError` if a posterior is no distribution of the prior's shape with reparameterised draws."""
    if posterior is prior:
        return
    kind = type(posterior).__name__
    if not isinstance(posterior, TorchDistributionMixin):
        raise UserError(f"{answers} a {kind}; give a distribution like the prior, such as a Normal")
    shape, expected = (tuple(each.batch_shape + each.event_shape) for each in (posterior, prior))
    if shape != expected:
        raise UserError(f"{answers} the shape {shape}; the prior has {expected}")
    events, wanted = posterior.event_dim, prior.event_dim
    if events != wanted:
        raise UserError(f"{answers} {events} dimensions of an event, not {wanted}: .to_event({wanted})")
    if not posterior.has_rsample:
        raise UserError(f"{answers} a {kind} that cannot be reparameterised; its gradient would be lost")
