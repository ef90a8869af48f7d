"""How good decoded answers are."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gram_pyro.inference.judge import ViolationCache, judge
from gram_pyro.inference.selection import select
from gram_pyro.tasks.base import Task


class SampleMetrics(NamedTuple):
    """Samples from the prior, measured against the task's checker.

    `validity` is the fraction of samples without a violation; `coverage`, `ceiling` (of as many independent uniform
    solutions) and their `ratio` are means over the problems whose number of solutions is known; `conflicts` are
    violations summed over problems, of an average sample, `best` of the best one, `mode` of the answer given most
    often, where canonical forms count together; `solutions` found and `evaluations` (supervision steps) are means over
    problems; `accuracy` is the fraction solved by the sample selected, by selection.
    """

    samples: int
    steps: int
    validity: float
    coverage: float | None
    ceiling: float | None
    ratio: float | None
    conflicts: float
    best: int
    mode: int
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
    *,
    values: Tensor | Sequence[Tensor] | None = None,
    spent: Tensor | Sequence[Tensor] | None = None,
    selections: Sequence[str] = (),
) -> SampleMetrics:
    """Measure the first `samples` of the decoded values `(batch, num_samples, length)` of each problem.

    A sequence of `(num_samples, length)` where lengths differ. `steps` is what a sample cost unless `spent`
    `(batch, num_samples)` says so; `values` of that shape are those of the value head. `counts` has the number of
    distinct solutions of each problem, None where it is not known; `seen` is as in `judge`.
    """
    seen = {} if seen is None else seen
    pairs = zip(problems, decoded, strict=True)
    judged = [judge(task, problem, rows[:samples].tolist(), seen) for problem, rows in pairs]
    thought = [None] * len(judged) if values is None else [row[:samples].tolist() for row in values]
    cost = [samples * steps] * len(judged) if spent is None else [int(row[:samples].sum()) for row in spent]
    found = [len({*each.valid}) for each in judged]
    covered = [number / count for number, count in zip(found, counts, strict=True) if count]
    coverage = fmean(covered) if covered else None
    ceiling = fmean([1 - (1 - 1 / count) ** samples for count in counts if count]) if covered else None
    return SampleMetrics(
        samples,
        steps,
        validity=fmean([not count for each in judged for count in each.violations]),
        coverage=coverage,
        ceiling=ceiling,
        ratio=None if coverage is None or ceiling is None else coverage / ceiling,
        conflicts=sum(sum(each.violations) for each in judged) / samples,
        best=sum(min(each.violations) for each in judged),
        mode=sum(each.violations[select("majority", each, None)] for each in judged),
        solutions=fmean(found),
        evaluations=fmean(cost),
        accuracy={
            name: fmean([not each.violations[select(name, each, v)] for each, v in zip(judged, thought, strict=True)])
            for name in selections
        },
    )


def count_solutions(task: Task, problem: Any) -> int | None:
    """Return the number of distinct solutions; None where the task gives up."""
    try:
        return task.count(problem)
    except TimeoutError:
        return None


def by_size(task: Task, problems: Sequence[Any]) -> list[list[int]]:
    """Return the places of problems that encode to the same length, shortest first."""
    lengths = [task.encode([problem]).tokens.shape[1] for problem in problems]
    return [[place for place, own in enumerate(lengths) if own == length] for length in sorted({*lengths})]


def auc(scores: Tensor, labels: Tensor) -> float | None:
    """Return the area under the ROC curve of `scores` for boolean `labels` of the same shape; ties count half.
    None if all labels are the same."""
    scores, labels = scores.flatten().double(), labels.flatten()
    positives, negatives = scores[labels], scores[~labels].sort().values
    if not len(positives) or not len(negatives):
        return None
    below = torch.searchsorted(negatives, positives) + torch.searchsorted(negatives, positives, right=True)
    return (below.double().mean() / 2 / len(negatives)).item()
