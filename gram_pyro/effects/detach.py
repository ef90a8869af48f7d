"""The effect that cuts gradients at sites of one kind."""

from __future__ import annotations

from typing import Any

from pyro.poutine.messenger import Messenger

from gram_pyro.models.sites import Role, mark


class DetachMessenger(Messenger):
    """Let no gradient through sites of one role, such as `guidance`."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role

    def _pyro_post_sample(self, msg: Any) -> None:
        if mark(msg, "role") == self.role:
            msg["value"] = msg["value"].detach()
