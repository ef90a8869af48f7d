"""Direct prediction: a Transformer says the whole answer at once."""

from __future__ import annotations

from typing import ClassVar

import pyro
from torch import Tensor

from gram_pyro.models.base import Answers, Outcome, Recursion, State, Supervise, register
from gram_pyro.models.layers import Stack
from gram_pyro.models.transformer import Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Task


class Direct(Transformer):
    """p(y | x) = prod_i p(y_i | x): independent positions given the input, one site `y_1`.

    Takes no notice of `steps`: there is one evaluation, and no state.
    """

    Config: ClassVar = TransformerConfig
    draws = False
    recursion: ClassVar[Recursion] = "none"
    compiled: ClassVar = ("predict",)

    def __init__(self, task: Task, config: TransformerConfig | None = None) -> None:
        config = config or TransformerConfig()
        super().__init__(task, config)
        self.network = Stack(config.layers, config.width, config.heads, config.hidden, task.relations)

    def predict(self, tokens: Tensor, relations: Tensor | None) -> Tensor:
        """Logits `(batch, length, classes)` of tokens `(batch, length)`."""
        positions = self.rotary(tokens.shape[1], tokens.device) if self.positions else None
        logits: Tensor = self.decoder(self.network(self.embedding(tokens), relations, positions))
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
        """Predict; `targets` `(batch, length)`, -1 where nothing is asked."""
        register("model", self)
        batch, length = problems.tokens.shape
        logits = self.predict(problems.tokens, problems.relations)
        with pyro.plate("problems", batch, dim=-1):
            pyro.sample("y_1", Answers(logits), obs=targets)
        return Outcome(self.initial_state(batch, length), logits)
