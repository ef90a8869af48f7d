"""A Gaussian posterior whose guidance is correlated between positions."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions.transforms import ReshapeTransform

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model
from gram_pyro.models.layers import at_least_float32
from gram_pyro.tasks.base import Spec

RANK = 4
START = 0.05  # scale of the shared factors at the start, relative to the prior's: close to it, and not stuck at it


class FullLowRank(dist.LowRankMultivariateNormal):
    """In full precision under autocast, which would round the matrix products of the density."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density `(batch,)`."""
        with torch.autocast(value.device.type, enabled=False):
            return super().log_prob(value)  # type: ignore[no-untyped-call, no-any-return]

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw with gradient: `sample_shape + (batch, length * width)`."""
        with torch.autocast(self.loc.device.type, enabled=False):
            return super().rsample(torch.Size(sample_shape))


class LowRankGuide(GaussianGuide):
    """q(eps_t | u_t, y) = N(mu, diag(sigma^2) + W W^T) over all positions at once, W of `RANK` columns, all relative to
    the prior: a factor that positions share moves them together. Its KL is sampled, and so it cannot be balanced."""

    closed_form: ClassVar[bool] = False
    recipe: ClassVar[Mapping[str, Any]] = {"balance": None}

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(spec, model)
        self.project_factors = nn.Linear(model.width, RANK * model.width)
        nn.init.normal_(self.project_factors.weight, std=START * model.width**-0.5)
        nn.init.zeros_(self.project_factors.bias)

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> dist.TorchDistribution:
        """Return the Gaussian at one transition."""
        normal, scale = super().get_posterior(name, prior).base_dist, prior.base_dist.scale
        scale = scale.detach() if self.detach_prior else scale
        length, width = prior.event_shape
        factors = at_least_float32(self.project_factors(self.features(name, prior)))
        factors = scale[..., None] * factors.view(*factors.shape[:-1], width, RANK)
        joint = FullLowRank(normal.loc.flatten(-2), factors.flatten(-3, -2), normal.scale.square().flatten(-2))
        reshape = ReshapeTransform(torch.Size((length * width,)), torch.Size((length, width)))
        return dist.TransformedDistribution(joint, [reshape])  # type: ignore[no-any-return]
