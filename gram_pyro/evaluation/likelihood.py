"""How likely a model finds an answer: importance weights of whole trajectories."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import pyro
import torch
from pyro import poutine
from torch import Tensor

from gram_pyro.effects.recall import RecallMessenger
from gram_pyro.errors import Diverged
from gram_pyro.guides.base import Guide
from gram_pyro.inference.metrics import chunks
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.runs import Run
from gram_pyro.tasks.base import Problems

Kind = Literal["exact", "bound"]


class Likelihood(NamedTuple):
    """Held-out negative log-likelihood, in nats a problem, averaged over the targets of each.

    `nll` is exact for a model without latent sites; else the importance-weighted bound of `draws`
    trajectories of the posterior, which lies above the true value and falls towards it with more of them.
    `entropy` is H(y | x) of the targets, and `excess` what is above it, with its `standard_error` over problems.
    """

    kind: Kind
    draws: int
    nll: float
    entropy: float
    excess: float
    standard_error: float | None


@torch.no_grad()
def log_weights(
    model: Model, guide: Guide, problems: Problems, targets: Tensor, steps: int, **told: Tensor
) -> tuple[Tensor, bool]:
    """log p(y, trajectory | x) - log q(trajectory | x, y) of one trajectory each, `(batch,)`; whether there were draws.

    The generative model: `steps` supervision steps and one likelihood. The mean of the weights is p(y | x). `told` is
    what the guide asks for beside (`Guide.told`).
    """
    parts = ImportanceELBO(None).parts(model, guide, problems, targets, steps=steps, supervise="last", **told)
    return parts.log_likelihood - parts.charge, len(parts.kl) > 0


@torch.no_grad()
def mixture_log_weights(
    model: Model, guide: Guide, problems: Problems, targets: Tensor, steps: int, **told: Tensor
) -> Tensor:
    """The same of two trajectories of each, one of the posterior and one of the prior: `(2, batch)`.

    Both are weighed by the mixture they come from, so that no weight exceeds 2 p(y | trajectory). Those of the
    posterior alone have heavy tails where it is narrower than what leads to y.
    """
    course = {"steps": steps, "supervise": "last"}
    free: dict[str, Any] = poutine.trace(model).get_trace(problems, **course).nodes
    drawn = {name: site["value"] for name, site in free.items() if name.startswith("guidance")}
    weights = []
    for values in ({}, drawn):
        with RecallMessenger(values):
            parts = ImportanceELBO(None).parts(model, guide, problems, targets, **course, **told)
        mixture = torch.logaddexp(torch.zeros_like(parts.charge), parts.charge) - math.log(2)
        weights.append(parts.log_likelihood - mixture)
    return torch.stack(weights)


def likelihood(
    run: Run, problems: list[Any], steps: int, *, draws: int = 16, max_targets: int = 4, seed: int = 0
) -> Likelihood:
    """The likelihood of the targets of problems, at most `max_targets` random ones of each.

    Raises `Diverged` if the model gives numbers that are not finite.
    """
    task = run.task
    generator = torch.Generator().manual_seed(seed)
    every = [task.targets(problem) for problem in problems]
    kept = [each[torch.randperm(len(each), generator=generator)[:max_targets]] for each in every]
    entropy = torch.tensor([math.log(len(each)) for each in every], dtype=torch.double)
    share = torch.tensor([1 / len(each) for each in kept], dtype=torch.double)
    nll = torch.zeros_like(share)
    latent = False
    with seeded(seed), pyro.validation_enabled(False):
        for owner, y in chunks(task, problems, kept):
            asked, y = [problems[place] for place in owner.tolist()], y.to(run.device)
            x, told = task.encode(asked).to(run.device), run.guide.told(task, asked, y)
            weights, drawn = log_weights(run.model, run.guide, x, y, steps, **told)
            latent |= drawn
            if drawn:
                more = [log_weights(run.model, run.guide, x, y, steps, **told)[0] for _ in range(draws - 1)]
                weights = torch.stack([weights, *more]).logsumexp(0) - math.log(draws)
            nll.index_add_(0, owner, -share[owner] * weights.double().cpu())
    if not nll.isfinite().all():
        raise Diverged(f"the model of {run.name} gives likelihoods that are not finite: its training diverged")
    excess = nll - entropy
    error = excess.std().item() / len(problems) ** 0.5 if len(problems) > 1 else None
    kind: Kind = "bound" if latent else "exact"
    return Likelihood(
        kind, draws if latent else 1, nll.mean().item(), entropy.mean().item(), excess.mean().item(), error
    )
