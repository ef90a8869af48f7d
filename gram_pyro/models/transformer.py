"""What the models without recursion share."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyro
import torch
from torch import Tensor

from gram_pyro.models.base import Model, Outcome, State, Supervise, register
from gram_pyro.models.layers import Decoder, Rotary, Shape, rotary
from gram_pyro.tasks.base import Problems, Spec


@dataclass(frozen=True)
class TransformerConfig(Shape):
    """The shape of a Transformer."""

    layers: int = 8
    """Blocks in a row."""


Answered = tuple[Tensor, Tensor | None]
"""Logits `(batch, length, classes)`, and the answers `(batch, length)` if they are drawn."""


class Transformer(Model):
    """A model that carries nothing from step to step, and draws no guidance."""

    Config: ClassVar = TransformerConfig
    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"prior_fraction": 0.0, "kl_target": None, "head_rounds": 0}

    def __init__(self, spec: Spec, config: TransformerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TransformerConfig()
        self.width, self.positions, self.blocks = config.width, spec.positions, config.layers
        self.shape = (config.width, config.heads, config.hidden, spec.relations)
        self.add_embedding(spec, config.width)
        self.decoder = Decoder(config.width, spec.classes)

    def rotary(self, length: int, device: torch.device) -> Rotary:
        """Return rotary positions of the heads, each `(length, width / heads)`; None where positions mean nothing."""
        return rotary(self.positions, length, self.width // self.config.heads, device)

    def forward(
        self,
        problems: Problems,
        targets: Tensor | None = None,
        *,
        steps: int = 1,
        state: State | None = None,
        supervise: Supervise = "every",
    ) -> Outcome:
        """Answer; `targets` `(batch, length)`, -1 at positions without an answer, None draws the answer."""
        register("model", self)
        batch, length = problems.tokens.shape
        with pyro.plate("problems", batch, dim=-1):
            return Outcome(self.initial_state(batch, length), *self.program(problems, targets, steps, supervise))

    @abstractmethod
    def program(self, problems: Problems, targets: Tensor | None, steps: int, supervise: Supervise) -> Answered:
        """Run the sites: logits `(batch, length, classes)`, and the answers `(batch, length)` if they are drawn."""
