"""Deep supervision with carried state: the batch of half-solved problems between two updates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gram_pyro.models.base import State
from gram_pyro.tasks.base import Examples, Problems, TrainingSet

CHUNK = 2048


class Carry:
    """`batch` problems, each with its target, its latent state and its depth.

    Problems that reached `depth` supervision steps are replaced by new ones. Depths start spread
    evenly, so that every update sees all of them.
    """

    def __init__(
        self,
        training_set: TrainingSet,
        initial: State,
        depth: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
    ) -> None:
        self.training_set = training_set
        self.initial = initial
        self.depth = depth
        self.generator = generator
        self.device = device
        batch = len(initial.high)
        self.state = State(initial.high.clone(), initial.low.clone())
        self.depths = torch.arange(batch) * depth // batch
        self._refill()
        self.examples = self._take(batch)

    def advance(self, state: State) -> None:
        """Store the state after a supervision step, then replace the problems that are finished."""
        self.state = state.detach()
        self.depths += 1
        finished = (self.depths >= self.depth).nonzero()[:, 0]
        if not len(finished):
            return
        self.depths[finished] = 0
        fresh = self._take(len(finished))
        finished = finished.to(self.device)
        for old, new in zip(_tensors(self.examples), _tensors(fresh), strict=True):
            old[finished] = new
        for latent, start in zip(self.state, self.initial, strict=True):
            latent[finished] = start[: len(finished)]

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on exactly here."""
        return {
            "state": list(self.state),
            "depths": self.depths,
            "examples": _tensors(self.examples),
            "chunk_start": self._chunk_start,
            "cursor": self._cursor,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.state = State(*(latent.to(self.device) for latent in saved["state"]))
        self.depths = saved["depths"]
        for old, new in zip(_tensors(self.examples), saved["examples"], strict=True):
            old.copy_(new)
        self.generator.set_state(saved["chunk_start"])
        self._refill()
        self._cursor = saved["cursor"]

    def _refill(self) -> None:
        self._chunk_start = self.generator.get_state()
        self._chunk = self.training_set.draw(CHUNK, self.generator)
        self._cursor = 0

    def _take(self, count: int) -> Examples:
        if self._cursor + count > CHUNK:
            self._refill()
        rows = slice(self._cursor, self._cursor + count)
        self._cursor += count
        (tokens, relations), targets = self._chunk
        problems = Problems(tokens[rows].clone(), None if relations is None else relations[rows].clone())
        return Examples(problems.to(self.device), targets[rows].clone().to(self.device))


def _tensors(examples: Examples) -> list[Tensor]:
    (tokens, relations), targets = examples
    return [tokens, targets] if relations is None else [tokens, relations, targets]
