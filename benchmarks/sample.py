"""`python -m benchmarks.sample`: trajectories a second, in width and in depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import pyro
import torch
from matplotlib.figure import Figure

from benchmarks.report import DeviceOptions, FigureOptions, Row, publish, spread, time_paired
from benchmarks.roofline import ROOFLINE, roofline, roofline_cell
from benchmarks.settings import LARGE, RECIPE, Setting, build
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.sampling import sample
from gram_pyro.system.cli import parse

WIDTHS, DEPTHS = (1, 4, 16, 64, 256), (4, 16, 64)
SHORT_WIDTHS, SHORT_DEPTHS = (1, 64), (16,)


@dataclass(frozen=True)
class SampleOptions(DeviceOptions, FigureOptions):
    """Time sampling of one problem, untrained: width trajectories of depth supervision steps."""

    repeats: int = 3
    """Timed rounds of each width and depth."""
    short: bool = False
    """Two widths, one depth, the small network."""


def measure(setting: Setting, widths: tuple[int, ...], depths: tuple[int, ...], options: SampleOptions) -> list[Row]:
    """A row for each width and depth."""
    model, _, problems, *_ = build(setting, options.seed, options.chosen)
    one = problems.select(torch.zeros(1, dtype=torch.long))
    rows = []
    for depth in depths:
        for width in widths:

            def work(width: int = width, depth: int = depth) -> None:
                sample(model, one, width, (depth,), options.seed)

            seconds = spread(time_paired({"sample": work}, options.repeats, warmup=1)["sample"])
            rows.append(
                {
                    "setting": asdict(setting),
                    "width": width,
                    "depth": depth,
                    "seconds": seconds,
                    "trajectories_a_second": round(width / seconds["median"], 2),
                    "roofline": roofline(work, seconds["median"], device=options.chosen),
                }
            )
    return rows


def draw(rows: list[Row]) -> Figure:
    """Trajectories a second by width, a line for each depth, a panel for each setting."""
    names = [*dict.fromkeys(row["setting"]["name"] for row in rows)]
    figure = Figure(figsize=(4.5 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        here = [row for row in rows if row["setting"]["name"] == name]
        for depth in dict.fromkeys(row["depth"] for row in here):
            line = [(row["width"], row["trajectories_a_second"]) for row in here if row["depth"] == depth]
            axes.plot(*zip(*line, strict=True), "o-", label=f"{depth} steps")
        axes.set(
            xscale="log", yscale="log", xlabel="trajectories of one problem", ylabel="trajectories / s", title=name
        )
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str]) -> None:
    """Time and report."""
    options = parse(SampleOptions, "benchmarks.sample", arguments)
    if options.repeats < 1:
        raise UserError(f"--repeats must be at least 1, not {options.repeats}")
    pyro.enable_validation(False)
    widths, depths = (SHORT_WIDTHS, SHORT_DEPTHS) if options.short else (WIDTHS, DEPTHS)
    settings = (RECIPE,) if options.short else (RECIPE, LARGE)
    rows = [row for setting in settings for row in measure(setting, widths, depths, options)]
    columns: dict[str, Callable[[Row], str]] = {
        "setting": lambda row: row["setting"]["name"],
        "depth": lambda row: str(row["depth"]),
        "width": lambda row: str(row["width"]),
        "seconds": lambda row: f"{row['seconds']['median']:.4f}",
        "trajectories / s": lambda row: f"{row['trajectories_a_second']:.1f}",
        ROOFLINE: roofline_cell,
    }
    publish("sample", options, columns, rows, draw)


if __name__ == "__main__":
    run_cli(main)
