"""Trajectories as they go: an animated picture."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyro
import torch
from PIL import Image
from pyro import poutine
from torch import Tensor

from gram_pyro.inference.judge import Judged, ViolationCache, judge
from gram_pyro.inference.pictures import caption, empty_panels
from gram_pyro.inference.sampling import seeded
from gram_pyro.models.base import Model
from gram_pyro.models.sites import sites_of
from gram_pyro.system.figures import png_of
from gram_pyro.system.files import write_atomically
from gram_pyro.tasks import Task
from gram_pyro.tasks.base import Problems

SHOWN = 8
MAX_FRAMES = 32
STEP, END = 250, 3000  # milliseconds that a picture stays, and the last
DOTS_AN_INCH = 70
COLORS = 64


@torch.inference_mode(False)
@torch.no_grad()
def trajectories(model: Model, problems: Problems, steps: int, seed: int) -> Tensor:
    """Return what one prior trajectory a problem would answer after each of its steps, `(steps, batch, length)`.

    A model that answers only at its end has one such step.
    """
    with seeded(seed), pyro.validation_enabled(False), poutine.trace() as tracer:
        outcome = model(problems, steps=steps, supervise="every")
    logits = [site["fn"].logits for _, site in sites_of(tracer.trace.nodes, "answer")]
    before = [each.argmax(-1) for each in logits[:-1] if each.shape == outcome.logits.shape]
    return torch.stack([*before, outcome.answers])


def different(judged: Judged) -> list[int]:
    """Return which samples to show: each solution once, then what is left, the best first."""
    firsts = {judged.canonical.index(answer) for answer in judged.canonical}
    order = sorted(range(len(judged.answers)), key=lambda i: (judged.violations[i] > 0, i not in firsts))
    return order[:SHOWN]


def animate(
    task: Task, model: Model, problem: Any, path: Path, samples: int, steps: int, seed: int,
    progress: Callable[..., Any],
) -> None:  # fmt: skip
    """Write a GIF of prior trajectories of a problem: up to eight of `samples` that end in different solutions.

    `progress` wraps the list of its pictures, as `tqdm` does.
    """
    device = next(model.parameters()).device
    x = task.encode([problem]).select(torch.zeros(samples, dtype=torch.long)).to(device)
    answers = trajectories(model, x, steps, seed).cpu()
    shown = different(judge(task, problem, answers[-1].tolist()))
    times = torch.linspace(0, len(answers) - 1, min(len(answers), MAX_FRAMES)).round().long().tolist()
    figure, seen = empty_panels(len(shown)), ViolationCache()
    frames: list[Image.Image] = []
    for time in progress(times, desc="pictures"):
        judged = judge(task, problem, answers[time, shown].tolist(), seen)
        for panel, answer, count in zip(figure.axes, judged.answers, judged.violations, strict=False):
            panel.clear()
            task.draw(problem, answer, panel)
            panel.set_title(caption(count), fontsize=10)
        figure.suptitle(f"step {time + 1} of {len(answers)}")
        frames.append(Image.open(io.BytesIO(png_of(figure, DOTS_AN_INCH))).convert("RGB").quantize(COLORS))
        figure.set_layout_engine("none")  # that of the first picture serves all
    buffer, durations = io.BytesIO(), [STEP] * (len(frames) - 1) + [END]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_atomically(path, buffer.getvalue())
