"""Pictures of answers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from gram_pyro.inference.judge import judge
from gram_pyro.system.figures import Picture, save_figure
from gram_pyro.tasks import Answer, Task

WHITE, GAP = 255, 160
SHEET_INCHES, MAX_INCHES, PIXELS_AN_INCH = 6, 20, 40


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
    draw_answers(task, shown, answers, path, [caption(task, *each) for each in zip(shown, violations, strict=True)])


def caption(task: Task, problem: Any, violations: int) -> str:
    """What is said above a picture; nothing where there is nothing to violate."""
    if not task.checks(problem):
        return ""
    return f"{violations} violated" if violations else task.wording.valid


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
    return finished(figure, path, title)


def draw_sheet(
    task: Task, problem: Any, answers: Sequence[Answer], path: Path | None = None, title: str | None = None
) -> Figure:
    """Draw pictorial answers to a problem as small images side by side in a square; as PNG if a path is given."""
    images = np.stack([task.raster(problem, answer) for answer in answers])
    count, height, width, _ = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    framed = np.full((rows * columns, height + 1, width + 1, 3), WHITE, np.uint8)
    framed[:count] = GAP
    framed[:count, :-1, :-1] = images
    tiles = framed.reshape(rows, columns, height + 1, width + 1, 3).swapaxes(1, 2)
    sheet = tiles.reshape(rows * (height + 1), -1, 3)[:-1, :-1]
    inches = min(max(SHEET_INCHES, sheet.shape[1] / PIXELS_AN_INCH), MAX_INCHES)
    figure = Picture(figsize=(inches, inches * rows / columns + 0.5), layout="constrained")
    panel = figure.add_subplot()
    panel.imshow(sheet)
    panel.set_axis_off()
    return finished(figure, path, title)


def finished(figure: Figure, path: Path | None, title: str | None) -> Figure:
    """Return a figure with its title; written as PNG if a path is given."""
    if title:
        figure.suptitle(title, wrap=True)
    if path is not None:
        save_figure(figure, path)
    return figure
