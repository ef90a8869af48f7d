"""The posterior of diffusion: a draft of the answer with noise on it, and nothing to learn."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pyro.distributions import TorchDistribution

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model
from gram_pyro.tasks.base import Spec


class DiffusionGuide(Guide):
    """q(draft_t | y) = N(a_t y, b_t^2 I), and the prior for guidance, if there is any: the answer speaks through the
    drafts alone. Every guide has this posterior for drafts; this one has no other."""

    recipe: ClassVar[Mapping[str, Any]] = {
        "horizon": 4, "shortest": 16, "depth": 64, "prior_fraction": 0.0, "kl_target": None
    }  # fmt: skip

    def __init__(self, spec: Spec, model: Model) -> None:
        """Raise `UserError` if the model draws no drafts."""
        super().__init__(model)
        if getattr(model, "draft", None) is None:
            raise UserError("the guide diffusion steers drafts, and the model draws none; add --model.draft cosine")

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        """The prior itself."""
        return prior
