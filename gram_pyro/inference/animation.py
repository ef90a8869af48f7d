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

from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.judge import Judged, ViolationCache, judge
from gram_pyro.inference.pictures import caption, empty_panels
from gram_pyro.inference.sampling import chunk_size, sample, seeded
from gram_pyro.models.base import Model
from gram_pyro.models.sites import mark, sites_of
from gram_pyro.runs.store import Run
from gram_pyro.system.figures import png_of
from gram_pyro.system.files import write_atomically
from gram_pyro.tasks import Answer
from gram_pyro.tasks.base import Problems

SHOWN = 8
MAX_FRAMES = 32
STEP, END = 250, 3000  # milliseconds that a picture stays, and the last
DOTS_AN_INCH = 70
COLORS = 64


def trajectories(run: Run, problem: Any, samples: int, steps: int, seed: int, method: SamplingConfig) -> Tensor:
    """Return what prior trajectories of a problem would answer after each of their steps, `(steps, samples, length)`.

    Where the state is carried they run as `method` says, else independently; a model that answers only at its end has
    one such step.
    """
    model, x = run.model, run.task.encode([problem])
    if model.recursion == "carried":
        probs, depths = run.task.equivalence_probs, range(1, steps + 1)
        drawn = sample(model, x, samples, depths, seed, method=method, heads=run.heads, equivalence_probs=probs)
        return drawn.decoded[:, 0]
    chunk = chunk_size(samples, x.tokens.shape[1], run.device, INDEPENDENT)
    owner = torch.zeros(samples, dtype=torch.long)
    parts = [x.select(owner[start : start + chunk]).to(run.device) for start in range(0, samples, chunk)]
    with seeded(seed), pyro.validation_enabled(False):
        return torch.cat([answers_by_step(model, part, steps) for part in parts], 1)


@torch.inference_mode(False)
@torch.no_grad()
def answers_by_step(model: Model, problems: Problems, steps: int) -> Tensor:
    """Return the likeliest answers at each step of one run, `(steps, batch, length)`; what is drawn and fixed stays."""
    with poutine.trace() as tracer, poutine.block(hide_fn=lambda site: mark(site, "role") != "answer"):
        outcome = model(problems, steps=steps, supervise="every")
    answers: list[Tensor] = []
    fixed = torch.full_like(outcome.answers, -1)
    for _, site in sites_of(tracer.trace.nodes, "answer"):
        likelihood = site["fn"]
        if likelihood.logits.shape == outcome.logits.shape:
            if likelihood.answer_mask is not None:
                fixed = site["value"].where(likelihood.answer_mask, fixed)
            answers.append(fixed.where(fixed >= 0, likelihood.logits.argmax(-1)))
    return torch.stack([*answers[:-1], outcome.answers]).cpu()


def different(judged: Judged) -> list[int]:
    """Return the first sample of each different answer, those that break the fewest constraints first."""
    firsts: dict[Answer, int] = {}
    for i, answer in enumerate(judged.canonical):
        firsts.setdefault(answer, i)
    return sorted(firsts.values(), key=lambda i: judged.violations[i])


def animate(
    run: Run,
    problem: Any,
    path: Path,
    samples: int,
    steps: int,
    seed: int,
    progress: Callable[..., Any],
    method: SamplingConfig = INDEPENDENT,
) -> None:
    """Write a GIF of up to eight of `samples` prior trajectories of a problem, which end in different answers.

    `progress` wraps the list of its pictures, as `tqdm` does.
    """
    answers = trajectories(run, problem, samples, steps, seed, method)
    shown = different(judge(run.task, problem, answers[-1].tolist()))[:SHOWN]
    times = torch.linspace(0, len(answers) - 1, min(len(answers), MAX_FRAMES)).round().long().tolist()
    figure, seen = empty_panels(len(shown)), ViolationCache()
    frames: list[Image.Image] = []
    drawn: list[Answer | None] = [None] * len(shown)
    for time in progress(times, desc="pictures"):
        judged = judge(run.task, problem, answers[time, shown].tolist(), seen)
        for i, (answer, count) in enumerate(zip(judged.answers, judged.violations, strict=True)):
            if answer != drawn[i]:
                figure.axes[i].clear()
                run.task.draw(problem, answer, figure.axes[i])
                figure.axes[i].set_title(caption(run.task, problem, count), fontsize=10)
                drawn[i] = answer
        figure.suptitle(f"step {time + 1} of {len(answers)}")
        frames.append(Image.open(io.BytesIO(png_of(figure, DOTS_AN_INCH))).convert("RGB").quantize(COLORS))
        figure.set_layout_engine("none")  # that of the first picture serves all
    buffer, durations = io.BytesIO(), [STEP] * (len(frames) - 1) + [END]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_atomically(path, buffer.getvalue())
