"""Pictures of answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from gram_pyro.system.figures import save_figure
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.base import Task


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
    path: Path | None = None,
    captions: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a grid of problems with one answer each, broken constraints marked; as PNG if a path is given."""
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
    if path is not None:
        save_figure(figure, path)
    return figure
