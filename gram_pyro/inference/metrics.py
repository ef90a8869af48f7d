"""How good decoded answers are, and how far a model is from the perfect one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gram_pyro.inference.selection import select
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.base import Task

ViolationCache = dict[tuple[int, Answer], int]


class SampleMetrics(NamedTuple):
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
    seen: ViolationCache | None = None,
    places: Sequence[int] | None = None,
    *,
    values: Tensor | Sequence[Tensor] | None = None,
    spent: Tensor | Sequence[Tensor] | None = None,
    selections: Sequence[str] = (),
) -> SampleMetrics:
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
        broken_here = [cached_violations(task, problems, place, answer, seen) for answer in answers]
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
    return SampleMetrics(
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


def count_solutions(task: Task, problem: Any) -> int | None:
    """Number of distinct solutions; None where the task gives up."""
    try:
        return len(task.solutions(problem))
    except TimeoutError:
        return None


def by_size(task: Task, problems: Sequence[Any]) -> list[list[int]]:
    """Places of the problems that encode to the same length, shortest first."""
    groups: dict[int, list[int]] = {}
    for place, problem in enumerate(problems):
        groups.setdefault(task.encode([problem]).tokens.shape[1], []).append(place)
    return [groups[length] for length in sorted(groups)]


def cached_violations(task: Task, problems: Sequence[Any], place: int, answer: Answer, seen: ViolationCache) -> int:
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
