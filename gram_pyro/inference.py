"""Trajectories from the prior, in depth (steps) and in width (samples)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyro
import torch
from torch import Tensor

from gram_pyro.models.base import Model
from gram_pyro.tasks.base import Problems

MAX_NUMBER = 1_000_000
"""The most samples or steps that are asked for at once."""
MAX_POSITIONS = 2**16
MAX_PAIRS = 2**23


@contextmanager
def seeded(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Draw from a generator of its own, leaving the global one as it was."""
    devices = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@torch.no_grad()
def sample(model: Model, problems: Problems, num_samples: int, steps: Sequence[int], seed: int) -> Tensor:
    """Argmax decodes of prior trajectories: `(len(steps), batch, num_samples, length)`.

    One trajectory a sample runs to the deepest of `steps` (supervision steps, ascending) and is
    decoded at each of them. Trajectories fold into the batch in chunks of bounded size.
    """
    device = next(model.parameters()).device
    count, length = problems.tokens.shape
    owner = torch.arange(count).repeat_interleave(num_samples)
    chunk = max(1, min(MAX_POSITIONS // length, MAX_PAIRS // length**2))
    decoded = torch.empty(len(steps), len(owner), length, dtype=torch.long)
    with seeded(seed, device), pyro.validation_enabled(False):
        for start in range(0, len(owner), chunk):
            rows = slice(start, start + chunk)
            part = problems.select(owner[rows]).to(device)
            state, reached = None, 0
            for i, depth in enumerate(steps):
                state, logits = model(part, steps=depth - reached, state=state, supervise="last")
                decoded[i, rows] = logits.argmax(-1).cpu()
                reached = depth
    return decoded.view(len(steps), count, num_samples, length)
