"""Problems of several sizes in one training: each update takes a batch of one of them."""

from collections.abc import Sequence
from typing import Any

import torch

from gram_pyro.training.carry import Carry


class Lanes:
    """A `Carry` for each part of a task, which stands in for the one of this update.

    In every pass over them each has one update, in random order.
    """

    def __init__(self, carries: Sequence[Carry], seed: int) -> None:
        self.carries, self.seed, self.updates = carries, seed, 0

    @property
    def current(self) -> Carry:
        """The carry of this update."""
        passes, place = divmod(self.updates, len(self.carries))
        generator = torch.Generator().manual_seed(self.seed + passes)
        return self.carries[int(torch.randperm(len(self.carries), generator=generator)[place])]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.current, name)

    def advance(self, *reached: Any) -> None:
        """Advance the carry of this update, as `Carry.advance` does."""
        self.current.advance(*reached)
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on exactly here."""
        return {"updates": self.updates, "carries": [carry.state_dict() for carry in self.carries]}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.updates = saved["updates"]
        for carry, state in zip(self.carries, saved["carries"], strict=True):
            carry.load_state_dict(state)
