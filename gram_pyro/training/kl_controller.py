"""Holding the KL at a target by moving its coefficient."""

import torch
from torch import Tensor


class KLController:
    """Move log beta so that the mean KL of a supervision step stays at a target.
    After every update `beta <- beta * exp(rate * clip(KL / target - 1, -1, 1))`, on the device."""

    def __init__(self, beta: float, rate: float, device: torch.device | str = "cpu") -> None:
        self.log_beta = torch.tensor(beta, device=device).log()
        self.rate = rate

    @property
    def beta(self) -> Tensor:
        """The coefficient, a scalar tensor."""
        return self.log_beta.exp()

    def update(self, kl: Tensor, target: float) -> None:
        """Take the mean KL (nats per supervision step) that the last update saw."""
        self.log_beta = self.log_beta + self.rate * (kl.detach() / target - 1).clamp(-1, 1)
