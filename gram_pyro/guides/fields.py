"""The Gaussian posterior for fields: it names values as little as the model does."""

import pyro.distributions as dist
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model
from gram_pyro.models.fields import Fields, named
from gram_pyro.models.layers import at_least_float32
from gram_pyro.tasks.base import Spec


class FieldsGuide(GaussianGuide):
    """q(eps_t | u_t, y), where y is a learned vector on the value that it names, and the network is the same for all
    values. For the model `Fields` alone."""

    def __init__(self, spec: Spec, model: Model) -> None:
        if not isinstance(model, Fields):
            raise UserError(f"the guide fields is for the model fields, not for {type(model).__name__}")
        Guide.__init__(self, model)
        width = model.config.width
        self.embedding = nn.Embedding(3, width)
        self.project_in = nn.Linear(width, 2 * width)
        self.project_out = nn.Linear(2 * width, 2 * width)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def change(self, name: str, prior: dist.TorchDistribution) -> tuple[Tensor, Tensor]:
        """Return shift and log ratio of the scale, each `(batch, length, values * width)`."""
        model, targets = self._model[0], self.targets
        assert isinstance(model, Fields) and targets is not None
        features = model.split(self.proposal(name)) + self.embedding(named(targets, len(model.kinds)))
        shift, log_ratio = at_least_float32(self.project_out(F.silu(self.project_in(features)))).chunk(2, -1)
        return shift.flatten(-2), log_ratio.flatten(-2)
