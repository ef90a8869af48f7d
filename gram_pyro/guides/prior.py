"""The prior as its own posterior."""

from pyro.distributions import TorchDistribution

from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model
from gram_pyro.models.draft import Look
from gram_pyro.tasks.base import Spec


class PriorGuide(Guide):
    """q = p: the answer steers nothing and every KL is zero."""

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(model)

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        """The prior itself."""
        return prior

    def get_draft_posterior(self, name: str, prior: TorchDistribution, look: Look) -> TorchDistribution:
        """The prior itself."""
        return self.get_posterior(name, prior)
