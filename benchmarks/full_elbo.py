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

from benchmarks.report import Options, Row, compare, publish, spread, time_paired
from benchmarks.settings import LARGE, RECIPE, Case, Setting, build
from gram_pyro.cli import parse
from gram_pyro.elbo import TruncatedTrace_ELBO
from gram_pyro.errors import run_cli

COURSES: dict[str, tuple[dict[str, Any], bool]] = {
    "horizon 1": ({"horizon": 1, "charge": "all"}, False),
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
    repeats: int = 5
    """Timed rounds, each running every contender once."""


def step(case: Case, name: str, depth: int) -> None:
    """Loss and gradient of an update."""
    objective, whole = COURSES[name]
    model, guide, problems, targets, state = case
    elbo = TruncatedTrace_ELBO(**objective, balance=0.8)
    terms = elbo.terms(model, guide, problems, targets, state=state, steps=depth if whole else 1)
    terms.loss.backward()  # type: ignore[no-untyped-call]


def peak(setting: Setting, name: str, depth: int, seed: int) -> int:
    """Bytes by which an update raises the peak memory of a process that has run a tiny one before."""
    pyro.enable_validation(False)
    step(build(dataclasses.replace(setting, batch=2), seed), name, depth)
    case = build(setting, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step(case, name, depth)
    return UNIT * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def measure(setting: Setting, options: FullElboOptions) -> list[Row]:
    """A row for each objective."""
    setting = dataclasses.replace(setting, model=dataclasses.replace(setting.model, transitions=options.transitions))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        peaks = {name: pool.submit(peak, setting, name, options.depth, options.seed).result() for name in COURSES}
    case = build(setting, options.seed)
    times = time_paired({name: partial(step, case, name, options.depth) for name in COURSES}, options.repeats)
    return [
        {
            "setting": asdict(setting),
            "objective": name,
            "transitions": options.depth * options.transitions,
            "bytes": peaks[name],
            "bytes_to_first": round(peaks[name] / peaks["horizon 1"], 3),
            "seconds": spread(times[name]),
            "to_kept": compare(times[name], times["whole, kept"]),
        }
        for name in COURSES
    ]


def main(arguments: list[str]) -> None:
    """Measure two settings and report."""
    options = parse(FullElboOptions, "benchmarks.full_elbo", arguments)
    pyro.enable_validation(False)  # as training does
    rows = [row for setting in (RECIPE, LARGE) for row in measure(setting, options)]
    columns: dict[str, Callable[[Row], str]] = {
        "setting": lambda row: row["setting"]["name"],
        "gradient": lambda row: row["objective"],
        "peak [MB]": lambda row: f"{row['bytes'] / 1e6:.0f}",
        "/ horizon 1": lambda row: f"{row['bytes_to_first']:.2f}",
        "seconds": lambda row: f"{row['seconds']['median']:.3f}",
        "/ kept": lambda row: f"{row['to_kept']['ratio']:.2f}",
    }
    publish("full_elbo", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
