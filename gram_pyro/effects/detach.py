"""The effect that cuts gradients at sites of one kind."""

from __future__ import annotations

from typing import Any

from pyro.poutine.messenger import Messenger


class DetachMessenger(Messenger):
    """Let no gradient through sites whose name starts with `prefix`, such as `guidance`."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def _pyro_post_sample(self, msg: Any) -> None:
        if msg["name"].startswith(self.prefix):
            msg["value"] = msg["value"].detach()
