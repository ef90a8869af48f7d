"""A posterior that looks ahead: it sees where a prior rollout would go."""

from typing import Any

import torch
from pyro import poutine
from torch import Tensor, nn

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model, State, inputs_of
from gram_pyro.models.layers import rms_norm
from gram_pyro.models.sites import value_at
from gram_pyro.tasks.base import Spec

LOOKAHEAD = 4  # supervision steps that the prior rollout runs ahead


class LookaheadGuide(GaussianGuide):
    """q(eps_t | u_t, y, rollout): the Gaussian posterior, with the later states of a prior rollout.

    With targets the prior is rolled out first, without gradient, `LOOKAHEAD` supervision steps beyond the end. At each
    transition the posterior reads u_t, y, the state of the rollout that many steps later, and where its decode differs
    from y. Training takes a step at a time; the bound of a whole trajectory is that of another posterior.
    """

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(spec, model)
        self.project_pilot = nn.Linear(model.width + 1, model.width)
        self.rollout: dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Roll the prior out, then run model and guide together."""
        problems, targets = inputs_of(args, kwargs)
        if targets is not None:
            further = {"steps": kwargs.get("steps", 1) + LOOKAHEAD, "supervise": "last", "state": kwargs.get("state")}
            with torch.no_grad(), poutine.block():
                self.rollout = poutine.trace(self._model[0]).get_trace(problems, **further).nodes
        try:
            return super().__call__(*args, **kwargs)
        finally:
            self.rollout = {}

    def site_features(self, name: str) -> Tensor:
        """Return what is known at a site, `(batch, length, width)`: u_t, y and later states of the rollout."""
        model, targets = self._model[0], self.targets
        assert targets is not None and self.transition is not None and isinstance(model, Model)
        later = self.transition + LOOKAHEAD * model.transitions
        high, low = value_at(self.rollout, "high", later), value_at(self.rollout, "low", later)
        with torch.no_grad():
            wrong = (model.logits(State(high, low)).argmax(-1) != targets) & (targets >= 0)
        seen = torch.cat((rms_norm(high), wrong[..., None].to(high.dtype)), -1)
        return super().site_features(name) + self.project_pilot(seen)  # type: ignore[no-any-return]
