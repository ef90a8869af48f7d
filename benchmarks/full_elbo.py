"""`python -m benchmarks.full_elbo`: what gradients through a whole trajectory cost, kept or computed again."""

from __future__ import annotations

import dataclasses
import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pyro

from benchmarks.live_bytes import LiveBytes
from benchmarks.report import Options, Row, compare, publish, spread, time_paired
from benchmarks.settings import LARGE, RECIPE, Case, Setting, build
from gram_pyro.errors import UserError, run_cli
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.system.cli import parse

COURSES: dict[str, tuple[dict[str, Any], bool]] = {
    "horizon 1": ({"horizon": 1, "kl_transitions": "all"}, False),
    "whole, kept": ({"horizon": None}, True),
    "whole, computed again": ({"horizon": None, "recompute": True}, True),
}
"""Each objective, and whether an update runs the whole trajectory or one supervision step of it."""
UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of `ru_maxrss`."""


@dataclass(frozen=True)
class FullElboOptions(Options):
    """Peak memory and time of the full ELBO's gradient, with and without activation checkpointing."""

    depth: int = 16
    """Supervision steps of a trajectory."""
    transitions: int = 3
    """Transitions of a supervision step."""
    repeats: int = 3
    """Timed rounds, each running every contender once."""
    short: bool = False
    """Only the smaller setting."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.depth, self.transitions, self.repeats) < 1:
            raise UserError("--depth, --transitions and --repeats must be at least 1")


def step(case: Case, name: str, depth: int) -> None:
    """Loss and gradient of an update."""
    objective, whole = COURSES[name]
    model, guide, problems, targets, state = case
    elbo = TruncatedTrace_ELBO(**objective, balance=0.8)
    terms = elbo.terms(model, guide, problems, targets, state=state, steps=depth if whole else 1)
    terms.loss.backward()  # type: ignore[no-untyped-call]


def peak_live_bytes(setting: Setting, name: str, depth: int, seed: int) -> int:
    """Return the peak of live tensor bytes during an update, with gradients allocated before it."""
    pyro.enable_validation(False)  # as training does
    case = build(setting, seed)
    for parameter in [*case.model.parameters(), *case.guide.parameters()]:
        parameter.grad = parameter.new_zeros(parameter.shape)
    with LiveBytes() as live:
        step(case, name, depth)
    peak: int = live.peak
    return peak


def peak_process(setting: Setting, name: str, depth: int, seed: int) -> int:
    """Bytes by which an update raises the peak memory of a process that has run a tiny one before.

    More than its tensors: what the allocator of the system leaves unused between them. A child inherits the peak of
    its parent, so nothing large may have run there.
    """
    pyro.enable_validation(False)
    step(build(dataclasses.replace(setting, batch=2), seed), name, depth)
    case = build(setting, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step(case, name, depth)
    return UNIT * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def seconds(setting: Setting, options: FullElboOptions) -> dict[str, list[float]]:
    """Times of updates of each objective."""
    pyro.enable_validation(False)
    case = build(setting, options.seed)
    contenders = {name: partial(step, case, name, options.depth) for name in COURSES}
    return time_paired(contenders, options.repeats, warmup=1)


def measure(setting: Setting, options: FullElboOptions) -> list[Row]:
    """A row for each objective."""
    setting = dataclasses.replace(setting, model=dataclasses.replace(setting.model, transitions=options.transitions))
    courses = {name: (setting, name, options.depth, options.seed) for name in COURSES}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        process = {name: pool.submit(peak_process, *run_kwargs).result() for name, run_kwargs in courses.items()}
        live = {name: pool.submit(peak_live_bytes, *run_kwargs).result() for name, run_kwargs in courses.items()}
        times = pool.submit(seconds, setting, options).result()
    return [
        {
            "setting": asdict(setting),
            "objective": name,
            "transitions": options.depth * options.transitions,
            "tensor_bytes": live[name],
            "tensors_to_first": round(live[name] / live["horizon 1"], 3),
            "process_bytes": process[name],
            "process_to_first": round(process[name] / process["horizon 1"], 3),
            "seconds": spread(times[name]),
            "to_kept": compare(times[name], times["whole, kept"]),
        }
        for name in COURSES
    ]


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(FullElboOptions, "benchmarks.full_elbo", arguments)
    rows = [row for setting in ([RECIPE] if options.short else [RECIPE, LARGE]) for row in measure(setting, options)]
    columns: dict[str, Callable[[Row], str]] = {
        "setting": lambda row: row["setting"]["name"],
        "gradient": lambda row: row["objective"],
        "tensors [MB]": lambda row: f"{row['tensor_bytes'] / 1e6:.0f}",
        "/ horizon 1": lambda row: f"{row['tensors_to_first']:.2f}",
        "process [MB]": lambda row: f"{row['process_bytes'] / 1e6:.0f}",
        "process / horizon 1": lambda row: f"{row['process_to_first']:.2f}",
        "seconds": lambda row: f"{row['seconds']['median']:.3f}",
        "/ kept": lambda row: f"{row['to_kept']['ratio']:.2f}",
    }
    publish("full_elbo", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
