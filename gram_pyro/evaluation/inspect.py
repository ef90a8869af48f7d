"""A look inside: what prior and posterior do on one problem."""

import math
from collections.abc import Callable, Sequence
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
from gram_pyro.inference.config import MAX_NUMBER, whole_number
from gram_pyro.inference.judge import judge
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import State
from gram_pyro.models.sites import DRAWN, mark, sites_of, value_at
from gram_pyro.objectives.elbo import divergence_of
from gram_pyro.runs.store import Run

MAX_TARGETS = 512
PARTS = 3  # prior, posterior, likelihoods


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
    progress: Callable[[int], object] | None = None,
) -> Inspection:
    """Look at one problem: trajectories of prior and posterior, KL, h over the steps, and p(solution | x).

    `target` is a solution in the task's own form (default: the first of `task.targets`); `steps` are supervision steps
    (default: the training depth); `samples` are trajectories of each kind, `draws` those for the likelihood of each
    target, half of them of the prior. `progress` is called with 1 after each of `PARTS` parts of the work.
    Raises `UserError` if the model draws no guidance, if the target is no solution, or if the problem has too many.
    """
    task, steps = run.task, run.depth if steps is None else whole_number("steps", steps, 1, MAX_NUMBER)
    samples, draws = whole_number("samples", samples, 1, MAX_NUMBER), whole_number("draws", draws, 1, MAX_NUMBER)
    seed = whole_number("seed", seed, 0, 2**32 - 1)
    done = progress or (lambda parts: None)
    if not (run.model.carries and run.model.draws):
        raise UserError(f"{type(run.model).__name__} draws no guidance: there is no posterior to look into")
    problem = task.prepare(problem)
    word = task.wording.singular
    try:
        targets = task.targets(problem)
    except TimeoutError as error:
        raise UserError(f"the {word} cannot be looked into: {error}") from None
    if not len(targets):
        raise UserError(f"the {word} is not {task.feasible}: there is no answer to show the posterior")
    shown, targets = targets[0].clone(), torch.unique(targets, dim=0)
    listed = task.blank is None and len(targets) <= MAX_TARGETS
    answered = int((shown >= 0).sum())
    if target is not None:
        if len(target) == answered:
            shown[:answered] = torch.as_tensor(target)
        if len(target) != answered or not judge(task, problem, [shown.tolist()]).valid:
            raise UserError(f"the target {tuple(target)} is no solution of this {word}, which takes {answered} values")
    many = task.encode([problem]).to(run.device).select(torch.zeros(samples, dtype=torch.long))
    y = shown.expand(samples, -1).to(run.device)
    with seeded(seed), pyro.validation_enabled(False):
        alone = poutine.trace(run.model).get_trace(many, steps=steps, supervise="every")
        done(1)
        run.guide(many, y, steps=steps, supervise="every", **run.guide.side_information(task, [problem] * samples, y))
        steered, guide_trace = run.guide.get_traces()
        done(1)
        likelihoods = estimate(run, problem, targets, steps, draws) if listed else None
        done(1)
    prior, posterior = (trajectories(run, problem, trace.nodes, steps) for trace in (alone, steered))
    found = divergence(steered.nodes, guide_trace.nodes), components(prior.high, posterior.high)
    return Inspection(task.answer(problem, shown.tolist()), prior, posterior, *found, likelihoods)


def trajectories(run: Run, problem: Any, sites: Any, steps: int) -> Trajectories:
    """Return the trajectories of a trace."""
    ends = [n * run.model.transitions for n in range(1, steps + 1)]
    states = [State(value_at(sites, "high", t), value_at(sites, "low", t)) for t in ends]
    high = torch.stack([state.high for state in states])
    decoded = torch.stack([run.model.logits(state).argmax(-1) for state in states]).cpu()
    judged = [judge(run.task, problem, step) for step in decoded.tolist()]
    valid = np.array([each.violations for each in judged]) == 0
    return Trajectories(high.cpu().float().numpy(), decoded.numpy(), valid, [*dict.fromkeys(judged[-1].valid)])


def divergence(model_sites: Any, guide_sites: Any) -> Divergence:
    """Return the KL of every transition, guidance and draft together, by position where positions are independent."""
    rows: dict[int, list[Tensor]] = {}
    for role in DRAWN:
        for name, site in sites_of(guide_sites, role):
            q, p = site["fn"], model_sites[name]["fn"]
            if all(type(getattr(each, "base_dist", None)) is dist.Normal for each in (q, p)):
                nats = kl_divergence(q.base_dist, p.base_dist).sum(-1).mean(0)
            else:
                nats = divergence_of(q, p, site["value"]).mean(0, keepdim=True)
            rows.setdefault(mark(site, "transition"), []).append(nats)
    alike = len({part.shape for parts in rows.values() for part in parts}) == 1
    parts = [[part if alike else part.sum(-1, keepdim=True) for part in rows[t]] for t in sorted(rows)]
    summed = [torch.stack(each).sum(0) for each in parts]
    return Divergence(torch.stack(summed).double().cpu().numpy())


def components(prior: NDArray[np.float32], posterior: NDArray[np.float32]) -> Components:
    """Return principal components of h, the mean over positions, over both kinds of trajectories."""
    pooled = [high.mean(2, dtype=np.float64) for high in (prior, posterior)]
    everything = np.concatenate([high.reshape(-1, high.shape[-1]) for high in pooled])
    center = everything.mean(0)
    _, scales, axes = np.linalg.svd(everything - center, full_matrices=False)
    explained = scales**2 / max(float((scales**2).sum()), 1e-12)
    first, second = ((high - center) @ axes[:2].T for high in pooled)
    return Components(first, second, explained[:2])


def estimate(run: Run, problem: Any, targets: Tensor, steps: int, draws: int) -> Likelihoods:
    """Estimate p(solution | x) from `draws` trajectories for each target, every other one of the prior.
    Targets that spell one solution add up."""
    task, pairs, count = run.task, -(-draws // 2), len(targets)
    x = task.encode([problem]).to(run.device).select(torch.zeros(count, dtype=torch.long))
    y = targets.to(run.device)
    context = run.guide.side_information(task, [problem] * count, y)
    found = [mixture_log_weights(run.model, run.guide, x, y, steps, **context) for _ in range(pairs)]
    weights = torch.stack(found).double().cpu().exp()
    variances = weights.var(0).mean(0) / (2 * pairs) if pairs > 1 else torch.full((count,), math.nan).double()
    effective = weights.sum((0, 1)).square() / weights.square().sum((0, 1)) / (2 * pairs)
    spelled = judge(task, problem, targets.tolist()).canonical
    solutions = [*dict.fromkeys(spelled)]
    owner = torch.tensor([solutions.index(solution) for solution in spelled])
    none = torch.zeros(len(solutions), dtype=torch.double)
    probability = none.index_add(0, owner, weights.mean((0, 1)))
    error = none.index_add(0, owner, variances).sqrt()
    worst = (none + 1).scatter_reduce(0, owner, effective, "amin")
    low, high = (probability - 2 * error).clamp(min=0), probability + 2 * error
    return Likelihoods(solutions, *(part.numpy() for part in (probability, low, high, worst)))
