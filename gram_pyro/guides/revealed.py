"""A Gaussian posterior that learns the answer bit by bit."""

from typing import Any

import torch
from torch import Tensor

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.models.base import Model, Phase, inputs_of
from gram_pyro.tasks.base import Spec


class RevealedGuide(GaussianGuide):
    """q(eps_t | u_t, part of y): after n/N of its steps a trajectory has seen n of N positions, in a random order.

    What the posterior has to say is spread over the steps, as no step knows more than its share. An idea of ours.
    """

    phase: Phase | None = None
    """Where the trajectories stood at the start of the run in progress."""

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__(spec, model)
        self.transitions = model.transitions

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Run model and guide together; a run without a phase is a whole trajectory."""
        state, (problems, targets) = kwargs.get("state"), inputs_of(args, kwargs)
        self.phase = None if state is None else state.phase
        if self.phase is None and targets is not None:
            total = torch.full((len(targets),), kwargs.get("steps", 1) * self.transitions, device=targets.device)
            self.phase = Phase.start(total, problems.tokens.shape[1])
        return super().__call__(*args, **kwargs)

    def revealed(self) -> Tensor:
        """Return which positions are seen at the site at hand: `(batch, length)`."""
        assert self.phase is not None and self.transition is not None
        step, total, order = self.phase
        progress = ((step + self.transition) / total).clamp(max=1)
        return order < (progress * order.shape[1])[:, None]

    def site_features(self, name: str) -> Tensor:
        """Return what is known at a site: u_t and the part of y that is seen, `(batch, length, width)`."""
        assert self.targets is not None
        seen = self.targets.where(self.revealed(), -1)
        return self.proposal(name) + self.embedding(seen + 1)  # type: ignore[no-any-return]
