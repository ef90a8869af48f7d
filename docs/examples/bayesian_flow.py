"""A Bayesian flow network: the program of GRAM, with a core that only adds up its looks at the answer."""

from typing import Any

import torch
from torch import Tensor

from gram_pyro.models import Gram, GramConfig
from gram_pyro.models.base import Phase, State
from gram_pyro.models.draft import Draft
from gram_pyro.tasks import Problems, Spec


class WeighedDraft(Draft):
    """Drafts as evidence: `a / b^2 * draft` is the log-likelihood of each value, up to a constant."""

    def draw(self, t: int, total: int, phase: Phase, logits: Tensor, *args: Any) -> Tensor:
        a, b = self.levels(phase.step + (t - 1), phase.total)
        return (a / b**2)[:, None, None] * super().draw(t, total, phase, logits, *args)


class BayesianFlow(Gram):
    """h_t `(batch, length, values)` is the sum of the evidence; its softmax is the posterior of independent values.

    A Bayesian flow network would put a network between h_t and the decoder's probabilities. Without one this is exact
    for values that are independent and uniform.
    """

    def __init__(self, spec: Spec, config: GramConfig) -> None:
        super().__init__(spec, config)
        self.draft = WeighedDraft(config.draft, config.receiver)

    def add_networks(self, spec: Spec) -> None:
        self.guidance_head, self.blocks = None, 0
        self.register_buffer("start", torch.zeros(spec.classes))

    def initial_state(self, batch: int, length: int) -> State:
        high = self.start.expand(batch, length, -1)
        return State(high, high[..., :0])

    def embed(self, problems: Problems) -> Tensor:
        return self.start.expand(*problems.tokens.shape, -1)

    def add_draft(self, spec: Spec) -> None:
        """Nothing to learn."""

    def embed_draft(self, draft: Tensor) -> Tensor:
        return draft

    def propose(self, state: State, embedded: Tensor, relations: Any) -> tuple[Tensor, Tensor]:
        return state.high + embedded, state.low

    def decode(self, high: Tensor) -> Tensor:
        return high
