"""A Bayesian flow network: the program of GRAM, with a core that only adds up its looks at the answer."""

from typing import Any

import torch
from torch import Tensor, nn

from gram_pyro.models import Gram, GramConfig
from gram_pyro.models.base import State
from gram_pyro.tasks import Problems, Spec


class BayesianFlow(Gram):
    """The softmax of its memory `(batch, length, values)` is the posterior of independent values.

    A Bayesian flow network has a network that h_t `(batch, length, values)` is the output of. Here it is zero, which is
    exact for values that are independent and uniform.
    """

    def __init__(self, spec: Spec, config: GramConfig) -> None:
        """The configuration has `core="flat"`, `memory="alone"` and no guidance."""
        super().__init__(spec, config)

    def add_networks(self, spec: Spec) -> None:
        self.guidance_head, self.blocks = None, 0
        self.register_buffer("initial_high", torch.zeros(spec.classes))

    def embed(self, problems: Problems) -> Tensor:
        return self.initial_high.expand(*problems.tokens.shape, -1)

    def value_embedding(self, spec: Spec) -> nn.Module:
        return nn.Identity()

    def propose(self, state: State, embedded: Tensor, relations: Any) -> tuple[Tensor, Tensor]:
        return state.high, state.low

    def decode(self, high: Tensor) -> Tensor:
        return high
