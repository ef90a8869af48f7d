"""Measuring a trained model on problems: in depth, in width, and how far its bound is from perfect."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from torch import Tensor

from gram_pyro.errors import Diverged
from gram_pyro.evaluation.bound import bound
from gram_pyro.evaluation.generation import quality_report, quality_rows
from gram_pyro.evaluation.scaling import frontier
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.judge import ViolationCache
from gram_pyro.inference.metrics import SampleMetrics, by_size, measure
from gram_pyro.inference.sampling import Draws, sample
from gram_pyro.runs.store import Run
from gram_pyro.tasks.base import Task

MAX_SOLUTIONS = 20_000  # solutions of a problem up to which the bound is measured on it: it takes all of them
PROBLEMS_AT_ONCE = 64
Progress = Callable[..., Any]


def no_progress(items: Sequence[Any], desc: str) -> Sequence[Any]:
    """Show no progress."""
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
    """Draw samples of problems of any sizes: `Draws` of each without the batch, shapes `(depths, samples, ...)`."""
    task = run.task
    drawn: dict[int, Draws] = {}
    groups = by_size(task, problems)
    parts = [group[i : i + PROBLEMS_AT_ONCE] for group in groups for i in range(0, len(group), PROBLEMS_AT_ONCE)]
    for number, part in enumerate(progress(parts, desc="samples")):
        draws = sample(
            run.model, task.encode([problems[place] for place in part]), samples, depths,
            seed + 1_000_003 * number,  # the same noise in every part would correlate the problems
            method=method, heads=run.heads, equivalence_probs=task.equivalence_probs,
        )  # fmt: skip
        for i, place in enumerate(part):
            drawn[place] = Draws(*(None if tensor is None else tensor[:, i] for tensor in draws))  # type: ignore[arg-type]
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
    """Measure what `draw_all` drew of the problems at `places`, at depth number `at`; the rest as in `measure`."""
    places = range(len(problems)) if places is None else places
    chosen = [drawn[place] for place in places]
    values = [each.values[at] for each in chosen if each.values is not None]
    return measure(
        task, [problems[place] for place in places], [each.decoded[at] for each in chosen], samples, steps,
        [counts[place] for place in places], seen,
        values=values or None, spent=[each.spent[at] for each in chosen], selections=selections,
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
    """Measure samples, and the bound on the problems whose targets are known.

    Samples that know of each other are drawn anew for each number of samples; of others the first so many are taken.
    Returns what `--json` prints, less where the problems came from. Raises `Diverged` if the bound is not finite.
    """
    task, depths = run.task, sorted({*steps, run.depth})
    known = task.blank is not None  # the target of a problem without input, whose solutions are past counting
    few = [place for place, count in enumerate(counts) if known or (count and count <= MAX_SOLUTIONS)]
    found = {place: list_targets(task, problems[place]) for place in few if with_bound}
    listed = {place: targets for place, targets in found.items() if targets is not None}
    seen: ViolationCache = {}
    rows: list[SampleMetrics] = []
    quality: list[dict[str, Any]] = []
    drawn: list[Draws] = []

    def row(number: int, depth: int, places: Sequence[int] | None = None) -> SampleMetrics:
        at = depths.index(depth)
        return measure_draws(task, problems, drawn, at, number, depth, counts, seen, places, selections)

    for number in sorted(set(samples)):
        if method.couples or not drawn:
            drawn = draw_all(run, problems, number if method.couples else max(samples), depths, seed, method, progress)
        for depth in sorted(set(steps)):
            rows.append(row(number, depth))
            quality += quality_rows(task, problems, drawn, depths.index(depth), number, depth)
    groups = [
        {"least": least, "most": most, "problems": len(places)} | row(number, max(steps), places)._asdict()
        for least, most, places in by_solutions(counts)
    ]
    rows.sort(key=lambda each: (each.steps, each.samples))
    result: dict[str, Any] = {
        "depth": run.depth,
        "uncounted": counts.count(None),
        "posterior_validity": None,
        "gap": None,
        "bound": None,
    }
    if listed:
        chosen = [problems[place] for place in listed]
        bar = partial(progress, desc="bound")
        distance = bound(
            task, run.model, run.guide, chosen, run.depth, seed=seed, progress=bar, targets=[*listed.values()]
        )._asdict()
        if not math.isfinite(distance["excess"]):
            raise Diverged(f"the model of {run.name} gives numbers that are not finite: its training diverged")
        validity = result["posterior_validity"] = distance.pop("posterior_validity")
        if method == INDEPENDENT:
            result["gap"] = validity - row(number, run.depth, [*listed]).validity
        result["bound"] = {**distance, "problems": len(listed)}
    result |= {"method": asdict(method), "rows": [each._asdict() for each in rows]} | quality_report(task, quality)
    return result | {"by_solutions": groups, "frontier": frontier(rows)}


def list_targets(task: Task, problem: Any) -> Tensor | None:
    """Return all targets of a problem; None where they are too many to list."""
    try:
        return task.targets(problem)
    except TimeoutError:
        return None


def by_solutions(counts: Sequence[int | None]) -> list[tuple[int, int, list[int]]]:
    """Return places of problems with 1, 2, 3-4, 5-8, ... solutions, with the least and the most of each group."""
    groups: dict[int, list[int]] = {}
    for place, count in enumerate(counts):
        if count:
            groups.setdefault((count - 1).bit_length(), []).append(place)
    return [((1 << bits) // 2 + 1, 1 << bits, places) for bits, places in sorted(groups.items())]
