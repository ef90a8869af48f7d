"""What more compute at inference buys: tables over depth and width, and the best mix of both for a budget."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gram_pyro.inference.metrics import SampleMetrics
from gram_pyro.system.figures import save_figure

COLORS = {"first": "#999999", "majority": "#f28e2b", "value": "#4e79a7", "checker": "#59a14f"}


def frontier(rows: Sequence[SampleMetrics]) -> list[dict[str, Any]]:
    """Return for each way to select and each budget the mix of samples and steps that solves most problems.
    A budget is a number of supervision steps for a problem; one that brings nothing new is left out."""
    result = []
    for name in rows[0].accuracy:
        best = -1.0
        for row in sorted(rows, key=lambda row: (row.evaluations, -row.accuracy[name])):
            if row.accuracy[name] > best:
                best = row.accuracy[name]
                mix = {"samples": row.samples, "steps": row.steps, "accuracy": best}
                result.append({"select": name, "evaluations": row.evaluations, **mix})
    return result


def draw_figures(measured: dict[str, Any], out: Path) -> None:
    """Draw what `evaluate` measured as pictures beside its JSON file `out`."""
    rows = [SampleMetrics(**row) for row in measured["rows"]]
    draw_depth_width(rows, out.with_name(f"{out.stem}-depth-width.png"))
    draw_frontier(rows, out.with_name(f"{out.stem}-frontier.png"))
    by_solutions = out.with_name(f"{out.stem}-solutions.png")
    if measured["by_solutions"]:
        draw_by_solutions(measured["by_solutions"], by_solutions)
    else:
        by_solutions.unlink(missing_ok=True)


def draw_depth_width(rows: Sequence[SampleMetrics], path: Path) -> None:
    """Draw accuracy over depth and width, a heat map for each way to select."""
    samples, steps = sorted({row.samples for row in rows}), sorted({row.steps for row in rows})
    names = [*rows[0].accuracy]
    figure = Figure(figsize=(1.5 + 3.2 * len(names), 1.6 + 0.45 * len(samples)), layout="constrained")
    low = min(min(row.accuracy.values()) for row in rows)
    for name, axes in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        grid = np.full((len(samples), len(steps)), np.nan)
        for row in rows:
            grid[samples.index(row.samples), steps.index(row.steps)] = row.accuracy[name]
        axes.imshow(grid, cmap="viridis", vmin=low, vmax=1, aspect="auto", origin="lower")
        for (i, j), accuracy in np.ndenumerate(grid):
            color = "black" if accuracy > low + 0.6 * (1 - low) else "white"
            axes.text(j, i, f"{100 * accuracy:.1f}", ha="center", va="center", color=color, fontsize=9)
        axes.set_xticks(range(len(steps)), steps)
        axes.set_yticks(range(len(samples)), samples)
        axes.set(title=f"solved %, {name}", xlabel="steps (depth)", ylabel="samples (width)")
    save_figure(figure, path)


def draw_by_solutions(groups: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw coverage with its ceiling, and accuracy, against the number of solutions of a problem."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    places = range(len(groups))
    labels = [f"{g['least']}-{g['most']}" if g["least"] < g["most"] else str(g["least"]) for g in groups]
    left.plot(places, [g["ceiling"] for g in groups], "--", color="#999999", label="independent, uniform")
    left.plot(places, [g["coverage"] for g in groups], "o-", color="#4e79a7", label="coverage")
    left.set(title=f"coverage with {groups[0]['samples']} samples", xlabel="solutions of a problem", ylim=(0, 1.05))
    for name in groups[0]["accuracy"]:
        right.plot(places, [g["accuracy"][name] for g in groups], "o-", color=COLORS.get(name), label=name)
    right.set(title="problems solved", xlabel="solutions of a problem", ylim=(None, 1.01))
    for axes in (left, right):
        axes.set_xticks(places, labels)
        tidy(axes)
    save_figure(figure, path)


def draw_frontier(rows: Sequence[SampleMetrics], path: Path) -> None:
    """Draw accuracy against network evaluations: every mix of depth and width, and the best one for each budget."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    costs = [row.evaluations for row in rows]
    for name in rows[0].accuracy:
        color = COLORS.get(name)
        axes.plot(costs, [row.accuracy[name] for row in rows], ".", color=color, alpha=0.35)
        line = [each for each in frontier(rows) if each["select"] == name]
        x, y = [each["evaluations"] for each in line], [each["accuracy"] for each in line]
        axes.step([*x, max(costs)], [*y, y[-1]], where="post", color=color, label=name)
        mix = f"{line[-1]['samples']} x {line[-1]['steps']}"
        axes.annotate(mix, (x[-1], y[-1]), fontsize=8, color=color, xytext=(0, 4), textcoords="offset points")
    axes.set(title="best mix of samples x steps for a budget", ylabel="problems solved", xscale="log")
    axes.set_xlabel("network evaluations for a problem (supervision steps)")
    tidy(axes)
    save_figure(figure, path)


def tidy(axes: Axes) -> None:
    """Add a legend without a frame, remove upper and right spine."""
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
