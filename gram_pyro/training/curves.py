"""The curves of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gram_pyro.system.figures import save_figure

MEASURES = (
    (0, "loss", "-", "#4e79a7", "loss"),
    (1, "kl", "-", "#f28e2b", "KL"),
    (2, "beta", "-", "#b07aa1", "beta"),
    (3, "posterior_accuracy", "-", "#999999", "posterior accuracy"),
    (3, "validity", "o-", "#59a14f", "prior validity"),
    (3, "ratio", "s--", "#e15759", "coverage / ceiling"),
    (3, "confident", "o-", "#76b7b2", "confident samples"),
)
"""Panel, name, style, color and label of each curve, drawn where the log has it."""
TITLES = ("loss [nats per problem and step]", "KL [nats per step]", "beta, the weight of the KL", "posterior and prior")
FEW = 20  # rows of which each is marked, as a line of one point has no length
MINUTE = 60.0


def draw_curves(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw loss, KL and beta; posterior accuracy beside the prior's validity and coverage, against time, all from 0."""
    figure = Figure(figsize=(14, 3.6), layout="constrained")
    panels = figure.subplots(1, 4)
    unit, seconds = ("minutes", MINUTE) if metrics[-1]["seconds"] >= 2 * MINUTE else ("seconds", 1.0)
    for panel, name, style, color, label in MEASURES:
        if rows := [row for row in metrics if name in row]:
            times, values = [row["seconds"] / seconds for row in rows], [row[name] for row in rows]
            marker = {"marker": "o"} if style == "-" and len(rows) <= FEW else {}
            panels[panel].plot(times, values, style, color=color, label=label, clip_on=False, **marker)
            panels[panel].set_ylim(bottom=min(0, *values))
    for axes, title in zip(panels, TITLES, strict=True):
        axes.set(title=title, xlabel=unit)
        axes.set_xlim(0, metrics[-1]["seconds"] / seconds or None)
        axes.locator_params(axis="x", nbins=5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_visible(bool(axes.lines))
    panels[3].set(ylim=(0, 1.02))
    figure.legend(*panels[3].get_legend_handles_labels(), loc="outside right center", frameon=False)
    save_figure(figure, path)
