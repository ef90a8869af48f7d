"""A look inside: what prior and posterior do on one problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from numpy.typing import NDArray
from pyro import poutine
from torch import Tensor
from torch.distributions import kl_divergence

from gram_pyro.errors import UserError
from gram_pyro.evaluation.inspection import Components, Divergence, Inspection, Likelihoods, Trajectories
from gram_pyro.evaluation.likelihood import mixture_log_weights
from gram_pyro.inference.sampling import seeded
from gram_pyro.objectives.elbo import divergence_of
from gram_pyro.runs import Run

MAX_TARGETS = 512


@torch.no_grad()
def inspect(
    run: Run,
    problem: Any,
    target: Sequence[int] | None = None,
    *,
    steps: int | None = None,
    samples: int = 32,
    draws: int = 64,
    seed: int = 0,
) -> Inspection:
    """Look at one problem: trajectories of prior and posterior, KL, h over the steps, and p(solution | x).

    `target` is a solution in the task's own form, the first of `task.targets` unless told otherwise; `steps`
    supervision steps, those of training unless told otherwise; `samples` trajectories of each kind; `draws`
    trajectories for each target whose likelihood is estimated (at most `MAX_TARGETS` of them), half of them of
    the posterior and half of the prior, weighed by the mixture.
    Raises `UserError` if the model draws no guidance, if the target is no solution, or if the problem has too many.
    """
    task, steps = run.task, steps or run.depth
    if run.model.recursion != "carried" or not run.model.draws:
        raise UserError(f"{type(run.model).__name__} draws no guidance: there is no posterior to look into")
    problem = task.prepare(problem)
    try:
        solvable = bool(task.solutions(problem))
    except TimeoutError as error:
        raise UserError(f"the {task.noun} cannot be looked into: {error}") from None
    if not solvable:
        raise UserError(f"the {task.noun} is not {task.goal}: there is no answer to show the posterior")
    targets = task.targets(problem)
    if target is None:
        shown = targets[0]
    else:
        shown = targets[0].clone()
        if len(target) != task.asked(len(shown)):
            raise UserError(
                f"the target {tuple(target)} is no solution of this {task.noun}: {len(shown)} values are asked"
            )
        shown[: len(target)] = torch.as_tensor(target)
        if task.violations(problem, task.answer(problem, shown.tolist())):
            raise UserError(f"the target {tuple(target)} is no solution of this {task.noun}")
    x = task.encode([problem]).to(run.device)
    many = x.select(torch.zeros(samples, dtype=torch.long))
    y = shown.expand(samples, -1).to(run.device)
    with seeded(seed), pyro.validation_enabled(False):
        free = poutine.trace(run.model).get_trace(many, steps=steps, supervise="every")
        run.guide(many, y, steps=steps, supervise="every", **run.guide.told(task, [problem] * samples, y))
        steered, guide_trace = run.guide.get_traces()
        likelihoods = None
        if len(targets) <= MAX_TARGETS:
            likelihoods = estimate(run, problem, targets, steps, draws)
    prior, posterior = (trajectories(run, problem, trace.nodes, steps) for trace in (free, steered))
    return Inspection(
        task.answer(problem, shown.tolist()),
        prior,
        posterior,
        divergence(steered.nodes, guide_trace.nodes),
        components(prior.high, posterior.high),
        likelihoods,
    )


def trajectories(run: Run, problem: Any, sites: Any, steps: int) -> Trajectories:
    """The trajectories of a trace."""
    task, transitions = run.task, run.model.transitions
    high = torch.stack([sites[f"high_{n * transitions}"]["value"] for n in range(1, steps + 1)])
    decoded = torch.stack([run.model.decode(each).argmax(-1) for each in high]).cpu()
    answers = [[task.answer(problem, row) for row in step] for step in decoded.tolist()]
    valid = [[not task.violations(problem, answer) for answer in step] for step in answers]
    right = [task.canonical(answer) for answer, good in zip(answers[-1], valid[-1], strict=True) if good]
    return Trajectories(high.cpu().float().numpy(), decoded.numpy(), np.array(valid), [*dict.fromkeys(right)])


def divergence(model_sites: Any, guide_sites: Any) -> Divergence:
    """KL of every guidance site, by position where positions are independent."""
    rows = []
    for name, site in guide_sites.items():
        if not name.startswith("guidance"):
            continue
        q, p = site["fn"], model_sites[name]["fn"]
        if all(type(getattr(each, "base_dist", None)) is dist.Normal for each in (q, p)):
            rows.append(kl_divergence(q.base_dist, p.base_dist).sum(-1).mean(0))
        else:
            rows.append(divergence_of(q, p, site["value"]).mean(0, keepdim=True))
    return Divergence(torch.stack(rows).double().cpu().numpy())


def components(prior: NDArray[np.float32], posterior: NDArray[np.float32]) -> Components:
    """Principal components of h, the mean over positions, over both kinds of trajectories."""
    pooled = [high.mean(2, dtype=np.float64) for high in (prior, posterior)]
    everything = np.concatenate([high.reshape(-1, high.shape[-1]) for high in pooled])
    center = everything.mean(0)
    _, scales, axes = np.linalg.svd(everything - center, full_matrices=False)
    explained = scales**2 / max(float((scales**2).sum()), 1e-12)
    first, second = ((high - center) @ axes[:2].T for high in pooled)
    return Components(first, second, explained[:2])


def estimate(run: Run, problem: Any, targets: Tensor, steps: int, draws: int) -> Likelihoods:
    """p(solution | x) from `draws` trajectories for each target, every other one of the prior, weighed by the mixture.

    Targets that spell one solution add up.
    """
    task, pairs = run.task, -(-draws // 2)
    x = task.encode([problem]).to(run.device).select(torch.zeros(len(targets), dtype=torch.long))
    y = targets.to(run.device)
    told = run.guide.told(task, [problem] * len(targets), y)
    found = [mixture_log_weights(run.model, run.guide, x, y, steps, **told) for _ in range(pairs)]
    weights = torch.stack(found).double().cpu().exp()
    means = weights.mean((0, 1))
    variances = weights.var(0).mean(0) / (2 * pairs) if pairs > 1 else torch.full_like(means, math.nan)
    effective = weights.sum((0, 1)).square() / weights.square().sum((0, 1)) / (2 * pairs)
    spelled = [task.canonical(task.answer(problem, row)) for row in targets.tolist()]
    solutions = [*dict.fromkeys(spelled)]
    owner = torch.tensor([solutions.index(solution) for solution in spelled])
    size = len(solutions)
    probability = torch.zeros(size, dtype=torch.double).index_add_(0, owner, means)
    error = torch.zeros(size, dtype=torch.double).index_add_(0, owner, variances).sqrt()
    worst = torch.ones(size, dtype=torch.double).scatter_reduce_(0, owner, effective, "amin")
    low, high = (probability - 2 * error).clamp(min=0), probability + 2 * error
    return Likelihoods(solutions, *(part.numpy() for part in (probability, low, high, worst)))
