"""How good decoded answers are, and how far a model is from the perfect one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pyro
import torch
from torch import Tensor

from gram_pyro.guides.base import Guide
from gram_pyro.inference.sampling import seeded
from gram_pyro.inference.selection import select
from gram_pyro.models.base import Model
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks.base import Answer, Task

MAX_POSITIONS = 2**13

Seen = dict[tuple[int, Answer], int]
Chunk = tuple[Tensor, Tensor]  # owner (pairs,), the place of each pair's problem; targets (pairs, length)


class Row(NamedTuple):
    """Samples from the prior, measured against the task's checker.

    `validity` is the fraction of samples without a violation; `coverage`, `ceiling` (what as many
    independent uniform solutions would cover) and their `ratio` are means over the problems whose
    number of solutions is known, None if there are none; `conflicts` counts violations summed over
    problems, of an average sample, `best` those of the best sample of each problem; `solutions` is
    the mean number of distinct solutions found; `evaluations` are the supervision steps spent on a problem, on
    average; `accuracy` is the fraction of problems solved by the one sample selected, for each way to select.
    """

    samples: int
    steps: int
    validity: float
    coverage: float | None
    ceiling: float | None
    ratio: float | None
    conflicts: float
    best: int
    solutions: float
    evaluations: float
    accuracy: dict[str, float]


def measure(
    task: Task,
    problems: Sequence[Any],
    decoded: Tensor | Sequence[Tensor],
    samples: int,
    steps: int,
    counts: Sequence[int | None],
    seen: Seen | None = None,
    places: Sequence[int] | None = None,
    *,
    values: Tensor | Sequence[Tensor] | None = None,
    spent: Tensor | Sequence[Tensor] | None = None,
    selections: Sequence[str] = (),
) -> Row:
    """Measure the first `samples` of the decoded values of each problem, or of those at `places`.

    `decoded` `(batch, num_samples, length)`; a sequence of `(num_samples, length)` where lengths
    differ. `steps` is noted, and is what a sample cost unless `spent` `(batch, num_samples)` says so.
    `values` of that shape are what the value head thinks; `selections` are names of ways to select
    (`gram_pyro.inference.selection`). `counts` has the number of distinct solutions of each problem
    (`len(task.solutions(problem))`), None where it is not known. `seen` remembers violations by
    place of the problem and answer: hand the same dict to every call for the same problems.
    """
    seen = {} if seen is None else seen
    violations: list[list[int]] = []
    found: list[int] = []
    solved: dict[str, list[bool]] = {name: [] for name in selections}
    places = range(len(problems)) if places is None else places
    for place in places:
        answers = [task.answer(problems[place], row) for row in decoded[place][:samples].tolist()]
        broken_here = [broken(task, problems, place, answer, seen) for answer in answers]
        violations.append(broken_here)
        found.append(len({task.canonical(a) for a, number in zip(answers, broken_here, strict=True) if not number}))
        promise = None if values is None else values[place][:samples].tolist()
        for name in selections:
            solved[name].append(not broken_here[select(name, task, answers, promise, broken_here)])
    here = [counts[place] for place in places]
    cost = [samples * steps if spent is None else int(spent[place][:samples].sum()) for place in places]
    covered = [number / count for number, count in zip(found, here, strict=True) if count]
    coverage = mean(covered) if covered else None
    ceiling = mean([1 - (1 - 1 / count) ** samples for count in here if count]) if covered else None
    return Row(
        samples,
        steps,
        validity=mean([not number for each in violations for number in each]),
        coverage=coverage,
        ceiling=ceiling,
        ratio=None if coverage is None or ceiling is None else coverage / ceiling,
        conflicts=sum(map(sum, violations)) / samples,
        best=sum(map(min, violations)),
        solutions=mean(found),
        evaluations=mean(cost),
        accuracy={name: mean(right) for name, right in solved.items()},
    )


class Bound(NamedTuple):
    """How far a model and its guide are from perfect, in nats per problem.

    `nll` is -ELBO, `entropy` is H(y | x), `excess` their difference: at least 0 up to
    `standard_error`, which is over problems (None for a single one). `posterior_validity` is the
    fraction of the same posterior trajectories whose argmax decode breaks no constraint; `kl` has the KL of each
    transition, the first first.
    """

    excess: float
    standard_error: float | None
    nll: float
    entropy: float
    posterior_validity: float
    kl: tuple[float, ...]


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
) -> Bound:
    """-ELBO minus H(y | x): exact KL at every transition, beta 1, one likelihood after `depth` steps.

    Every target of a problem counts equally, with `draws` trajectories each; of a problem with more
    than `max_targets` targets a uniform random subset of that size stands for all, which leaves the
    mean unbiased. `progress` wraps the list of chunks of work, as tqdm does.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    targets = [task.targets(problem) for problem in problems]
    entropy = torch.tensor([math.log(len(each)) for each in targets], dtype=torch.double)
    kept = [each[torch.randperm(len(each), generator=generator)[:max_targets]].repeat(draws, 1) for each in targets]
    weight = torch.tensor([1 / len(each) for each in kept], dtype=torch.double)
    nll, valid = torch.zeros_like(weight), torch.zeros_like(weight)
    kl = torch.zeros(depth * model.transitions, dtype=torch.double)
    objective = TruncatedTrace_ELBO(horizon=None)
    seen: Seen = {}
    with seeded(seed), pyro.validation_enabled(False):
        for owner, y in progress(chunks(task, problems, kept)):
            asked, y = [problems[place] for place in owner.tolist()], y.to(device)
            x, told = task.encode(asked).to(device), guide.told(task, asked, y)
            terms = objective.terms(model, guide, x, y, steps=depth, supervise="last", **told)
            loss = terms.kl.sum(0).double().cpu() - terms.log_likelihood.double().cpu()
            nll.index_add_(0, owner, weight[owner] * loss)
            if len(terms.kl):
                kl += terms.kl.double().cpu() @ weight[owner]
            for place, values in zip(owner.tolist(), terms.outcome.answers.tolist(), strict=True):
                if not broken(task, problems, place, task.answer(problems[place], values), seen):
                    valid[place] += weight[place]
    excess = nll - entropy
    return Bound(
        excess=excess.mean().item(),
        standard_error=excess.std().item() / len(problems) ** 0.5 if len(problems) > 1 else None,
        nll=nll.mean().item(),
        entropy=entropy.mean().item(),
        posterior_validity=valid.mean().item(),
        kl=tuple((kl / len(problems)).tolist()),
    )


def count_solutions(task: Task, problem: Any) -> int | None:
    """Number of distinct solutions; None where the task gives up."""
    try:
        return len(task.solutions(problem))
    except TimeoutError:
        return None


def chunks(task: Task, problems: Sequence[Any], targets: Sequence[Tensor]) -> list[Chunk]:
    """All pairs of a problem and one of its targets, in batches of one size and at most MAX_POSITIONS positions."""
    result: list[Chunk] = []
    for group in by_size(task, problems):
        owner = torch.tensor([place for place in group for _ in targets[place]])
        y = torch.cat([targets[place] for place in group])
        pairs = max(1, MAX_POSITIONS // y.shape[1])
        result += zip(torch.split(owner, pairs), torch.split(y, pairs), strict=True)
    return result


def by_size(task: Task, problems: Sequence[Any]) -> list[list[int]]:
    """Places of the problems that encode to the same length, shortest first."""
    groups: dict[int, list[int]] = {}
    for place, problem in enumerate(problems):
        groups.setdefault(task.encode([problem]).tokens.shape[1], []).append(place)
    return [groups[length] for length in sorted(groups)]


def broken(task: Task, problems: Sequence[Any], place: int, answer: Answer, seen: Seen) -> int:
    """Violations of an answer to `problems[place]`, from `seen` if it was judged before."""
    if (place, answer) not in seen:
        seen[place, answer] = task.violations(problems[place], answer)
    return seen[place, answer]


def auc(scores: Tensor, labels: Tensor) -> float | None:
    """Area under the ROC curve of `scores` for boolean `labels` of the same shape; None if all labels are the same.

    The chance that a true case scores above a false one, ties counting half.
    """
    scores, labels = scores.flatten().double(), labels.flatten()
    positives, negatives = scores[labels], scores[~labels].sort().values
    if not len(positives) or not len(negatives):
        return None
    below = torch.searchsorted(negatives, positives) + torch.searchsorted(negatives, positives, right=True)
    return (below.double().mean() / 2 / len(negatives)).item()


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)
