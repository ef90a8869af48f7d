"""Scores that no number of samples can flatter: calibration, and how evenly answers are drawn."""

import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gram_pyro.inference.judge import ViolationCache, judge
from gram_pyro.inference.rollout import DEEP, UNSOLVABLE, rollout
from gram_pyro.runs.store import Run
from gram_pyro.tasks.base import Task

BINS = 10
TRAJECTORIES = 4  # of each problem, for the calibration of heads


class Evenness(NamedTuple):
    """Total variation distance between samples and the uniform distribution over all solutions, means over problems.
    `distance` counts invalid samples as mass elsewhere; `uniform` is the mean of as many perfect draws, above 0."""

    distance: float
    uniform: float


class Calibration(NamedTuple):
    """Expected calibration error of the heads' probability that a sample is valid; None without heads.

    Each head by its event: `halt` that the sample is valid, `value` that it is in the end. `value_mixed` and
    `halt_mixed` mix in a share `UNSOLVABLE` of problems without a solution; None where the task has none.
    """

    value: float | None
    halt: float | None
    value_mixed: float | None = None
    halt_mixed: float | None = None


def evenness(
    task: Task, problems: Sequence[Any], decoded: Sequence[Tensor], counts: Sequence[int | None], seen: ViolationCache
) -> Evenness | None:
    """Measure decoded samples, `(num_samples, length)` of each problem; None if no number of solutions is known."""
    distances, perfect = [], []
    for problem, rows, count in zip(problems, decoded, counts, strict=True):
        if not count:
            continue
        total, times = len(rows), Counter(judge(task, problem, rows.tolist(), seen).valid)
        apart = sum(abs(each / total - 1 / count) for each in times.values()) + (count - len(times)) / count
        distances.append((apart + 1 - times.total() / total) / 2)
        perfect.append(uniform_distance(count, total))
    return Evenness(fmean(distances), fmean(perfect)) if distances else None


def uniform_distance(solutions: int, draws: int) -> float:
    """Return the mean total variation distance to uniform of `draws` uniform draws among `solutions`.
    By de Moivre: E|Binomial(n, p) - n p| = `2 k C(n, k) p^k (1 - p)^(n - k + 1)` with k = floor(n p) + 1."""
    p = 1 / solutions
    k = math.floor(draws * p) + 1
    return solutions * k * math.comb(draws, k) * p**k * (1 - p) ** (draws - k + 1) / draws


def calibration(run: Run, problems: Sequence[Any], depth: int, seed: int) -> Calibration:
    """Return the calibration of heads on `problems`, all of one size, and mixed with test problems without a solution.
    `TRAJECTORIES` of each problem are judged after `depth` steps of `DEEP` times as many."""
    if run.heads is None:
        return Calibration(None, None)
    alone = events(run, problems, depth, seed)
    errors = [calibration_error(*each) for each in alone]
    if unsolvable := run.task.unsolvable("test", math.ceil(len(problems) * UNSOLVABLE / (1 - UNSOLVABLE)), seed):
        pairs = zip(alone, events(run, unsolvable, depth, seed), strict=True)
        errors += [calibration_error(*map(torch.cat, zip(*pair, strict=True))) for pair in pairs]
    return Calibration(*errors)


@torch.no_grad()
def events(run: Run, problems: Sequence[Any], depth: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return the probability of the value and of the halt head, each with whether it happened: `(trajectories,)`."""
    assert run.heads is not None
    found = rollout(run.task, run.model, [*problems] * TRAJECTORIES, DEEP * depth, seed)
    logits = run.heads(found.high[depth - 1], found.problems)
    pairs = (logits.value, found.valid[-1]), (logits.halt, found.valid[depth - 1])
    return [(logit.sigmoid().cpu(), happened) for logit, happened in pairs]


def calibration_error(probabilities: Tensor, happened: Tensor) -> float:
    """Return the expected calibration error: |mean probability - frequency| over `BINS` equal bins, by their size.
    `probabilities` and boolean `happened` `(count,)`."""
    bins = (probabilities * BINS).long().clamp(0, BINS - 1)
    gap = torch.zeros(BINS, dtype=torch.double).index_add_(0, bins, probabilities.double() - happened.double())
    return gap.abs().sum().item() / len(probabilities)
