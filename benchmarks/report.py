"""What every benchmark shares: its options, the machine's facts, paired timing, tables and JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gram_pyro.errors import UserError
from gram_pyro.system.figures import save_figure
from gram_pyro.system.files import write_atomically
from gram_pyro.system.machine import choose_device, machine_facts

Row = dict[str, Any]
RESULTS = Path("benchmarks/results")
"""A folder for each kind of result; its README is the index."""
WARMUP = 5


@dataclass(frozen=True)
class Options:
    """What every benchmark can be asked."""

    json: bool = False
    """Print JSON instead of the table."""
    out: str | None = None
    """Write the JSON to this file too, such as benchmarks/results/speed/step.json."""
    seed: int = 0
    """Seed of weights, data and noise."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"--seed must be 0 or more, not {self.seed}")


@dataclass(frozen=True)
class FigureOptions(Options):
    """Those of a benchmark that draws."""

    figure: str | None = None
    """Write a figure to this file."""


@dataclass(frozen=True)
class DeviceOptions(Options):
    """Those of a benchmark that runs on a GPU as well."""

    device: str = "cpu"
    """cpu, cuda, cuda:1 or auto (CUDA where there is one)."""

    @property
    def chosen(self) -> torch.device:
        """The device, CUDA's current one from then on. Raises `UserError` if it is not there."""
        device = choose_device(self.device)
        if device.type == "cuda":
            torch.cuda.set_device(device.index or 0)
        return device


def wall_clock() -> float:
    """Return the seconds of the wall clock, once CUDA's current device has finished its work."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    return time.perf_counter()


def time_paired(
    contenders: Mapping[str, Callable[[], object]],
    repeats: int,
    warmup: int = WARMUP,
    clock: Callable[[], float] = wall_clock,
) -> dict[str, list[float]]:
    """Return the seconds of every call, taken in turns (A B A B ...), so that a disturbance meets all contenders.

    The first `warmup` rounds do not count. Raises `UserError` if there is nothing to repeat.
    """
    if repeats < 1:
        raise UserError(f"--repeats must be at least 1, not {repeats}")
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(-warmup, repeats):
        for name, contender in contenders.items():
            began = clock()
            contender()
            if turn >= 0:
                times[name].append(clock() - began)
    return times


def compare(times: Sequence[float], reference: Sequence[float]) -> Row:
    """Ratio of the medians; quartiles and extremes of the ratios of two calls made side by side."""
    ratios = [ours / theirs for ours, theirs in zip(times, reference, strict=True)]
    places = {"min": 0, "lower": 25, "upper": 75, "max": 100}
    found = {f"ratio_{name}": round(float(np.percentile(ratios, place)), 4) for name, place in places.items()}
    return {"ratio": round(median(times) / median(reference), 4), **found}


def ratio_cell(name: str) -> Callable[[Row], str]:
    """A cell: a ratio with its quartiles."""
    return lambda row: "{ratio:.2f} ({ratio_lower:.2f} to {ratio_upper:.2f})".format(**row[name])


def spread(times: Sequence[float]) -> Row:
    """Median, minimum and maximum, in seconds."""
    return {"median": round(median(times), 6), "min": round(min(times), 6), "max": round(max(times), 6)}


def publish(
    benchmark: str,
    options: Options,
    columns: Mapping[str, Callable[[Row], str]],
    rows: list[Row],
    draw: Callable[[list[Row]], Figure] | None = None,
) -> None:
    """Print the rows, as a table or as JSON, and store JSON and figure if files were asked for.

    `columns` maps each heading to what the cell of a row says. Raises `UserError` if the file cannot
    be written.
    """
    machine = machine_facts(options.chosen if isinstance(options, DeviceOptions) else "cpu")
    found = {"benchmark": benchmark, "machine": machine, "options": vars(options), "rows": rows}
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(", ".join(f"{name} {fact}" for name, fact in machine.items()))
        print(table(list(columns), [[cell(row) for cell in columns.values()] for row in rows]))
    if options.out is not None:
        write_json(Path(options.out), found)
    if draw is not None and isinstance(options, FigureOptions) and options.figure is not None:
        save_figure(draw(rows), Path(options.figure))


def write_json(path: Path, facts: Row) -> None:
    """Write a file whole or not at all. Raises `UserError` if the disk will not take it."""
    write_atomically(path, (json.dumps(facts, indent=2) + "\n").encode())


def table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Aligned columns, the first to the left and the others to the right."""
    lines = [headings, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    return "\n".join(
        "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )
