"""Training without walking: every problem at a random step of its trajectory, with a state drawn for it."""

from typing import Any

import torch
from torch import Tensor

from gram_pyro.models.base import Model, State
from gram_pyro.training.carry import Carry


class Moments(Carry):
    """Problems that are new at each update, each at a random step of its trajectory, for a model that `jumps`. The
    posterior steers all of them from their start."""

    def __init__(self, model: Model, *args: Any, **kwargs: Any) -> None:
        self.jump = model.jump
        super().__init__(*args, **kwargs)
        self._spread()

    def advance(self, state: State, logits: Tensor) -> None:
        """Replace all problems."""
        batch = len(self.depths)
        self.examples = self._take(batch)
        self.lengths, self.orders = self._plan(batch)
        self._spread()

    def _spread(self) -> None:
        self.depths = (torch.rand(len(self.lengths), generator=self.plans) * self.lengths).long()
        self._place(self.initial.map(lambda latent: latent[self.rows]))
        noise = torch.randn(self.initial.low.shape, generator=self.plans)[self.rows].to(self.device)
        self.state = self.jump(self.state, self.examples.targets[self.rows], noise)
