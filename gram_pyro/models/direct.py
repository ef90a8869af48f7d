"""Direct prediction: a Transformer says the whole answer at once."""

from __future__ import annotations

from typing import ClassVar

import pyro
from torch import Tensor

from gram_pyro.models.base import Answers, Outcome, Recursion, State, Supervise, register
from gram_pyro.models.layers import Stack
from gram_pyro.models.sites import answer_site
from gram_pyro.models.transformer import Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Spec


class Direct(Transformer):
    """p(y | x) = prod_i p(y_i | x): independent positions given the input, one site `y_1`.

    Ignores `steps`: there is one evaluation, and no state.
    """

    Config: ClassVar = TransformerConfig
    draws = False
    recursion: ClassVar[Recursion] = "none"
    compiled: ClassVar = ("predict",)

    def __init__(self, spec: Spec, config: TransformerConfig | None = None) -> None:
        config = config or TransformerConfig()
        super().__init__(spec, config)
        self.network = Stack(config.layers, config.width, config.heads, config.hidden, spec.relations)

    def predict(self, embedded: Tensor, relations: Tensor | None) -> Tensor:
        """Logits `(batch, length, classes)` of embedded problems `(batch, length, width)`."""
        positions = self.rotary(embedded.shape[-2], embedded.device)
        logits: Tensor = self.decoder(self.network(embedded, relations, positions))
        return logits

    def forward(
        self,
        problems: Problems,
        targets: Tensor | None = None,
        *,
        steps: int = 1,
        state: State | None = None,
        supervise: Supervise = "every",
    ) -> Outcome:
        """Predict; `targets` `(batch, length)`, -1 at positions without an answer."""
        register("model", self)
        batch, length = problems.tokens.shape
        logits = self.predict(self.embed(problems), problems.relations)
        with pyro.plate("problems", batch, dim=-1):
            answer_site("y_1", Answers(logits), targets)
        return Outcome(self.initial_state(batch, length), logits)
