"""The curves of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gram_pyro.system.figures import save_figure

MEASURES = (
    (0, "loss", "-", "#4e79a7", "nats per problem and step"),
    (1, "kl", "-", "#f28e2b", "KL (nats per step)"),
    (1, "beta", "-", "#b07aa1", "beta"),
    (2, "posterior_accuracy", "-", "#999999", "posterior accuracy"),
    (2, "validity", "o-", "#59a14f", "prior validity"),
    (2, "ratio", "s--", "#e15759", "coverage / ceiling"),
)
"""Panel, name, style, color and label of each curve, drawn where the log has it."""


def draw_curves(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw loss, KL and beta; posterior accuracy beside the prior's validity and coverage, against minutes."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel, name, style, color, label in MEASURES:
        if rows := [row for row in metrics if name in row]:
            minutes = [row["seconds"] / 60 for row in rows]
            panels[panel].plot(minutes, [row[name] for row in rows], style, color=color, label=label)
    for axes, title in zip(panels, ("loss", "KL and its coefficient", "posterior and prior"), strict=True):
        axes.set(title=title, xlabel="minutes")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    panels[2].set(ylim=(0, 1.05))
    save_figure(figure, path)
