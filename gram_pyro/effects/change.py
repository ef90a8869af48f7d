"""The effect that changes the values of one kind of sites."""

from collections.abc import Callable
from typing import Any

from pyro.poutine.messenger import Messenger
from torch import Tensor

from gram_pyro.models.sites import Role, mark


class ChangeMessenger(Messenger):
    """Apply a function to the values of one role in every transition: to cut gradients, for instance."""

    def __init__(self, role: Role, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.role, self.function = role, function

    def _pyro_post_sample(self, msg: Any) -> None:
        if mark(msg, "role") == self.role and mark(msg, "transition"):
            msg["value"] = self.function(msg["value"])
