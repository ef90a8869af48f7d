"""How far a model and its guide are from perfect."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pyro
import torch
from torch import Tensor

from gram_pyro.guides.base import Guide
from gram_pyro.inference.judge import ViolationCache, judge
from gram_pyro.inference.metrics import by_size
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks.base import Task

MAX_POSITIONS = {"cpu": 2**13, "cuda": 2**14}
"""Positions that run together, by device."""
Chunk = tuple[Tensor, Tensor]  # owner (pairs,), the place of each pair's problem; targets (pairs, length)


class Bound(NamedTuple):
    """How far a model and its guide are from perfect, in nats per problem.

    `nll` is -ELBO, `entropy` is H(y | x), `excess` their difference: at least 0 up to `standard_error`, which is over
    problems (None for a single one). `posterior_validity` is the fraction of the same posterior trajectories whose
    argmax decode breaks no constraint; `kl` has the KL of each transition.
    """

    excess: float
    standard_error: float | None
    nll: float
    entropy: float
    posterior_validity: float
    kl: tuple[float, ...]


def excess_of(nll: Tensor, entropy: Tensor) -> dict[str, Any]:
    """Return means and the standard error of the excess over problems `(problems,)` each."""
    excess = nll - entropy
    return {
        "nll": nll.mean().item(),
        "entropy": entropy.mean().item(),
        "excess": excess.mean().item(),
        "standard_error": excess.std().item() / len(excess) ** 0.5 if len(excess) > 1 else None,
    }


@torch.no_grad()
def bound(
    task: Task,
    model: Model,
    guide: Guide,
    problems: Sequence[Any],
    depth: int,
    draws: int = 1,
    seed: int = 0,
    max_targets: int = 256,
    progress: Callable[[Sequence[Chunk]], Iterable[Chunk]] = iter,
    targets: Sequence[Tensor] | None = None,
) -> Bound:
    """Return -ELBO minus H(y | x): exact KL at every transition, beta 1, one likelihood after `depth` steps.

    Every target of a problem counts equally, with `draws` trajectories each; of more than `max_targets` a random subset
    stands for all, which leaves the mean unbiased. `progress` wraps the list of chunks, as tqdm does; `targets` are
    those of the problems, where they are known already.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    targets = [task.targets(problem) for problem in problems] if targets is None else targets
    entropy = torch.tensor([task.entropy(each) for each in targets], dtype=torch.double)
    kept = [each[torch.randperm(len(each), generator=generator)[:max_targets]].repeat(draws, 1) for each in targets]
    weight = torch.tensor([1 / len(each) for each in kept], dtype=torch.double)
    nll, valid = torch.zeros_like(weight), torch.zeros_like(weight)
    kl = torch.zeros(1 if model.recursion == "none" else depth * model.transitions, dtype=torch.double)
    objective = TruncatedTrace_ELBO(horizon=None)
    seen: ViolationCache = {}
    with seeded(seed), pyro.validation_enabled(False):
        for owner, y in progress(chunks(task, problems, kept, device)):
            chosen, y = [problems[place] for place in owner.tolist()], y.to(device)
            x, context = task.encode(chosen).to(device), guide.side_information(task, chosen, y)
            terms = objective.terms(model, guide, x, y, steps=depth, supervise="last", **context)
            parts = [part.double().cpu() for part in (terms.kl, terms.draft_kl) if len(part)]
            loss = torch.cat([*parts, torch.zeros(1, len(y))]).sum(0) - terms.log_likelihood.double().cpu()
            nll.index_add_(0, owner, weight[owner] * loss)
            for part in parts:
                kl += part @ weight[owner]
            for place, row in zip(owner.tolist(), terms.outcome.answers.tolist(), strict=True):
                if judge(task, problems[place], [row], seen).valid:
                    valid[place] += weight[place]
    nats = tuple((kl / len(problems)).tolist())
    return Bound(**excess_of(nll, entropy), posterior_validity=valid.mean().item(), kl=nats)


def chunks(task: Task, problems: Sequence[Any], targets: Sequence[Tensor], device: torch.device) -> list[Chunk]:
    """Return all pairs of a problem and a target, in batches of one size and at most `MAX_POSITIONS`."""
    result: list[Chunk] = []
    for group in by_size(task, problems):
        owner = torch.tensor([place for place in group for _ in targets[place]])
        y = torch.cat([targets[place] for place in group])
        pairs = max(1, MAX_POSITIONS[device.type] // y.shape[1])
        result += zip(torch.split(owner, pairs), torch.split(y, pairs), strict=True)
    return result
