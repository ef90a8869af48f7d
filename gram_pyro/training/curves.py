"""The curves of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gram_pyro.system.figures import save_figure


def draw_curves(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw loss, KL and beta; posterior accuracy beside the prior's validity and coverage, against minutes."""
    updates = [row for row in metrics if "loss" in row]
    checks = [row for row in metrics if "validity" in row]
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    loss, kl, quality = figure.subplots(1, 3)
    minutes = [row["seconds"] / 60 for row in updates]
    loss.plot(minutes, [row["loss"] for row in updates], color="#4e79a7")
    loss.set(title="loss", xlabel="minutes", ylabel="nats per problem and step")
    kl.plot(minutes, [row["kl"] for row in updates], color="#f28e2b", label="KL (nats per step)")
    kl.plot(minutes, [row["beta"] for row in updates], color="#b07aa1", label="beta")
    kl.set(title="KL and its coefficient", xlabel="minutes")
    kl.legend(frameon=False)
    accuracy = [row["posterior_accuracy"] for row in updates]
    quality.plot(minutes, accuracy, color="#999999", label="posterior accuracy")
    if checks:
        at = [row["seconds"] / 60 for row in checks]
        quality.plot(at, [row["validity"] for row in checks], "o-", color="#59a14f", label="prior validity")
        quality.plot(at, [row["ratio"] for row in checks], "s--", color="#e15759", label="coverage / ceiling")
    quality.set(title="posterior and prior", xlabel="minutes", ylim=(0, 1.05))
    quality.legend(frameon=False, loc="center right")
    for axes in (loss, kl, quality):
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
