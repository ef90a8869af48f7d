"""HRM, the Hierarchical Reasoning Model: two latents and a network for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gram_pyro.models.gram import GramConfig
from gram_pyro.models.recursive import Deterministic


@dataclass(frozen=True)
class HrmConfig(GramConfig):
    """GRAM's configuration, without guidance."""

    core: Literal["hierarchical", "shared", "flat"] = "hierarchical"
    """How many latents, and how many networks."""
    guidance: bool = False
    """None: the recursion is deterministic."""


class Hrm(Deterministic):
    """A slow latent h and a fast latent l; h moves once for every K refinements of l. Gradients run through the
    last transition, all of its refinements; HRM's own approximation keeps the last of them.
    """

    Config: ClassVar = HrmConfig
