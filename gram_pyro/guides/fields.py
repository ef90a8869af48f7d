"""The Gaussian posterior for fields: it names values as little as the model does."""

import pyro.distributions as dist
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model
from gram_pyro.models.fields import Fields, named
from gram_pyro.tasks.base import Spec


class FieldsGuide(GaussianGuide):
    """q(eps_t | u_t, y), where y is a learned vector on the value that it names, and the network is the same for all
    values. For the model `Fields` alone."""

    def __init__(self, spec: Spec, model: Model) -> None:
        if not isinstance(model, Fields):
            raise UserError(f"the guide fields is for the model fields, not for {type(model).__name__}")
        Guide.__init__(self, model)
        self.add_networks(3, model.config.width)

    def features(self, name: str, prior: dist.TorchDistribution) -> Tensor:
        """Return u_t and y at each position and value, `(batch, length, values, width)`."""
        model, targets = self._model[0], self.targets
        assert isinstance(model, Fields) and targets is not None
        proposal = model.split(self.proposal(name))
        return proposal + self.embedding(named(targets, proposal.shape[-2]))  # type: ignore[no-any-return]

    def change(self, name: str, prior: dist.TorchDistribution) -> tuple[Tensor, Tensor]:
        """Return shift and log ratio of the scale, each `(batch, length, values * width)`."""
        shift, log_ratio = super().change(name, prior)
        return shift.flatten(-2), log_ratio.flatten(-2)
