"""A posterior that sees the other solutions, too."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model
from gram_pyro.tasks.base import Spec


class SolutionSetGuide(GaussianGuide):
    """q(eps_t | u_t, y, Y): the Gaussian posterior, with the other solutions in Y: by nearness to y they vote for other
    values of a position, so that it can push where y differs. Without known solutions it is the Gaussian."""

    sees_solutions: ClassVar[bool] = True

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(spec, model)
        self.nearness = nn.Parameter(torch.ones(()))
        self.project_votes = nn.Linear(spec.classes, model.width, bias=False)

    def site_features(self, name: str) -> Tensor:
        """Return what is known at a site, `(batch, length, width)`: u_t, y, and how the solutions near y vote."""
        features = super().site_features(name)
        if self.solutions is not None and self.targets is not None:
            shares = votes(self.solutions, self.targets, self.nearness, self.project_votes.in_features)
            features = features + self.project_votes(shares)
        return features


def votes(solutions: Tensor, targets: Tensor, nearness: Tensor, classes: int) -> Tensor:
    """Return the values of other solutions at each position, weighed by nearness: `(batch, length, classes)`.
    `solutions` and `targets` as in `Guide`. The weights and that of the target itself sum to 1."""
    apart = ((solutions != targets[:, None]) & (targets >= 0)[:, None]).sum(-1)
    other = (apart > 0) & (solutions >= 0).any(-1)
    weights = torch.exp(-F.softplus(nearness) * apart) * other
    weights = weights / (1 + weights.sum(-1, keepdim=True))
    values = F.one_hot(solutions.clamp(min=0), classes) * (solutions >= 0)[..., None]
    return torch.einsum("bs,bsnc->bnc", weights, values.to(weights))
