"""`python -m benchmarks.scaling`: time and memory of a training step as one size grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import pyro
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from benchmarks.memory import bytes_saved
from benchmarks.report import FigureOptions, Row, publish, spread, time_paired
from benchmarks.roofline import ROOFLINE, roofline, roofline_cell
from benchmarks.settings import Setting, build
from benchmarks.step import BALANCE, Contenders
from gram_pyro.errors import run_cli
from gram_pyro.models import GramConfig
from gram_pyro.system.cli import parse

BASE = Setting("base", 32, 16, GramConfig())
GROWN: dict[str, tuple[int, ...]] = {
    "batch": (8, 32, 128, 512),
    "positions": (8, 16, 32, 64),
    "transitions": (1, 2, 4, 8),
    "width": (32, 64, 128, 256),
}
OBJECTIVE = {"horizon": 1, "kl_transitions": "last", "balance": BALANCE}


@dataclass(frozen=True)
class ScalingOptions(FigureOptions):
    """Time a training step, and count what it keeps for its gradient, as one of its sizes grows."""

    repeats: int = 20
    """Timed rounds of each size."""
    short: bool = False
    """The least and the greatest of each size alone."""


def grown(name: str, size: int) -> Setting:
    """The base setting with one other size."""
    if name == "batch":
        return replace(BASE, batch=size)
    if name == "positions":
        return replace(BASE, vertices=size)
    if name == "transitions":
        return replace(BASE, model=replace(BASE.model, transitions=size))
    return replace(BASE, model=replace(BASE.model, width=size, hidden=2 * size))


def measure(name: str, size: int, options: ScalingOptions) -> Row:
    """One row."""
    setting = grown(name, size)
    contenders = Contenders(build(setting, options.seed))
    contenders.elbo.kl_transitions = "last"

    def work() -> None:
        contenders.update(contenders.loss)

    seconds = spread(time_paired({"step": work}, options.repeats)["step"])
    return {
        "setting": asdict(setting),
        "grown": name,
        "size": size,
        "seconds": seconds,
        "bytes": bytes_saved(setting, OBJECTIVE, options.seed),
        "roofline": roofline(work, seconds["median"]),
    }


def draw(rows: list[Row]) -> Figure:
    """Time and memory by size, both relative to the least, a panel for each size."""
    figure = Figure(figsize=(14, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(GROWN)), GROWN, strict=True):
        line = [row for row in rows if row["grown"] == name]
        sizes = [row["size"] for row in line]
        for label, values in (
            ("time", [row["seconds"]["median"] for row in line]),
            ("memory", [row["bytes"] for row in line]),
        ):
            axes.plot(sizes, [value / values[0] for value in values], "o-", label=label)
        axes.plot(sizes, [size / sizes[0] for size in sizes], "--", color="#bab0ac", label="linear")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set(xlabel=name, title=f"relative to {name} {sizes[0]}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def main(arguments: list[str]) -> None:
    """Grow every size and report."""
    options = parse(ScalingOptions, "benchmarks.scaling", arguments)
    pyro.enable_validation(False)  # as training does
    rows = [
        measure(name, size, options)
        for name, sizes in GROWN.items()
        for size in (sizes[:: len(sizes) - 1] if options.short else sizes)
    ]
    columns: dict[str, Callable[[Row], str]] = {
        "grown": lambda row: row["grown"],
        "size": lambda row: str(row["size"]),
        "seconds": lambda row: f"{row['seconds']['median']:.4f}",
        "kept [MB]": lambda row: f"{row['bytes'] / 1e6:.2f}",
        ROOFLINE: roofline_cell,
    }
    publish("scaling", options, columns, rows, draw)


if __name__ == "__main__":
    run_cli(main)
