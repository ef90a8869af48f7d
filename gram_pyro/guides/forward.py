"""The posterior of discrete diffusion: the forward process given the answer, and nothing to learn."""

from typing import Any

from pyro.distributions import TorchDistribution

from gram_pyro.errors import UserError
from gram_pyro.guides.prior import PriorGuide
from gram_pyro.models.base import Model
from gram_pyro.models.d3pm import D3pm
from gram_pyro.tasks.base import Spec


class ForwardGuide(PriorGuide):
    """q(y_{t-1} | y_t, y_0) of every step back. For the model `D3pm` alone."""

    def __init__(self, spec: Spec, model: Model) -> None:
        """Raise `UserError` for another model."""
        super().__init__(spec, model)
        if not isinstance(model, D3pm):
            raise UserError(f"the guide forward is for the model d3pm, not for {type(model).__name__}")

    def get_draft_posterior(self, name: str, prior: TorchDistribution, look: Any) -> TorchDistribution:
        """Return the forward process at one step, given y_t and the answer."""
        assert self.targets is not None
        posterior: TorchDistribution = look.posterior(self.targets[:, : self.problems.answered])
        return posterior
