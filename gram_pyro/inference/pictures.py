"""Pictures of answers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from gram_pyro.inference.judge import judge
from gram_pyro.system.figures import Picture, save_figure
from gram_pyro.tasks import Answer, Task


def draw_samples(task: Task, problems: Sequence[Any], values: Tensor, path: Path) -> None:
    """Draw different samples of the same problems: a row of four each for three that have as many.
    `values` `(problems, samples, length)` are decoded samples, valid or not."""
    found = []
    for problem, rows in zip(problems, values.tolist(), strict=True):
        judged = judge(task, problem, rows)
        distinct = dict(zip(judged.canonical, judged.violations, strict=True))
        found.append([(problem, *each) for each in distinct.items()][:4])
    found.sort(key=len, reverse=True)
    shown, answers, violations = zip(*(each for several in found[:3] for each in several), strict=True)
    draw_answers(task, shown, answers, path, [*map(caption, violations)])


def caption(violations: int) -> str:
    """What is said above a picture."""
    return f"{violations} violated" if violations else "valid"


def empty_panels(count: int) -> Figure:
    """Return a figure of so many panels, four in a row."""
    columns = min(4, count)
    rows = math.ceil(count / columns)
    figure = Picture(figsize=(max(6, 3 * columns), 3 * rows + 0.5), layout="constrained")
    for panel in figure.subplots(rows, columns, squeeze=False).flat:
        panel.set_axis_off()
    return figure


def draw_answers(
    task: Task,
    problems: Sequence[Any],
    answers: Sequence[Answer | None],
    path: Path | None = None,
    captions: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a grid of problems with one answer each, broken constraints marked; as PNG if a path is given."""
    figure = empty_panels(len(problems))
    for panel, problem, answer in zip(figure.axes, problems, answers, strict=False):
        task.draw(problem, answer, panel)
    for panel, caption in zip(figure.axes, captions or [], strict=False):
        panel.set_title(caption, fontsize=10)
    if title:
        figure.suptitle(title, wrap=True)
    if path is not None:
        save_figure(figure, path)
    return figure
