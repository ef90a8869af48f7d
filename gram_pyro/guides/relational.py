"""A Gaussian posterior whose positions know of each other."""

import math

from torch import Tensor

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model
from gram_pyro.models.layers import Block
from gram_pyro.tasks.base import Spec

MAX_HEADS = 4


class RelationalGuide(GaussianGuide):
    """q(eps_t | u_t, y), read through one attention block that sees the relations: positions exchange what they see.
    They stay independent given u_t and y, so that the KL has its closed form."""

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(spec, model)
        self.block = Block(model.width, math.gcd(model.width, MAX_HEADS), 2 * model.width, spec.relations)

    def site_features(self, name: str) -> Tensor:
        """Return what is known at a site, `(batch, length, width)`: u_t and y there, and at what is related to it."""
        return self.block(super().site_features(name), self.problems.relations, None)  # type: ignore[no-any-return]
