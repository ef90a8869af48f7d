"""How likely a model finds an answer: importance weights of whole trajectories."""

import math
from typing import Any, Literal, NamedTuple

import pyro
import torch
from pyro import poutine
from torch import Tensor

from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.errors import Diverged
from gram_pyro.evaluation.bound import chunks, excess_of
from gram_pyro.guides.base import Guide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Answers, Model
from gram_pyro.models.sites import latent_values
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.runs.store import Run
from gram_pyro.tasks.base import Problems

Kind = Literal["exact", "bound"]
Proposal = Literal["posterior", "prior"]
A_TARGET, LEAST, MOST = 8, 32, 256
"""Trajectories of the prior for each target of a problem, and the least and the most for all of them."""


class Likelihood(NamedTuple):
    """Held-out negative log-likelihood, in nats a problem, averaged over the targets of each.

    `nll` is exact without latent sites; else a bound from above that falls with more trajectories. Which one is chosen
    beforehand: that of prior trajectories, which all targets of a problem share, where the model carries a state;
    elsewhere that of `draws` posterior ones for each target (`proposal`). `bounds` has `nll`, `entropy`, `excess` and
    `standard_error` of each that was made. Others as `Bound`.
    """

    kind: Kind
    draws: int
    nll: float
    entropy: float
    excess: float
    standard_error: float | None
    proposal: Proposal | None = None
    bounds: dict[Proposal, dict[str, Any]] | None = None


@torch.no_grad()
def log_weights(
    model: Model, guide: Guide, problems: Problems, targets: Tensor, steps: int, **context: Tensor
) -> tuple[Tensor, bool]:
    """Return log p(y, trajectory | x) - log q(trajectory | x, y) of one each, `(batch,)`, and whether any was drawn.

    The mean of the weights is p(y | x), of `steps` steps and one likelihood; `context` as of `Guide.side_information`.
    """
    objective = ImportanceELBO(None)
    parts = objective.parts(model, guide, problems, targets, steps=steps, supervise="last", **context)
    return parts.log_likelihood - objective.cost(parts), len(parts.kl) + len(parts.draft_kl) > 0


@torch.no_grad()
def mixture_log_weights(
    model: Model, guide: Guide, problems: Problems, targets: Tensor, steps: int, **context: Tensor
) -> Tensor:
    """Return the weights of two trajectories each, one of the posterior and one of the prior: `(2, batch)`.

    Weighed by the mixture they come from, no weight exceeds 2 p(y | trajectory): the posterior's own have heavy tails.
    """
    run_kwargs = {"steps": steps, "supervise": "last"}
    rollout: dict[str, Any] = poutine.trace(model).get_trace(problems, **run_kwargs).nodes
    drawn = latent_values(rollout)
    objective, weights = ImportanceELBO(None), []
    for values in ({}, drawn):
        with SubstituteMessenger(values):
            cost = objective.cost(parts := objective.parts(model, guide, problems, targets, **run_kwargs, **context))
        mixture = torch.logaddexp(torch.zeros_like(cost), cost) - math.log(2)
        weights.append(parts.log_likelihood - mixture)
    return torch.stack(weights)


def likelihood(
    run: Run, problems: list[Any], steps: int, *, draws: int = 16, max_targets: int = 4, seed: int = 0
) -> Likelihood:
    """Measure the likelihood of the targets of problems; posterior weights take `max_targets` random ones of each.
    Raises `Diverged` if the model gives numbers that are not finite."""
    every = [run.task.targets(problem) for problem in problems]
    entropy = torch.tensor([run.task.entropy(each) for each in every], dtype=torch.double)
    with seeded(seed), pyro.validation_enabled(False):
        steered, latent = by_posterior(run, problems, every, steps, draws, max_targets)
        found: dict[Proposal, Tensor] = {"posterior": steered}
        if latent and run.model.carries:
            found["prior"] = by_prior(run, problems, every, steps)
    if not all(nll.isfinite().all() for nll in found.values()):
        raise Diverged(f"the model of {run.name} gives likelihoods that are not finite: its training diverged")
    if not latent:
        return Likelihood("exact", 1, **excess_of(steered, entropy))
    proposal: Proposal = "prior" if "prior" in found else "posterior"
    bounds = {name: excess_of(nll, entropy) for name, nll in found.items()}
    return Likelihood("bound", draws, **bounds[proposal], proposal=proposal, bounds=bounds)


@torch.no_grad()
def by_posterior(
    run: Run, problems: list[Any], every: list[Tensor], steps: int, draws: int, max_targets: int
) -> tuple[Tensor, bool]:
    """Return -log of the mean of `draws` posterior weights, a mean over targets `(problems,)`; whether any differ."""
    task = run.task
    kept = [each[torch.randperm(len(each))[:max_targets]] for each in every]
    share = torch.tensor([1 / len(each) for each in kept], dtype=torch.double)
    nll = torch.zeros_like(share)
    latent = False
    for owner, y in chunks(task, problems, kept, run.device):
        chosen, y = [problems[place] for place in owner.tolist()], y.to(run.device)
        x, context = task.encode(chosen).to(run.device), run.guide.side_information(task, chosen, y)
        weights, drawn = log_weights(run.model, run.guide, x, y, steps, **context)
        latent |= drawn
        if drawn:
            more = [log_weights(run.model, run.guide, x, y, steps, **context)[0] for _ in range(draws - 1)]
            weights = torch.stack([weights, *more]).logsumexp(0) - math.log(draws)
        nll.index_add_(0, owner, -share[owner] * weights.double().cpu())
    return nll, latent


@torch.no_grad()
def by_prior(run: Run, problems: list[Any], every: list[Tensor], steps: int) -> Tensor:
    """Return -log of the mean of p(y | trajectory) over trajectories of the prior, a mean over targets: `(problems,)`.
    All targets of a problem share its trajectories."""
    found = []
    for problem, targets in zip(problems, every, strict=True):
        count = min(max(A_TARGET * len(targets), LEAST), MOST)
        x = run.task.encode([problem]).to(run.device).select(torch.zeros(count, dtype=torch.long))
        logits = run.model(x, steps=steps, supervise="none").logits.cpu().double()
        said = Answers(logits[:, None]).log_prob(targets.expand(count, -1, -1))
        found.append((math.log(count) - said.logsumexp(0)).mean())
    return torch.stack(found)
