"""The effect that gives latent sites values from another run."""

from collections.abc import Mapping
from typing import Any

from pyro.poutine.messenger import Messenger
from torch import Tensor


class SubstituteMessenger(Messenger):
    """Give sites the values that they had before, and leave them latent.
    `poutine.condition` would make them observed, and `replay` would take what the guide noted of the prior."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.values = values

    def _pyro_sample(self, msg: Any) -> None:
        if msg["name"] in self.values and not msg["is_observed"]:
            msg["value"], msg["done"] = self.values[msg["name"]], True
