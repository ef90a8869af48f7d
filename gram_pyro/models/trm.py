"""TRM, the Tiny Recursive Model: two latents and one small network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gram_pyro.models.gram import Core
from gram_pyro.models.recursive import Deterministic, DeterministicConfig


@dataclass(frozen=True)
class TrmConfig(DeterministicConfig):
    """The configuration with one network for both latents."""

    core: Core = "shared"
    """How many latents, and how many networks."""


class Trm(Deterministic):
    """A latent answer h and a latent thought l, refined in turn by the same network, the input seen only by the
    thought.
    """

    Config: ClassVar = TrmConfig
