"""A posterior that bends: a conditional normalizing flow on the guidance."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import pyro.distributions as dist
import torch
import torch.nn.functional as F
from pyro.distributions import transforms
from torch import Tensor, nn

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model
from gram_pyro.models.layers import at_least_float32
from gram_pyro.tasks.base import Spec

COUPLINGS = 2


class Coupler(nn.Module):
    """How one half of a position's guidance moves the other, given its features; nothing at the start."""

    def __init__(self, fixed: int, moved: int, context: int) -> None:
        super().__init__()
        self.fixed = fixed
        self.project_in = nn.Linear(fixed + context, 2 * context)
        self.project_out = nn.Linear(2 * context, 2 * moved)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def forward(self, fixed: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return shift and log scale, each `(..., moved)`."""
        hidden = F.silu(self.project_in(torch.cat((fixed, context.expand(*fixed.shape[:-1], -1)), -1)))
        shift, log_scale = at_least_float32(self.project_out(hidden)).chunk(2, -1)
        return shift, torch.tanh(log_scale)


class FlowGuide(GaussianGuide):
    """q(eps_t | u_t, y): the Gaussian posterior, then affine couplings (RealNVP) that see u_t and y: each keeps half
    of a position's features and moves the other. Its KL is sampled, and so it cannot be balanced."""

    closed_form: ClassVar[bool] = False
    recipe: ClassVar[Mapping[str, Any]] = {"balance": None}

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(spec, model)
        parts = model.width // 2, model.width - model.width // 2
        self.couplers = nn.ModuleList(Coupler(parts[i % 2], parts[1 - i % 2], model.width) for i in range(COUPLINGS))

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> dist.TorchDistribution:
        """Return the flow at one transition."""
        normal = super().get_posterior(name, prior).base_dist
        context = self.features(name, prior)
        flip = torch.arange(normal.loc.shape[-1] - 1, -1, -1, device=normal.loc.device)
        parts: list[Any] = []
        for coupler in self.couplers:
            moves = partial(coupler, context=context)
            parts += [transforms.AffineCoupling(coupler.fixed, moves), transforms.Permute(flip)]
        parts.append(transforms.AffineTransform(normal.loc, normal.scale, event_dim=2))
        noise = dist.Normal(torch.zeros_like(normal.loc), torch.ones_like(normal.scale)).to_event(2)
        return dist.TransformedDistribution(noise, parts)  # type: ignore[no-any-return]
