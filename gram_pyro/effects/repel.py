"""The effect that keeps the samples of one problem apart."""

from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.models.sites import mark

FLOOR = 1e-6
Map = Callable[[Tensor], Tensor]


class RepelMessenger(Messenger):
    """Draw the guidance of the samples of one problem so that they decode to different answers.

    After this transition samples i and j coincide with probability `k_ij = prod_l sum_c P_ilc P_jlc`, P the decoder's
    probabilities. The guidance is drawn as always, and its standard noise then moves by gradient descent on
    `sum_i log sum_{j != i} k_ij`, `iterations` moves of length `push` for each sample: runs of the decoder alone.
    `decode` and `equivalence_probs` are those of model and task. The batch is problem-major, `samples` rows each.
    """

    def __init__(self, decode: Map, equivalence_probs: Map, samples: int, push: float, iterations: int) -> None:
        super().__init__()
        self.decode, self.equivalence_probs = decode, equivalence_probs
        self.samples, self.push, self.iterations = samples, push, iterations
        self.proposal: Tensor | None = None
        self.met = False
        """Whether there was any guidance."""

    def _pyro_post_sample(self, msg: Any) -> None:
        if mark(msg, "role") == "proposal":
            self.proposal = msg["value"]

    def _pyro_sample(self, msg: Any) -> None:
        if mark(msg, "role") != "guidance" or self.samples == 1:
            return
        normal = getattr(msg["fn"], "base_dist", None)
        if type(normal) is not dist.Normal:
            raise UserError(f"only Gaussian guidance can be repelled, and {msg['name']} is {type(msg['fn']).__name__}")
        self.met = True
        noise = torch.randn_like(normal.loc)
        for _ in range(self.iterations):
            force = self._force(noise, normal)
            noise = noise - self.push * force / force.flatten(1).norm(dim=1).clamp(min=FLOOR)[:, None, None]
        msg["value"] = normal.loc + normal.scale * noise
        msg["done"] = True

    @torch.enable_grad()
    def _force(self, noise: Tensor, normal: dist.Normal) -> Tensor:
        """Return where the noise of each sample makes coincidence likelier: `(batch, length, width)`."""
        noise = noise.detach().requires_grad_()
        assert self.proposal is not None
        probs = self.equivalence_probs(self.decode(self.proposal + normal.loc + normal.scale * noise).softmax(-1))
        probs = probs.view(-1, self.samples, *probs.shape[1:])
        same = torch.einsum("pikc,pjkc->pijk", probs, probs).clamp(min=FLOOR).log().sum(-1)
        itself = torch.eye(self.samples, dtype=torch.bool, device=same.device)
        return torch.autograd.grad(same.masked_fill(itself, -torch.inf).logsumexp(-1).sum(), noise)[0]
