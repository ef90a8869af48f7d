"""The effect that turns a program into a function of its noise."""

from collections.abc import Mapping
from typing import Any

import pyro.distributions as dist
import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.models.sites import DRAWN, mark


class GivenNoise(Messenger):
    """Let guidance and drafts apply their distributions to noise that is given, so that nothing is drawn.

    `noise` is by name: `guidance_normal` and `draft_normal` `(batch, transitions, length, ...)` are standard normal,
    and `draft_uniform` `(batch, transitions, length)`, uniform on [0, 1), chooses the components of mixtures. Raises
    `UserError` at a site that draws otherwise.
    """

    def __init__(self, noise: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.noise = noise

    def _pyro_sample(self, msg: Any) -> None:
        if msg["is_observed"] or not isinstance(msg["fn"], dist.torch_distribution.TorchDistributionMixin):
            return
        role, transition = mark(msg, "role"), mark(msg, "transition")
        if role not in DRAWN or f"{role}_normal" not in self.noise:
            raise UserError(f"no noise is given for the site {msg['name']}")
        normal, uniform = self.noise[f"{role}_normal"], self.noise.get(f"{role}_uniform")
        uniform = None if uniform is None else uniform[:, transition - 1]
        try:
            msg["value"] = transformed(msg["fn"], normal[:, transition - 1], uniform)
        except TypeError as error:
            raise UserError(f"the site {msg['name']} cannot be drawn from given noise: {error}") from None
        msg["done"] = True


def transformed(distribution: Any, normal: Tensor, uniform: Tensor | None = None) -> Tensor:
    """Return a draw from a Gaussian `loc + scale * normal`, or from a mixture, where `uniform` chooses the component.

    Raises `TypeError` for another distribution.
    """
    distribution = inner(distribution)
    if isinstance(distribution, torch.distributions.MixtureSameFamily) and uniform is not None:
        below = distribution.mixture_distribution.probs.cumsum(-1) <= uniform[..., None]
        chosen = below.long().sum(-1).clamp(max=below.shape[-1] - 1)[..., None, None]
        chosen = chosen.expand(*chosen.shape[:-1], normal.shape[-1])
        distribution = inner(distribution.component_distribution)
        loc, scale = (part.gather(-2, chosen).squeeze(-2) for part in (distribution.loc, distribution.scale))
    elif isinstance(distribution, torch.distributions.Normal):
        loc, scale = distribution.loc, distribution.scale
    else:
        raise TypeError(f"{type(distribution).__name__} is neither a Gaussian nor a mixture of Gaussians")
    drawn: Tensor = loc + scale * normal
    return drawn


def inner(distribution: Any) -> Any:
    """Return a distribution without the declarations of its event dimensions."""
    while isinstance(distribution, torch.distributions.Independent):
        distribution = distribution.base_dist
    return distribution
