"""`python -m benchmarks.update --options "--task sudoku"`: what an update of a training takes in each of its modes.

For each width, batch and way to compile: seconds an update, problems a second, and how much of that time matrix
products alone would take. `--options` are those of the training; `--profile` shows the operations that take most of it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.report import DeviceOptions, Row, publish, spread, wall_clock
from benchmarks.roofline import ROOFLINE, roofline, roofline_cell
from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.train_options import configured
from gram_pyro.system.cli import parse, take_option
from gram_pyro.system.machine import arithmetic
from gram_pyro.training.run import start_run

SHORT = "--updates 1000000 --problems 512 --evaluations 1 --validation-problems 1 --head-rounds 0"
TRAINING = "--task sudoku"
WARMUP = 8


@dataclass(frozen=True)
class UpdateOptions(DeviceOptions):
    """Time an update of a training."""

    widths: tuple[int, ...] = (32,)
    """Widths of the network; its hidden layers are twice as wide."""
    batches: tuple[int, ...] = (32,)
    """Problems an update."""
    compile: tuple[str, ...] = ("off", "on")
    """Ways to compile: off, on, graphs."""
    repeats: int = 20
    """Timed updates of each."""
    profile: bool = False
    """Show on standard error where the last of them spends its time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.repeats < 1:
            raise UserError(f"--repeats must be at least 1, not {self.repeats}")


def measure(width: int, batch: int, mode: str, training: str, options: UpdateOptions) -> Row:
    """One row: the updates of a training with these options."""
    sizes = f"--model.width {width} --model.hidden {2 * width} --batch {batch} --compile {mode} --device"
    asked = shlex.split(f"{training} {SHORT} {sizes} {options.chosen} --seed {options.seed}")
    torch.compiler.reset()
    run = start_run(configured(asked)[0], None, quiet=True)
    began = wall_clock()
    for _ in range(WARMUP):
        run._update()
    started = wall_clock()
    times = []
    for _ in range(options.repeats):
        before = wall_clock()
        run._update()
        times.append(wall_clock() - before)
    row: Row = {"width": width, "batch": batch, "compile": mode, "seconds": spread(times), "warmup": started - began}
    precision = run.config.machine.precision
    if mode == "off":
        with arithmetic(options.chosen, precision):
            row["roofline"] = roofline(run._update, median(times), getattr(torch, precision), options.chosen)
    if options.profile:
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if options.chosen.type == "cuda" else [])]
        with profile(activities=activities) as seen:
            run._update()
            wall_clock()
        order = "self_cuda_time_total" if options.chosen.type == "cuda" else "self_cpu_time_total"
        print(seen.key_averages().table(sort_by=order, row_limit=25, max_name_column_width=60), file=sys.stderr)
    return row


def main(arguments: list[str]) -> None:
    """Time every mode and report."""
    arguments = [*arguments]
    training = take_option(arguments, "options", TRAINING) or TRAINING
    options = parse(UpdateOptions, "benchmarks.update", arguments)
    grid = product(options.widths, options.batches, options.compile)
    rows = [measure(*each, training, options) for each in grid]
    columns: dict[str, Callable[[Row], str]] = {
        "width": lambda row: str(row["width"]),
        "batch": lambda row: str(row["batch"]),
        "compile": lambda row: str(row["compile"]),
        "update [ms]": lambda row: f"{1000 * row['seconds']['median']:.1f}",
        "problems / s": lambda row: f"{row['batch'] / row['seconds']['median']:.0f}",
        ROOFLINE: lambda row: roofline_cell(row) if "roofline" in row else "",
    }
    publish("update", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
