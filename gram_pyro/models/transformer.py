"""What the models without recursion share: the shape of a Transformer, and an input turned into features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Model
from gram_pyro.models.layers import rms_norm, rotary
from gram_pyro.tasks.base import Task

MAX_SIZE = 2**14


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of a Transformer."""

    width: int = 64
    """Features of a position (D)."""
    heads: int = 4
    """Attention heads."""
    layers: int = 8
    """Blocks."""
    hidden: int = 128
    """Hidden features of the feed-forward layers."""

    def __post_init__(self) -> None:
        if max(self.width, self.hidden, self.layers) > MAX_SIZE or min(self.layers, self.hidden) < 1:
            raise UserError(f"model.width, hidden and layers must lie between 1 and {MAX_SIZE:,}")
        if min(self.width, self.heads) < 1 or self.width % (2 * self.heads):
            raise UserError(
                f"model.width must be a positive multiple of 2 * model.heads, not {self.width} with {self.heads}"
            )


class Transformer(Model):
    """A model that carries nothing from step to step, and draws no guidance."""

    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"free": 0.0, "kl_target": None, "depth": 1, "head_rounds": 0}

    def __init__(self, task: Task, config: TransformerConfig) -> None:
        super().__init__()
        self.width = config.width
        self.config, self.positions, self.blocks = config, task.positions, config.layers
        self.embedding = nn.Embedding(task.vocabulary, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.decoder = nn.Linear(config.width, task.classes)

    def embed(self, tokens: Tensor) -> Tensor:
        """`(batch, length)` -> `(batch, length, width)`."""
        embedded: Tensor = self.embedding(tokens) * self.width**0.5
        return embedded

    def rotary(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Rotary positions of the heads, each `(length, width / heads)`."""
        return rotary(length, self.width // self.config.heads, device)

    def decode(self, high: Tensor) -> Tensor:
        """Features `(batch, length, width)` -> logits `(batch, length, classes)`."""
        logits: Tensor = self.decoder(rms_norm(high)).float()
        return logits
