"""The effect that decides how far gradients see."""

from typing import Any, Literal

import torch
from pyro.poutine.messenger import Messenger

from gram_pyro.models.sites import DRAWN, mark


class HorizonMessenger(Messenger):
    """Let gradients run through the last `horizon` transitions only; everything before runs without a graph.

    With `kl_transitions="all"` guidance heads outside the horizon keep a graph of their own, their input detached, for
    their KL. The state written last (`low`) switches the graph on where the horizon begins.
    """

    def __init__(self, horizon: int | None, kl_transitions: Literal["last", "all"]) -> None:
        super().__init__()
        self.horizon, self.kl_transitions = horizon, kl_transitions

    def __enter__(self) -> Any:
        self.grad_enabled = torch.is_grad_enabled()
        return super().__enter__()

    def __exit__(self, *args: Any) -> None:
        torch.set_grad_enabled(self.grad_enabled)
        super().__exit__(*args)

    def _pyro_post_sample(self, msg: Any) -> None:
        role, remaining = mark(msg, "role"), mark(msg, "remaining")
        if remaining is None or self.horizon is None or not self.grad_enabled or role in DRAWN:
            return
        if role == "proposal":
            if remaining >= self.horizon and self.kl_transitions == "all":
                msg["value"] = msg["value"].detach()
                torch.set_grad_enabled(True)
        elif remaining >= self.horizon:
            msg["value"] = msg["value"].detach()
            torch.set_grad_enabled(remaining == self.horizon)
