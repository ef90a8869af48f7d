"""No posterior at all, for models that draw nothing."""

from pyro.distributions import TorchDistribution

from gram_pyro.errors import UserError
from gram_pyro.guides.prior import PriorGuide


class EmptyGuide(PriorGuide):
    """For a model without latent sites: its likelihood needs no bound."""

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        """Raise `UserError`: there should be no such site."""
        kind = type(self._model[0]).__name__
        raise UserError(f"{kind} draws {name}, and the empty guide has no posterior for it; take another --guide")
