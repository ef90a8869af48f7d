"""No posterior at all, for models that draw nothing."""

from __future__ import annotations

from pyro.distributions import TorchDistribution

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model
from gram_pyro.tasks.base import Spec


class EmptyGuide(Guide):
    """For a model without latent sites: its likelihood needs no bound."""

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(model)

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        """Raise `UserError`: there should be no such site."""
        kind = type(self._model[0]).__name__
        raise UserError(f"{kind} draws {name}, and the empty guide has no posterior for it; take another --guide")
