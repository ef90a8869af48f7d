"""What the models without recursion share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from gram_pyro.models.base import Model
from gram_pyro.models.layers import Decoder, Embedding, Shape, rotary
from gram_pyro.tasks.base import Task


@dataclass(frozen=True)
class TransformerConfig(Shape):
    """The shape of a Transformer."""

    layers: int = 8
    """Blocks in a row."""


class Transformer(Model):
    """A model that carries nothing from step to step, and draws no guidance."""

    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"prior_fraction": 0.0, "kl_target": None, "head_rounds": 0}

    def __init__(self, task: Task, config: TransformerConfig) -> None:
        super().__init__()
        self.width = config.width
        self.config, self.positions, self.blocks = config, task.positions, config.layers
        self.embedding = Embedding(task.vocabulary, config.width)
        self.decoder = Decoder(config.width, task.classes)

    def rotary(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Rotary positions of the heads, each `(length, width / heads)`."""
        return rotary(length, self.width // self.config.heads, device)
