"""Looped Transformer: one network, one latent, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gram_pyro.models.gram import Core
from gram_pyro.models.recursive import Deterministic, DeterministicConfig


@dataclass(frozen=True)
class LoopedConfig(DeterministicConfig):
    """The configuration with one latent."""

    core: Core = "flat"
    """How many latents, and how many networks."""


class Looped(Deterministic):
    """The Universal Transformer without a clock: the flat core of GRAM. Trained with a likelihood after every
    supervision step, or, with `--no-deep-supervision` and a horizon over the whole trajectory, as it was first
    published: by backpropagation from the last step to the first.
    """

    Config: ClassVar = LoopedConfig
