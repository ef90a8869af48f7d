"""What the deterministic recursions share: GRAM without its guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gram_pyro.models.gram import Gram


class Deterministic(Gram):
    """The same program with no guidance site: one problem, one trajectory, one answer."""

    guide: ClassVar[str] = "empty"
    recipe: ClassVar[Mapping[str, Any]] = {"free": 0.0, "kl_target": None}
