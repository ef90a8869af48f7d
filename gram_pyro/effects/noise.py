"""The effect that shakes a recursion which draws nothing itself."""

from __future__ import annotations

from typing import Any

import torch
from pyro.poutine.messenger import Messenger

from gram_pyro.models.sites import mark


class NoiseMessenger(Messenger):
    """Add N(0, scale^2) to h after every transition.

    What a sceptic would try first: a deterministic model that gives many answers without having
    learned to (Probabilistic TRM does it at test time, and lets the halt head choose).
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def _pyro_post_sample(self, msg: Any) -> None:
        if mark(msg, "role") == "high" and mark(msg, "transition"):
            msg["value"] = msg["value"] + self.scale * torch.randn_like(msg["value"])
