"""A posterior where a problem has an answer, the prior where it has none."""

from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from pyro.distributions.util import detach
from torch import Tensor
from torch.distributions import Distribution, kl_divergence, register_kl


class Steered(dist.TorchDistribution):
    """Draws from `posterior` in rows that are `steered` `(batch,)`, from `prior` in the others."""

    arg_constraints: ClassVar = {}

    def __init__(self, posterior: dist.TorchDistribution, prior: dist.TorchDistribution, steered: Tensor) -> None:
        self.posterior, self.prior, self.steered = posterior, prior, steered
        self.has_rsample = posterior.has_rsample
        super().__init__(posterior.batch_shape, posterior.event_shape, validate_args=False)

    @property
    def base_dist(self) -> dist.TorchDistribution:
        """The posterior."""
        return self.posterior

    def expand(self, batch_shape: Any, _instance: Any = None) -> dist.TorchDistribution:
        """Return itself where nothing changes."""
        shape = torch.Size(batch_shape)
        if shape == self.batch_shape:
            return self
        return Steered(self.posterior.expand(shape), self.prior.expand(shape), self.steered.expand(shape))

    @property
    def support(self) -> Any:
        """That of the prior."""
        return self.prior.support

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw without gradient: `sample_shape + batch_shape + event_shape`."""
        shape = torch.Size(sample_shape)
        return self._choose(self.posterior.sample(shape), self.prior.sample(shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw with gradient: `sample_shape + batch_shape + event_shape`."""
        shape = torch.Size(sample_shape)
        prior = self.prior.rsample if self.prior.has_rsample else self.prior.sample
        return self._choose(self.posterior.rsample(shape), prior(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density `(batch,)`."""
        return torch.where(self.steered, self.posterior.log_prob(value), self.prior.log_prob(value))

    def _choose(self, posterior: Tensor, prior: Tensor) -> Tensor:
        """Take each row from the one or the other."""
        return torch.where(as_events(self.steered, self.event_dim), posterior, prior)


@register_kl(Steered, Distribution)  # type: ignore[no-untyped-call, untyped-decorator]
def _kl_steered(q: Steered, p: Distribution) -> Tensor:
    return kl_divergence(q.posterior, p).where(q.steered, 0)


def as_events(rows: Tensor, event_dim: int) -> Tensor:
    """Return rows `(batch,)` with as many dimensions of size 1 as an event has."""
    return rows[(..., *[None] * event_dim)]


def steer(posterior: dist.TorchDistribution, prior: dist.TorchDistribution, steered: Tensor) -> dist.TorchDistribution:
    """Return the posterior with the prior in rows that are not `steered` `(batch,)`; of Gaussians a Gaussian."""
    q, p = (getattr(each, "base_dist", None) for each in (posterior, prior))
    if type(q) is dist.Normal and type(p) is dist.Normal and posterior.event_shape == prior.event_shape:
        rows = as_events(steered, prior.event_dim)
        location, scale = torch.where(rows, q.loc, p.loc), torch.where(rows, q.scale, p.scale)
        return dist.Normal(location, scale).to_event(prior.event_dim)  # type: ignore[no-any-return]
    return Steered(posterior, prior, steered)


def detached(distribution: dist.TorchDistribution) -> dist.TorchDistribution:
    """Return a distribution without gradient; common ones are rebuilt, as Pyro's deep copy takes ten times as long."""
    if type(distribution) is dist.Independent:
        return dist.Independent(detached(distribution.base_dist), distribution.reinterpreted_batch_ndims)
    if type(distribution) is dist.Normal:
        return dist.Normal(distribution.loc.detach(), distribution.scale.detach())
    if type(distribution) is dist.Categorical:
        return dist.Categorical(logits=distribution.logits.detach())
    return detach(distribution)  # type: ignore[no-any-return]
