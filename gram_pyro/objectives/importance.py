"""The importance-weighted bound with a gradient horizon."""

import math
from collections.abc import Callable
from typing import Any, Unpack

import torch
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from gram_pyro.objectives.elbo import Options, Terms, TruncatedTrace_ELBO, check_density


class ImportanceELBO(TruncatedTrace_ELBO):
    """`log 1/K sum_k w_k`, with `w_k = p(y, trajectory_k | x) / q(trajectory_k | x, y)`: between the ELBO and log p.

    Parameters as in `TruncatedTrace_ELBO`, but that every KL is sampled, and so cannot be balanced; `particles` is K.
    `beta` tempers prior and posterior alike. With `horizon=None` and `beta=1` it is `pyro.infer.RenyiELBO(alpha=0)`.
    """

    def __init__(self, horizon: int | None = 1, *, particles: int = 4, **options: Unpack[Options]) -> None:
        super().__init__(horizon, balance=None, **options)
        if particles < 1:
            raise ValueError(f"particles must be at least 1, not {particles}")
        self.particles = particles

    def terms(self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> Terms:
        """Run model and guide `particles` times; the likelihood and KL reported are means over them."""
        runs = [self.parts(model, guide, *args, **kwargs) for _ in range(self.particles)]
        weights = torch.stack([run.log_likelihood - self.cost(run) for run in runs])
        loss = -(weights.logsumexp(0) - math.log(self.particles)).sum()
        log_likelihood = torch.stack([run.log_likelihood for run in runs]).mean(0).detach()
        kl, draft_kl = (torch.stack([getattr(run, name) for run in runs]).mean(0) for name in ("kl", "draft_kl"))
        return Terms(loss, log_likelihood, kl, draft_kl, runs[-1].trace)

    def _kl(self, name: str, guide_site: Any, model_site: Any, balance: float | None) -> tuple[Tensor, Tensor]:
        """Return log q - log p at the draw, `(batch,)`, without and with gradient."""
        q, value = guide_site["fn"], guide_site["value"]
        if q is not model_site["fn"]:
            check_density(name, q, value)
        divergence = q.log_prob(value) - model_site["fn"].log_prob(value)
        divergence = scale_and_mask(divergence, guide_site["scale"], guide_site["mask"])
        return divergence.detach(), divergence
