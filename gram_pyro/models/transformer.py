"""What the models without recursion share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gram_pyro.models.base import Model
from gram_pyro.models.layers import Decoder, Embedding, Shape, rotary
from gram_pyro.tasks.base import Problems, Spec


@dataclass(frozen=True)
class TransformerConfig(Shape):
    """The shape of a Transformer."""

    layers: int = 8
    """Blocks in a row."""


class Transformer(Model):
    """A model that carries nothing from step to step, and draws no guidance."""

    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"prior_fraction": 0.0, "kl_target": None, "head_rounds": 0}

    def __init__(self, spec: Spec, config: TransformerConfig) -> None:
        super().__init__()
        self.width = config.width
        self.config, self.positions, self.blocks = config, spec.positions, config.layers
        self.embedding = Embedding(spec.vocabulary, config.width)
        self.group_embedding = nn.Embedding(spec.groups, config.width) if spec.groups else None
        self.decoder = Decoder(config.width, spec.classes)

    def embed(self, problems: Problems) -> Tensor:
        """e_x: `(batch, length, width)`, with the puzzle embedding where problems have a group."""
        embedded: Tensor = self.embedding(problems.tokens)
        if self.group_embedding is not None and problems.group is not None:
            embedded = embedded + self.group_embedding(problems.group)[:, None]
        return embedded

    def rotary(self, length: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
        """Rotary positions of the heads, each `(length, width / heads)`; None where positions mean nothing."""
        return rotary(self.positions, length, self.width // self.config.heads, device)
