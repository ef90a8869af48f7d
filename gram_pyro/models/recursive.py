"""What the deterministic recursions share: GRAM without its guidance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gram_pyro.models.gram import Gram, GramConfig


@dataclass(frozen=True)
class DeterministicConfig(GramConfig):
    """GRAM's configuration, without guidance."""

    guidance: bool = False
    """None: the recursion is deterministic."""


class Deterministic(Gram):
    """The same program with no guidance site: one problem, one trajectory, one answer."""

    Config: ClassVar = DeterministicConfig
    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"prior_fraction": 0.0, "kl_target": None}
