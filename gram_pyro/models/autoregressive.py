"""Autoregressive Transformer: the answer is written one position after the other."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Answers, Recursion, Supervise
from gram_pyro.models.layers import Cache, Stack, rotary
from gram_pyro.models.sites import answer_site
from gram_pyro.models.transformer import Answered, Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Spec


class Autoregressive(Transformer):
    """p(y | x) = prod_i p(y_i | y_<i, x), a site `token_i` for each position i from 1, in order. Ignores `steps`.

    Half of the layers encode the problem. The causal other half attends to the encoded problem and the slots before.
    Slot i, which predicts y_i, holds the encoding of position i, and y_{i-1} with the encoding of position i - 1. It is
    related to position j as i is, to slot j as i is to j - 1. With targets all slots run at once.
    """

    recursion: Recursion = "none"
    independent: ClassVar[bool] = False
    compiled: ClassVar = ("encode", "predict")

    def __init__(self, spec: Spec, config: TransformerConfig | None = None) -> None:
        super().__init__(spec, config)
        layers, width = self.config.layers, self.width
        if layers % 2:
            raise UserError(f"half of the layers encode and half decode: model.layers must be even, not {layers}")
        self.encoder = Stack(layers // 2, *self.shape)
        self.causal = Stack(layers // 2, *self.shape, causal=True)
        self.answer_embedding = nn.Embedding(spec.classes + 1, width)
        self.previous = nn.Linear(width, width, bias=False)
        self.start = nn.Parameter(torch.randn(width))

    def encode(self, embedded: Tensor, relations: Tensor | None) -> Tensor:
        """Encode the problem, `(batch, length, width)` in and out."""
        positions = self.rotary(embedded.shape[1], embedded.device)
        return self.encoder(embedded, relations, positions)  # type: ignore[no-any-return]

    def predict(self, features: Tensor, values: Tensor, relations: Tensor | None) -> Tensor:
        """Return logits `(batch, answered, classes)` of all slots, from `encode` and values `(batch, answered)`."""
        answered = values.shape[1]
        slots = features[:, :answered] + self.shifted(features[:, : answered - 1], values[:, :-1])
        rotated = self.order(answered, slots.device)
        logits: Tensor = self.decoder(self.causal(slots, related(relations, answered), rotated, self.memory(features)))
        return logits

    def memory(self, features: Tensor) -> list[Cache]:
        """Return keys and values of the encoded problem, for every causal layer."""
        return self.causal.remember(features, self.order(features.shape[1], features.device))

    def order(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return rotary positions of the causal layers, each `(length, width / heads)`: slots always have an order."""
        return rotary("1d", length, self.width // self.config.heads, device)  # type: ignore[return-value]

    def shifted(self, features: Tensor, values: Tensor) -> Tensor:
        """Return the position before each slot, `(batch, slots, width)`; a learned start before the first."""
        before = self.answer_embedding(values + 1) + self.previous(features)
        return torch.cat((self.start.expand(len(features), 1, -1), before), 1)

    def program(self, problems: Problems, targets: Tensor | None, steps: int, supervise: Supervise) -> Answered:
        """Write the answer, or score the targets."""
        relations, answered = problems.relations, problems.answered
        features = self.encode(self.embed(problems), relations)
        padding = features.shape[1] - answered
        if targets is None:
            logits, values = self.draw(features, relations, answered)
            return F.pad(logits, (0, 0, 0, padding)), F.pad(values, (0, padding))
        values = targets[:, :answered]
        logits = self.predict(features, values, relations)
        for i in range(answered):
            answer_site(f"token_{i + 1}", Answers(logits[:, i : i + 1]), values[:, i : i + 1])
        return F.pad(logits, (0, 0, 0, padding)), None

    def draw(self, features: Tensor, relations: Tensor | None, answered: int) -> tuple[Tensor, Tensor]:
        """Draw slot by slot: logits `(batch, answered, classes)` and values `(batch, answered)`."""
        caches = self.memory(features)
        cosines, sines = self.order(answered, features.device)
        columns, length = related(relations, answered), features.shape[1]
        before = self.start.expand(len(features), 1, -1)
        logits: list[Tensor] = []
        values: list[Tensor] = []
        for i in range(answered):
            here = slice(i, i + 1)
            row = None if columns is None else columns[..., here, : length + i + 1]
            out = self.causal(features[:, here] + before, row, (cosines[here], sines[here]), caches)
            logits.append(self.decoder(out))
            values.append(answer_site(f"token_{i + 1}", Answers(logits[-1]), None))
            before = self.shifted(features[:, here], values[-1])[:, 1:]
        return torch.cat(logits, 1), torch.cat(values, 1)


def related(relations: Tensor | None, answered: int) -> Tensor | None:
    """Return relations of each slot to all positions, then to all slots: `(..., answered, length + answered)`."""
    if relations is None:
        return None
    rows = relations[..., :answered, :]
    return torch.cat((rows, F.pad(rows[..., : answered - 1], (1, 0))), -1)
