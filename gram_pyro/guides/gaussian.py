"""The paper's posterior: a Gaussian that also sees the answer."""

import pyro.distributions as dist
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model
from gram_pyro.models.layers import at_least_float32
from gram_pyro.tasks.base import Spec


class GaussianGuide(Guide):
    """q(eps_t | u_t, y) = N(mu(u_t, y), sigma(u_t, y)^2 I), mean and scale relative to the prior's.
    Starts equal to the prior, so that the first KL is zero."""

    sees_mean: bool = True
    """Whether its mean sees the answer; otherwise it is the prior's."""
    sees_scale: bool = True
    """Whether its scale sees the answer; otherwise it is the prior's."""
    detach_prior: bool = True
    """Whether the prior's location and scale, which its own are relative to, are constants to its gradient, so that the
    prior's head learns from the KL alone. Through several transitions only False gives the whole gradient."""

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(model)
        self.add_networks(spec.classes + 1, model.width)

    def add_networks(self, symbols: int, width: int) -> None:
        """Add an embedding of what y says, and the network that moves the prior, which does not at the start."""
        self.embedding = nn.Embedding(symbols, width)
        self.project_in = nn.Linear(width, 2 * width)
        self.project_out = nn.Linear(2 * width, 2 * width)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def site_features(self, name: str) -> Tensor:
        """Return what is known at a site: u_t and y at each position, `(batch, length, width)`."""
        assert self.targets is not None
        return self.proposal(name) + self.embedding(self.targets + 1)  # type: ignore[no-any-return]

    def features(self, name: str, prior: dist.TorchDistribution) -> Tensor:
        """Return what is known where the prior has a guidance: at each position, or pooled over all."""
        features = self.site_features(name)
        return features if prior.event_shape[0] == features.shape[-2] else features.mean(-2, keepdim=True)

    def change(self, name: str, prior: dist.TorchDistribution) -> tuple[Tensor, Tensor]:
        """Return how the answer moves the prior: shift and log ratio of the scale, each of the guidance's shape."""
        change = at_least_float32(self.project_out(F.silu(self.project_in(self.features(name, prior)))))
        return change.chunk(2, -1)  # type: ignore[return-value]

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> dist.TorchDistribution:
        """Return the Gaussian at one transition."""
        shift, log_ratio = self.change(name, prior)
        normal = prior.base_dist
        location, scale = (each.detach() if self.detach_prior else each for each in (normal.loc, normal.scale))
        shift = shift if self.sees_mean else torch.zeros_like(shift)
        log_ratio = log_ratio if self.sees_scale else torch.zeros_like(log_ratio)
        ratio = torch.exp(2 * torch.tanh(log_ratio / 2))
        return dist.Normal(location + scale * shift, scale * ratio).to_event(2)  # type: ignore[no-any-return]
