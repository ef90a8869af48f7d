"""Measuring a trained model on problems: in depth, in width, and how far its bound is from perfect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from gram_pyro.errors import Diverged
from gram_pyro.evaluation.bound import bound
from gram_pyro.evaluation.scaling import frontier
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.metrics import SampleMetrics, ViolationCache, by_size, measure
from gram_pyro.inference.sampling import Draws, sample
from gram_pyro.runs.store import Run
from gram_pyro.tasks.base import Task

MAX_SOLUTIONS = 20_000
"""Solutions of a problem up to which the bound is measured on it: it takes all of them."""
PROBLEMS_AT_ONCE = 64
Progress = Callable[..., Any]


def no_progress(items: Sequence[Any], desc: str) -> Sequence[Any]:
    """Progress that nobody sees."""
    return items


def draw_all(
    run: Run,
    problems: Sequence[Any],
    samples: int,
    depths: Sequence[int],
    seed: int,
    method: SamplingConfig,
    progress: Progress,
) -> list[Draws]:
    """Samples of problems of any sizes: for each one `Draws` without the batch, shapes `(depths, samples, ...)`."""
    task = run.task
    drawn: dict[int, Draws] = {}
    groups = by_size(task, problems)
    parts = [group[i : i + PROBLEMS_AT_ONCE] for group in groups for i in range(0, len(group), PROBLEMS_AT_ONCE)]
    for number, part in enumerate(progress(parts, desc="samples")):
        x = task.encode([problems[place] for place in part])
        part_seed = seed + 1_000_003 * number  # the same noise in every part would correlate the problems
        found = sample(
            run.model,
            x,
            samples,
            depths,
            part_seed,
            method=method,
            heads=run.heads,
            equivalence_probs=task.equivalence_probs,
        )
        for i, place in enumerate(part):
            drawn[place] = Draws(*(None if tensor is None else tensor[:, i] for tensor in found))  # type: ignore[arg-type]
    return [drawn[place] for place in range(len(problems))]


def measure_draws(
    task: Task,
    problems: Sequence[Any],
    drawn: Sequence[Draws],
    at: int,
    samples: int,
    steps: int,
    counts: Sequence[int | None],
    seen: ViolationCache,
    places: Sequence[int] | None,
    selections: Sequence[str],
) -> SampleMetrics:
    """Measure what `draw_all` drew, at the depth in place `at`; the rest as in `measure`."""
    values = [each.values[at] for each in drawn if each.values is not None]
    return measure(
        task, problems, [each.decoded[at] for each in drawn], samples, steps, counts, seen, places,
        values=values or None, spent=[each.spent[at] for each in drawn], selections=selections,
    )  # fmt: skip


def evaluate(
    run: Run,
    problems: Sequence[Any],
    counts: Sequence[int | None],
    samples: Sequence[int],
    steps: Sequence[int],
    seed: int = 0,
    progress: Progress = no_progress,
    *,
    method: SamplingConfig = INDEPENDENT,
    selections: Sequence[str] = (),
    with_bound: bool = True,
) -> dict[str, Any]:
    """Measure samples, and the bound on the problems whose number of solutions `counts` knows.

    Samples that know of each other are drawn anew for each number of samples; of independent ones the
    first so many are taken. Returns what `--json` prints, less where the problems came from. Raises
    `UserError` if the model gives numbers that are not finite.
    """
    task, depths = run.task, sorted({*steps, run.depth})
    known = [place for place, count in enumerate(counts) if count and count <= MAX_SOLUTIONS]
    seen: ViolationCache = {}
    rows: list[SampleMetrics] = []
    drawn: list[Draws] = []

    def row(number: int, depth: int, places: Sequence[int]) -> SampleMetrics:
        at = depths.index(depth)
        return measure_draws(task, problems, drawn, at, number, depth, counts, seen, places, selections)

    everything = range(len(problems))
    for number in sorted(set(samples), reverse=True):
        if not drawn or method.couples:
            drawn = draw_all(run, problems, number, depths, seed, method, progress)
        rows += [row(number, depth, everything) for depth in sorted(set(steps))]
        if number == max(samples):
            usual = row(number, run.depth, known) if known else None
            deepest = max(steps)
            groups = [
                {"least": least, "most": most, "problems": len(places)} | row(number, deepest, places)._asdict()
                for least, most, places in by_solutions(counts)
            ]
    rows.sort(key=lambda each: (each.steps, each.samples))
    result: dict[str, Any] = {"depth": run.depth, "posterior_validity": None, "gap": None, "bound": None}
    if usual is not None and with_bound:
        chosen = [problems[place] for place in known]
        bar = partial(progress, desc="bound")
        distance = bound(task, run.model, run.guide, chosen, run.depth, seed=seed, progress=bar)
        if not math.isfinite(distance.excess):
            raise Diverged(f"the model of {run.name} gives numbers that are not finite: its training diverged")
        result["posterior_validity"] = distance.posterior_validity
        if method == INDEPENDENT:
            result["gap"] = distance.posterior_validity - usual.validity
        result["bound"] = {name: value for name, value in distance._asdict().items() if name != "posterior_validity"}
    return {
        **result,
        "method": asdict(method),
        "rows": [each._asdict() for each in rows],
        "by_solutions": groups,
        "frontier": frontier(rows),
    }


def by_solutions(counts: Sequence[int | None]) -> list[tuple[int, int, list[int]]]:
    """Places of problems with 1, 2, 3-4, 5-8, ... solutions, with the least and the most of each group."""
    groups: dict[int, list[int]] = {}
    for place, count in enumerate(counts):
        if count:
            groups.setdefault((count - 1).bit_length(), []).append(place)
    return [((1 << bits) // 2 + 1, 1 << bits, groups[bits]) for bits in sorted(groups)]
