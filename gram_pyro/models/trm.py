"""TRM, the Tiny Recursive Model: two latents and one small network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gram_pyro.models.gram import GramConfig
from gram_pyro.models.recursive import Deterministic


@dataclass(frozen=True)
class TrmConfig(GramConfig):
    """GRAM's configuration, without guidance."""

    core: Literal["hierarchical", "shared", "flat"] = "shared"
    """How many latents, and how many networks."""
    guidance: bool = False
    """None: the recursion is deterministic."""


class Trm(Deterministic):
    """A latent answer h and a latent thought l, refined in turn by the same network, the input seen only by the
    thought.
    """

    Config: ClassVar = TrmConfig
