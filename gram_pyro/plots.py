"""The pictures of a run."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from gram_pyro.checkpoint import write_atomically
from gram_pyro.tasks.base import Answer, Task


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=110)
    write_atomically(path, buffer.getvalue())


def draw_curves(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss, KL and beta; posterior accuracy beside the prior's validity and coverage, against minutes."""
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


def draw_samples(task: Task, problems: Sequence[Any], values: Tensor, path: Path) -> None:
    """Different samples of the same problems: a row of four each for three that have as many.

    `values` `(problems, samples, length)` are decoded samples, valid or not.
    """
    found = []
    for problem, rows in zip(problems, values.tolist(), strict=True):
        answers = dict.fromkeys(task.canonical(task.answer(problem, row)) for row in rows)
        found.append((problem, [*answers][:4]))
    found.sort(key=lambda each: -len(each[1]))
    pairs = [(problem, answer) for problem, answers in found[:3] for answer in answers]
    broken = [task.violations(problem, answer) for problem, answer in pairs]
    captions = ["valid" if not count else f"{count} violated" for count in broken]
    shown, answers_shown = zip(*pairs, strict=True)
    draw_answers(task, shown, answers_shown, path, captions)


def draw_answers(
    task: Task,
    problems: Sequence[Any],
    answers: Sequence[Answer | None],
    path: Path,
    captions: Sequence[str] | None = None,
    title: str | None = None,
) -> None:
    """A grid of problems with one answer each, broken constraints marked."""
    columns = min(4, len(problems))
    rows = math.ceil(len(problems) / columns)
    figure = Figure(figsize=(max(6, 3 * columns), 3 * rows + 0.5), layout="constrained")
    for panel in figure.subplots(rows, columns, squeeze=False).flat:
        panel.set_axis_off()
    for panel, problem, answer in zip(figure.axes, problems, answers, strict=False):
        task.draw(problem, answer, panel)
    for panel, caption in zip(figure.axes, captions or [], strict=False):
        panel.set_title(caption, fontsize=10)
    if title:
        figure.suptitle(title, wrap=True)
    save_figure(figure, path)
