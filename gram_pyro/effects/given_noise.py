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

    `noise` is by role and kind, one entry a transition in the second dimension: `guidance_normal` and `draft_normal` are
    standard normal, `(batch, transitions, ...)` as the sites; `draft_uniform` `(batch, transitions, length)` is uniform
    on [0, 1) and chooses the components of mixtures. Raises `UserError` at a site that draws otherwise.
    """

    def __init__(self, noise: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.noise = noise

    def _pyro_sample(self, msg: Any) -> None:
        if msg["is_observed"] or not isinstance(msg["fn"], dist.torch_distribution.TorchDistributionMixin):
            return
        role = mark(msg, "role")
        if role not in DRAWN:
            raise UserError(f"the site {msg['name']} is neither guidance nor a draft, and no noise is given for it")
        now = {
            kind: noise[:, mark(msg, "transition") - 1]
            for kind in ("normal", "uniform")
            if (noise := self.noise.get(f"{role}_{kind}")) is not None
        }
        try:
            msg["value"], msg["done"] = transformed(msg["fn"], **now), True
        except (KeyError, TypeError) as error:
            raise UserError(f"the site {msg['name']} draws from no Gaussian and no mixture of Gaussians") from error


def transformed(distribution: Any, normal: Tensor, uniform: Tensor | None = None) -> Tensor:
    """Return a draw from a Gaussian `loc + scale * normal`, or from a mixture, where `uniform` chooses the component.

    Raises `TypeError` for another distribution.
    """
    distribution = inner(distribution)
    if isinstance(distribution, torch.distributions.MixtureSameFamily) and uniform is not None:
        component = inner(distribution.component_distribution)
        if isinstance(component, torch.distributions.Normal):
            below = distribution.mixture_distribution.probs.cumsum(-1) <= uniform[..., None]
            chosen = below.long().sum(-1).clamp(max=below.shape[-1] - 1)[..., None, None]
            index = chosen.expand(*chosen.shape[:-1], normal.shape[-1])
            loc, scale = (part.gather(-2, index).squeeze(-2) for part in (component.loc, component.scale))
            return loc + scale * normal  # type: ignore[no-any-return]
    if isinstance(distribution, torch.distributions.Normal):
        return distribution.loc + distribution.scale * normal  # type: ignore[no-any-return]
    raise TypeError(f"{distribution} is no Gaussian")


def inner(distribution: Any) -> Any:
    """Return a distribution without the declarations of its event dimensions."""
    while isinstance(distribution, torch.distributions.Independent):
        distribution = distribution.base_dist
    return distribution
