"""The figures of a comparison."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from gram_pyro.comparison.table import Row, first_rows
from gram_pyro.system.figures import save_figure

LEAST_KL = 0.01  # nats that are drawn as nothing
PARTS = 16  # of a trajectory, whatever its number of transitions


def draw_table(rows: Sequence[Row], path: Path) -> None:
    """Draw validity and coverage of every row as bars with their spread, the ceiling as a line."""
    figure = Figure(figsize=(11, 1.2 + 0.34 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    names = [f"{row['model']}, {row['steps']} step{'s' * (row['steps'] > 1)}" for row in rows]
    places = range(len(rows))
    for axes, measure, title in ((left, "validity", "validity of one sample"), (right, "coverage", "coverage")):
        values = [row[measure] or 0.0 for row in rows]
        spreads = np.array([row[f"{measure}_spread"] or [0.0, 0.0] for row in rows])
        errors = np.abs(spreads.T - values)
        colors = ["#4e79a7" if row["model"].startswith("GRAM") else "#bab0ac" for row in rows]
        axes.barh(places, values, xerr=errors, color=colors, ecolor="#333333", capsize=2)
        for place, value in zip(places, values, strict=True):
            axes.text(0.01, place, f"{value:.3f}", va="center", fontsize=7, color="black")
        axes.set(title=title, xlim=(0, 1.02))
        axes.spines[["top", "right"]].set_visible(False)
    if ceilings := [row["ceiling"] for row in rows if row["ceiling"] is not None]:
        right.axvline(max(ceilings), color="#59a14f", linestyle="--", label=f"ceiling {max(ceilings):.3f}")
        right.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.04))
    left.set_yticks(places, names)
    left.set_ylim(len(rows) - 0.5, -0.5)
    save_figure(figure, path)


def draw_gaps(rows: Sequence[Row], path: Path) -> None:
    """Draw every variant of a model at its first depth: coverage / ceiling, validity, and the gap, with their spread.

    Beside them the KL of posterior to prior in each sixteenth of a trajectory, as shades; gray where a row has none.
    """
    firsts = [*first_rows(rows).values()]
    figure = Figure(figsize=(13, 1.6 + 0.34 * len(firsts)), layout="constrained")
    ratio, validity, gap, shades = figure.subplots(1, 4, sharey=True, width_ratios=(1, 1, 1, 1.6))
    draw_spread(ratio, firsts, "ratio", "coverage / ceiling")
    draw_spread(validity, firsts, "validity", "validity")
    draw_spread(gap, firsts, "gap", "gap")
    kl = np.array([np.maximum(by_part(row["kl"]), LEAST_KL) for row in firsts])
    norm = LogNorm(LEAST_KL, max(1.0, np.nanmax(kl, initial=1.0)))
    image = shades.imshow(np.ma.masked_invalid(kl), aspect="auto", cmap="magma_r", norm=norm)
    shades.set_facecolor("#dddddd")
    shades.set(title="KL by part of the trajectory", xlabel="sixteenths of the trajectory")
    shades.set_xticks(range(3, PARTS, 4), [str(part) for part in range(4, PARTS + 1, 4)])
    figure.colorbar(image, ax=shades, label="nats", format="%g")
    ratio.set_yticks(range(len(firsts)), [row["model"] for row in firsts])
    ratio.set_ylim(len(firsts) - 0.5, -0.5)
    save_figure(figure, path)


def by_part(kl: Sequence[float], parts: int = PARTS) -> NDArray[np.float64]:
    """Return the KL [nats] of each of so many parts of a trajectory from that of its transitions; NaN without any."""
    if not len(kl):
        return np.full(parts, np.nan)
    said = np.concatenate(([0.0], np.cumsum(kl)))
    edges = np.linspace(0, len(kl), parts + 1)
    return np.diff(np.interp(edges, np.arange(len(said)), said))


def draw_spread(axes: Axes, rows: Sequence[Row], measure: str, title: str) -> None:
    """A measure of each row as a point, from the least to the greatest as a line; that of the first row, dashed."""
    middle = max((row[measure] for row in rows if row[measure] is not None), default=0.0) / 2
    for place, row in enumerate(rows):
        if row[measure] is not None:
            low, high = row[f"{measure}_spread"]
            axes.plot([low, high], [place, place], color="#a0cbe8", linewidth=3)
            axes.plot(row[measure], place, "o", color="#4e79a7")
            beside, shift, side = (high, 6, "left") if row[measure] < middle else (low, -6, "right")
            style: dict[str, Any] = {"textcoords": "offset points", "ha": side, "va": "center", "fontsize": 7}
            axes.annotate(f"{row[measure]:.3f}", (beside, place), (shift, 0), **style)
    if rows and rows[0][measure] is not None:
        axes.axvline(rows[0][measure], color="#59a14f", linestyle="--", linewidth=1)
    axes.set(title=title)
    axes.margins(x=0.3)  # room for the numbers
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_bounds(rows: Sequence[Row], path: Path) -> None:
    """Draw -ELBO of every family by steps; a level line, dashed, where there are none."""
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.subplots()
    bounded = [row for row in rows if row["elbo"]]
    steps = sorted({each["steps"] for row in bounded for each in row["elbo"] if each["steps"]}) or [1]
    for number, row in enumerate(bounded):
        level = row["elbo"][0]["steps"] is None
        at = steps if level else [each["steps"] for each in row["elbo"]]
        values = [each["nll"] for each in row["elbo"]] * (len(steps) if level else 1)
        style: dict[str, Any] = {"linestyle": "--"} if level else {"marker": "o", "markersize": 4}
        axes.plot(at, values, color=f"C{number}" if row["parameters"] else "gray", label=row["model"], **style)
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="-ELBO on test images [nats]")
    axes.set_xticks(steps, [str(each) for each in steps])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(10, (1, 1.5, 2, 3, 4, 5, 7)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside right upper")
    save_figure(figure, path)
