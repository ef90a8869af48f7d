"""Autoregressive Transformer: the answer is told one position after the other."""

from __future__ import annotations

from typing import ClassVar

import pyro
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Answers, Outcome, Recursion, State, Supervise, register
from gram_pyro.models.layers import Cache, Stack
from gram_pyro.models.transformer import Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Task


class Autoregressive(Transformer):
    """p(y | x) = prod_i p(y_i | y_<i, x), a site `token_i` for each position i from 1, in order.

    Half of the layers read the problem, in both directions; the other half tell the answer, and attend to all
    that was read and to the slots before. Slot i, which predicts y_i, holds what the problem says at i, and
    y_{i-1} with what the problem says at i - 1: it is related to position j as i is, and to slot j as i is to j - 1.

    With targets all slots run at once and the likelihood is exact; without, each value is drawn and told to the
    next slot, keys and values cached. Takes no notice of `steps`.
    """

    Config: ClassVar = TransformerConfig
    recursion: ClassVar[Recursion] = "none"
    independent: ClassVar[bool] = False
    compiled: ClassVar = ("read", "tell")

    def __init__(self, task: Task, config: TransformerConfig | None = None) -> None:
        config = config or TransformerConfig()
        if config.layers % 2:
            raise UserError(f"half of the layers read and half tell: model.layers must be even, not {config.layers}")
        super().__init__(task, config)
        self.asked = task.asked
        shape = (config.layers // 2, config.width, config.heads, config.hidden, task.relations)
        self.reader = Stack(*shape)
        self.teller = Stack(*shape, causal=True)
        self.answer_embedding = nn.Embedding(task.classes + 1, config.width)
        self.previous = nn.Linear(config.width, config.width, bias=False)
        self.start = nn.Parameter(torch.randn(config.width))

    def read(self, tokens: Tensor, relations: Tensor | None) -> Tensor:
        """What the problem says at each position: `(batch, length)` -> `(batch, length, width)`."""
        positions = self.rotary(tokens.shape[1], tokens.device) if self.positions else None
        features: Tensor = self.reader(self.embedding(tokens), relations, positions)
        return features

    def tell(self, features: Tensor, values: Tensor, relations: Tensor | None) -> Tensor:
        """Logits `(batch, asked, classes)` of all slots, from what was read and the values `(batch, asked)`."""
        asked = values.shape[1]
        slots = features[:, :asked] + self.told(features[:, : asked - 1], values[:, :-1])
        rotated = self.rotary(asked, slots.device)
        logits: Tensor = self.decoder(self.teller(slots, related(relations, asked), rotated, self.memory(features)))
        return logits

    def memory(self, features: Tensor) -> list[Cache]:
        """What was read, for every layer that tells."""
        return self.teller.remember(features, self.rotary(features.shape[1], features.device))

    def told(self, features: Tensor, values: Tensor) -> Tensor:
        """What each slot knows of the position before it, `(batch, slots, width)`; the first knows of none."""
        known = self.answer_embedding(values + 1) + self.previous(features)
        return torch.cat((self.start.expand(len(features), 1, -1), known), 1)

    def forward(
        self,
        problems: Problems,
        targets: Tensor | None = None,
        *,
        steps: int = 1,
        state: State | None = None,
        supervise: Supervise = "every",
    ) -> Outcome:
        """Tell the answer; `targets` `(batch, length)`, -1 where nothing is asked."""
        register("model", self)
        tokens, relations = problems.tokens, problems.relations
        batch, length = tokens.shape
        asked = self.asked(length)
        features = self.read(tokens, relations)
        with pyro.plate("problems", batch, dim=-1):
            if targets is None:
                logits, values = self.draw(features, relations, asked)
            else:
                values = targets[:, :asked]
                logits = self.tell(features, values, relations)
                for i in range(asked):
                    pyro.sample(f"token_{i + 1}", Answers(logits[:, i : i + 1]), obs=values[:, i : i + 1])
        logits = F.pad(logits, (0, 0, 0, length - asked))
        drawn = F.pad(values, (0, length - asked)) if targets is None else None
        return Outcome(self.initial_state(batch, length), logits, drawn)

    def draw(self, features: Tensor, relations: Tensor | None, asked: int) -> tuple[Tensor, Tensor]:
        """Logits `(batch, asked, classes)` and values `(batch, asked)`, drawn slot by slot."""
        caches = self.memory(features)
        cosines, sines = self.rotary(asked, features.device)
        columns = related(relations, asked)
        length = features.shape[1]
        known = self.start.expand(len(features), 1, -1)
        logits: list[Tensor] = []
        values: list[Tensor] = []
        for i in range(asked):
            here = slice(i, i + 1)
            row = None if columns is None else columns[..., here, : length + i + 1]
            out = self.teller(features[:, here] + known, row, (cosines[here], sines[here]), caches)
            logits.append(self.decoder(out))
            values.append(pyro.sample(f"token_{i + 1}", Answers(logits[-1])))
            known = self.told(features[:, here], values[-1])[:, 1:]
        return torch.cat(logits, 1), torch.cat(values, 1)


def related(relations: Tensor | None, asked: int) -> Tensor | None:
    """Relations of each slot to all positions, then to all slots: `(..., asked, length + asked)`."""
    if relations is None:
        return None
    rows = relations[..., :asked, :]
    return torch.cat((rows, F.pad(rows[..., : asked - 1], (1, 0))), -1)
