"""Trajectories from the prior, in depth (steps) and in width (samples)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import pyro
import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.effects.repel import RepelMessenger
from gram_pyro.errors import UserError
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.smc import ParticleFilter
from gram_pyro.models.base import Answers, Model, Outcome, State
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.tasks.base import Problems

MAX_POSITIONS = 2**16
CPU_POSITIONS = 2**13  # positions together on a CPU, whose caches are small: 1.6 times as fast as MAX_POSITIONS
MAX_PAIRS = 2**23
MAX_COUPLED = 2**23  # pairs of samples times positions that are compared at once

DRAWING = threading.RLock()
"""Held while something is drawn: torch's generator and Pyro's stack of effects are one for all threads."""

Progress = Callable[[int], object]


class Draws(NamedTuple):
    """Samples of a batch of problems at one or more depths."""

    decoded: Tensor
    """Argmax decodes `(depths, batch, samples, length)`."""
    values: Tensor | None
    """v(z_t) `(depths, batch, samples)`: the value head's probability of a right end; None without heads."""
    spent: Tensor
    """Supervision steps `(depths, batch, samples)`: evaluations of the network, heads and repulsion not counted."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from generators of one's own, leaving the global ones as they were; one thread at a time."""
    with DRAWING, torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@torch.inference_mode(False)
@torch.no_grad()
def sample(
    model: Model,
    problems: Problems,
    num_samples: int,
    steps: Sequence[int],
    seed: int,
    *,
    method: SamplingConfig = INDEPENDENT,
    heads: Heads | None = None,
    equivalence_probs: Callable[[Tensor], Tensor] = lambda probabilities: probabilities,
    progress: Progress | None = None,
) -> Draws:
    """Return argmax decodes of prior trajectories.

    A trajectory a sample runs to the deepest of `steps` (supervision steps, ascending) and is decoded at each of them,
    unless it halts before; planned steps run anew for each, a model that draws nothing runs once for all samples.
    Particles are decoded before they are resampled. `equivalence_probs` is the task's, for `method.repel`. `progress`
    takes the number of steps, of all trajectories together, that were done or are not needed any more.
    Raises `UserError` if the method needs heads, a latent state or guidance that are not there, or if too many samples
    would have to know of each other.
    """
    method = method.resolved(model, heads)
    method.check(model, heads)
    if num_samples > 1 and not (model.draws or method.draws or method.couples):
        for_all = None if progress is None else lambda done: progress(num_samples * done)
        single = sample(model, problems, 1, steps, seed, method=method, heads=heads, progress=for_all)
        return Draws(*(None if part is None else part.repeat_interleave(num_samples, 2) for part in single))  # type: ignore[arg-type]
    device = next(model.parameters()).device
    count, length = problems.tokens.shape
    owner = torch.arange(count).repeat_interleave(num_samples)
    chunk = chunk_size(num_samples, length, device, method)
    parts: list[Draws] = []
    with seeded(seed), pyro.validation_enabled(False):
        for start in range(0, len(owner), chunk):
            part = problems.select(owner[start : start + chunk]).to(device)
            if model.recursion == "carried":
                parts.append(_run(model, part, num_samples, steps, method, heads, equivalence_probs, progress))
                continue
            parts.append(_run_anew(model, part, steps, method))
            if progress is not None:
                progress(len(part.tokens) * max(steps))
    shape = (len(steps), count, num_samples)
    joined = (None if part[0] is None else torch.cat(part, 1) for part in zip(*parts, strict=True))
    return Draws(*(None if part is None else part.view(*shape, *part.shape[2:]) for part in joined))  # type: ignore[arg-type]


def chunk_size(num_samples: int, length: int, device: torch.device, method: SamplingConfig) -> int:
    """Return how many trajectories run at once; those of a problem stay together where they know of each other."""
    positions = min(MAX_POSITIONS, CPU_POSITIONS) if device.type == "cpu" else MAX_POSITIONS
    chunk = max(1, min(positions // length, MAX_PAIRS // length**2))
    if not method.couples:
        return chunk
    most = max(1, min(MAX_POSITIONS // length, MAX_PAIRS // length**2))
    if method.repel:
        most = min(most, int((MAX_COUPLED / length) ** 0.5))
        chunk = min(chunk, MAX_COUPLED // (num_samples * length))
    if num_samples > most:
        raise UserError(f"at most {most:,} samples of this problem can know of each other, not {num_samples:,}")
    return max(num_samples, chunk // num_samples * num_samples)


def _run(
    model: Model,
    problems: Problems,
    num_samples: int,
    steps: Sequence[int],
    method: SamplingConfig,
    heads: Heads | None,
    equivalence_probs: Callable[[Tensor], Tensor],
    progress: Progress | None,
) -> Draws:
    """Run one chunk: draws of shape `(depths, rows, ...)`."""
    rows, length = problems.tokens.shape
    device = problems.tokens.device
    decoded = torch.empty(len(steps), rows, length, dtype=torch.long)
    values = torch.empty(len(steps), rows)
    spent = torch.empty(len(steps), rows, dtype=torch.long)
    last = torch.full((rows, length), -1)
    particles = ParticleFilter(rows // num_samples, num_samples) if method.resample else None
    repel = RepelMessenger(model.decode, equivalence_probs, num_samples, method.repel, method.repel_iterations)
    running, patient = torch.arange(rows), torch.zeros(rows, dtype=torch.long)
    state = None
    if method.random_start:
        state = model.start_of(rows, problems).map(torch.randn_like)
    reached = 0
    for target, depth in _legs(steps, method):
        apart = method.repel > 0 and reached < method.repel_steps
        with repel if apart else nullcontext():
            outcome = _advance(model, problems, depth - reached, state, method.noise, progress)
        state, reached = outcome.state, depth
        if apart and num_samples > 1 and not repel.met:
            raise UserError("the model draws no guidance, so that its samples cannot repel each other")
        answers = answers_of(outcome, method).cpu()
        wants = (answers == last[running]).all(1) & (method.halt == "settled")
        decoded[target:, running], last[running] = answers, answers
        spent[target:, running] = depth
        if heads is not None:
            logits = heads(state.high, problems)
            values[target:, running] = logits.value.sigmoid().cpu()
            wants |= halting(logits, method).cpu()
            if particles is not None:
                log_values = F.logsigmoid(logits.value).view(-1, num_samples).cpu()
                ancestors = particles.step(log_values) + torch.arange(0, rows, num_samples)[:, None]
                state = state.select(ancestors.flatten().to(device))
        patient = torch.where(wants, patient + 1, 0)
        going = patient < method.halt_patience
        if not going.all():
            if progress is not None:
                progress(int((~going).sum()) * (max(steps) - depth))
            running, patient = running[going], patient[going]
            if not len(running):
                break
            rest = going.nonzero()[:, 0].to(device)
            problems, state = problems.select(rest), state.select(rest)
    return Draws(decoded, None if heads is None else values, spent)


def _advance(
    model: Model, problems: Problems, steps: int, state: State | None, noise: float, progress: Progress | None
) -> Outcome:
    """Carry trajectories on and decode them at the end; step by step where noise comes in or progress is reported."""
    legs = [steps] if noise == 0 and progress is None else [1] * steps
    for left, leg in zip(reversed(range(len(legs))), legs, strict=True):
        if noise > 0:
            state = model.start_of(len(problems.tokens), problems) if state is None else state
            state = state._replace(high=state.high + noise * torch.randn_like(state.high))
        outcome: Outcome = model(problems, steps=leg, state=state, supervise="none" if left else "last")
        state = outcome.state
        if progress is not None:
            progress(len(problems.tokens))
    return outcome


def _run_anew(model: Model, problems: Problems, steps: Sequence[int], method: SamplingConfig) -> Draws:
    """Run one chunk of a model without a state to carry: once for each depth, or once for all if there are none."""
    depths = steps if model.recursion == "planned" else [1]
    runs = [answers_of(model(problems, steps=depth, supervise="last"), method).cpu() for depth in depths]
    spent = torch.tensor(depths)[:, None].expand(len(steps), len(problems.tokens))
    return Draws(torch.stack(runs).expand(len(steps), -1, -1), None, spent)


def answers_of(outcome: Outcome, method: SamplingConfig) -> Tensor:
    """Return the answers `(batch, length)` that a run ends in."""
    return Answers(outcome.logits).sample() if method.categorical and outcome.drawn is None else outcome.answers


def _legs(steps: Sequence[int], method: SamplingConfig) -> Iterator[tuple[int, int]]:
    """Yield place in `steps` and depth of each stop: every step where heads decide on the way, else those wanted.
    A stop before the first depth wanted counts for it: a trajectory that halts keeps its answer."""
    stops = set(steps)
    if method.watches:
        stops |= {*range(1, max(steps))}
    elif method.repel and method.repel_steps < max(steps):
        stops.add(method.repel_steps)
    target = 0
    for depth in sorted(stops):
        yield target, depth
        target += depth in steps


def halting(logits: HeadLogits, method: SamplingConfig) -> Tensor:
    """Return which trajectories want to halt: `(batch,)`."""
    if method.halt == "simple":
        return logits.halt.sigmoid() > method.halt_threshold
    if method.halt == "q":
        return logits.halt > logits.proceed
    return torch.zeros_like(logits.halt, dtype=torch.bool)
