"""Sudoku from nothing: `python -m benchmarks.grids RUN`, one JSON.

Samples of a trained run by steps: how many are grids, how many different, whether the types of their bands come as
often as they should; and the bound on test grids, by schedule and receiver, above the entropy of uniform grids.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyro
import tyro
from tqdm import tqdm

from benchmarks.report import RESULTS, DeviceOptions, Row, write_json
from benchmarks.trained import facts_of
from gram_pyro.errors import UserError, run_cli
from gram_pyro.evaluation.bound import bound
from gram_pyro.inference.judge import judge
from gram_pyro.inference.sampling import sample
from gram_pyro.models.draft import Draft, Receiver, Schedule
from gram_pyro.runs.machine import compile_network
from gram_pyro.runs.store import Run, load_run
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import arithmetic
from gram_pyro.tasks import Grids
from gram_pyro.tasks.grids.bands import band_chi_square

OUT = RESULTS / "quality" / "grids-quality.json"
Way = tuple[Schedule, Receiver]
WAYS: tuple[Way, ...] = (("cosine", "mean"), ("cosine", "mixture"), ("flow", "mixture"), ("constant", "mean"))
"""Schedules and receivers that the bound is measured with."""


@dataclass(frozen=True)
class GridsOptions(DeviceOptions):
    """Measure samples and the bound of a run that draws grids."""

    run: Annotated[str, tyro.conf.Positional] = "grids"
    """Run folder, or the name of a shipped checkpoint."""
    steps: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    """Numbers of steps that samples are drawn with."""
    samples: int = 2000
    """Samples for each number of steps."""
    grids: int = 200
    """Test grids for the bound; 0 leaves it out."""
    bound_steps: tuple[int, ...] = (16, 64, 256)
    """Numbers of steps of the bound."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the network."""


def drawn(run: Run, task: Grids, count: int, steps: int, seed: int) -> Row:
    """Draw samples and say what they are."""
    began = time.perf_counter()
    x = task.encode([task.blank])
    bar = tqdm(total=count, desc=f"{steps} steps", file=sys.stderr, mininterval=10)
    decoded = sample(run.model, x, count, [steps], seed, progress=lambda done: bar.update(done // steps)).decoded[0, 0]
    bar.close()
    judged = judge(task, task.blank, decoded.tolist())
    valid = judged.valid
    row: Row = {"steps": steps, "samples": count, "valid": len(valid) / count, "different": len({*valid})}
    row |= {"conflicts": sum(judged.violations) / count, "seconds": time.perf_counter() - began}
    return row | {"bands": band_chi_square(np.array(valid, dtype=np.int8))._asdict() if len(valid) >= 100 else None}


def bounded(run: Run, task: Grids, problems: list[Any], steps: int, way: Way, seed: int) -> Row:
    """Return -ELBO less the entropy of uniform grids, of a trajectory of so many steps."""
    schedule, receiver = way
    run.model.draft = Draft(schedule, receiver)  # type: ignore[assignment]
    bar = partial(tqdm, desc=f"bound, {schedule}, {receiver}, {steps} steps", file=sys.stderr)
    found = bound(task, run.model, run.guide, problems, steps, seed=seed, progress=bar)
    return {"steps": steps, "schedule": schedule, "receiver": receiver, **found._asdict()}


def main(arguments: list[str]) -> None:
    """Measure and write."""
    options = parse(GridsOptions, "benchmarks.grids", arguments)
    run = load_run(options.run)
    task = run.task
    if not isinstance(task, Grids) or getattr(run.model, "draft", None) is None:
        raise UserError(f"{options.run}: no run of the task grids with a draft channel")
    run.model.to(options.chosen)
    compile_network(run.model)
    result: Row = {"command": f"python -m benchmarks.grids {' '.join(arguments)}", "precision": options.precision}
    if run.folder is not None:
        result |= {"training": facts_of(Path(run.folder), "")}
    test = task.generate("test", max(options.grids, 1000), options.seed)
    data = np.array([grid.cells for grid in test], dtype=np.int8)
    result |= {"data": band_chi_square(data)._asdict(), "samples": [], "bounds": []}
    with arithmetic(options.chosen, options.precision, False), pyro.validation_enabled(False):
        for steps in options.steps:
            result["samples"].append(drawn(run, task, options.samples, steps, options.seed))
            write_json(Path(options.out or OUT), result)
        for way in WAYS:
            for steps in options.bound_steps if options.grids else ():
                result["bounds"].append(bounded(run, task, test[: options.grids], steps, way, options.seed))
                write_json(Path(options.out or OUT), result)


if __name__ == "__main__":
    run_cli(main)
