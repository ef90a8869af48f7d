"""HRM, the Hierarchical Reasoning Model: two latents and a network for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gram_pyro.models.gram import Gram, GramConfig


@dataclass(frozen=True)
class HrmConfig(GramConfig):
    """GRAM's configuration, without guidance."""

    guidance: bool = False
    """None: the recursion is deterministic."""


class Hrm(Gram):
    """GRAM without guidance: one problem, one trajectory, one answer.
    A slow latent h and a fast latent l; h moves once for every K refinements of l. Gradients run through the last
    transition, all of its refinements; HRM's own approximation keeps the last of them."""

    Config: ClassVar = HrmConfig
    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"prior_fraction": 0.0, "kl_target": None}
