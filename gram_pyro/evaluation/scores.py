"""Scores that no number of samples can flatter: calibration, and how evenly answers are drawn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gram_pyro.inference.metrics import ViolationCache, cached_violations, mean
from gram_pyro.inference.rollout import DEEP, UNSOLVABLE, rollout
from gram_pyro.runs.store import Run
from gram_pyro.tasks.base import Task

BINS = 10
TRAJECTORIES = 4
"""Of each problem, for the calibration of heads."""


class Evenness(NamedTuple):
    """Total variation distance between what was drawn and the uniform distribution over all solutions.

    `distance` counts invalid samples as mass elsewhere; `uniform` is what as many draws of a perfect uniform
    sampler have on average: the distance of an empirical distribution is above 0 even then. Means over problems.
    """

    distance: float
    uniform: float


class Calibration(NamedTuple):
    """Expected calibration error of the heads' probability that a sample is valid; None without heads.

    Each head by the event that it is trained for: `halt` that the sample is valid, `value` that it is in the end.
    `value` and `halt` are of the problems alone. `value_mixed` and `halt_mixed` are of the problems together with
    others that have no solution, their share `UNSOLVABLE`; None where the task has no such problems.
    """

    value: float | None
    halt: float | None
    value_mixed: float | None = None
    halt_mixed: float | None = None


def evenness(
    task: Task, problems: Sequence[Any], decoded: Sequence[Tensor], counts: Sequence[int | None], seen: ViolationCache
) -> Evenness | None:
    """Of decoded samples `(num_samples, length)` a problem; None if no number of solutions is known."""
    distances, perfect = [], []
    for place, (problem, rows, count) in enumerate(zip(problems, decoded, counts, strict=True)):
        if not count:
            continue
        answers = [task.answer(problem, row) for row in rows.tolist()]
        valid = Counter(task.canonical(a) for a in answers if not cached_violations(task, problems, place, a, seen))
        total = len(answers)
        invalid = 1 - sum(valid.values()) / total
        apart = sum(abs(times / total - 1 / count) for times in valid.values()) + (count - len(valid)) / count
        distances.append((apart + invalid) / 2)
        perfect.append(uniform_distance(count, total))
    return Evenness(mean(distances), mean(perfect)) if distances else None


def uniform_distance(solutions: int, draws: int) -> float:
    """Mean total variation distance to uniform of `draws` uniform draws among `solutions`.

    By de Moivre: the mean absolute deviation of Binomial(n, p) is `2 k C(n, k) p^k (1 - p)^(n - k + 1)`
    with k = floor(n p) + 1.
    """
    p = 1 / solutions
    k = math.floor(draws * p) + 1
    deviation = 2 * k * math.comb(draws, k) * p**k * (1 - p) ** (draws - k + 1)
    return solutions * deviation / draws / 2


def calibration(run: Run, problems: Sequence[Any], depth: int, seed: int) -> Calibration:
    """Return the calibration of heads on `problems`, all of one size, and mixed with test problems without a solution.

    `TRAJECTORIES` of each problem are judged after `depth` steps of `DEEP` times as many.
    """
    if run.heads is None:
        return Calibration(None, None)
    judged = judge(run, problems, depth, seed)
    alone = [calibration_error(*each) for each in judged]
    unsolvable = run.task.unsolvable("test", math.ceil(len(problems) * UNSOLVABLE / (1 - UNSOLVABLE)), seed)
    if not unsolvable:
        return Calibration(*alone)
    pairs = zip(judged, judge(run, unsolvable, depth, seed), strict=True)
    return Calibration(*alone, *(calibration_error(*map(torch.cat, zip(*pair, strict=True))) for pair in pairs))


def judge(run: Run, problems: Sequence[Any], depth: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return the probability of the value and of the halt head, each with whether it happened: `(trajectories,)`."""
    assert run.heads is not None
    found = rollout(run.task, run.model, [*problems] * TRAJECTORIES, DEEP * depth, seed)
    with torch.no_grad():
        verdict = run.heads(found.high[depth - 1], found.problems)
    events = (verdict.value, found.valid[-1]), (verdict.halt, found.valid[depth - 1])
    return [(logits.sigmoid().cpu(), happened) for logits, happened in events]


def calibration_error(probabilities: Tensor, happened: Tensor) -> float:
    """Expected calibration error: |mean probability - frequency| over `BINS` equal bins, weighted by their size.

    `probabilities` and boolean `happened` `(count,)`.
    """
    place = (probabilities * BINS).long().clamp(0, BINS - 1)
    gap = torch.zeros(BINS, dtype=torch.double).index_add_(0, place, probabilities.double() - happened.double())
    return gap.abs().sum().item() / len(probabilities)
