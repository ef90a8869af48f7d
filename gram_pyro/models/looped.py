"""Looped Transformer: one network, one latent, again and again."""

from dataclasses import dataclass
from typing import ClassVar

from gram_pyro.models.gram import Core
from gram_pyro.models.hrm import Hrm, HrmConfig


@dataclass(frozen=True)
class LoopedConfig(HrmConfig):
    """The configuration with one latent."""

    core: Core = "flat"
    """How many latents, and how many networks."""


class Looped(Hrm):
    """The Universal Transformer without a clock: the flat core of GRAM. As first published it is trained with
    `--no-deep-supervision` and a horizon over the whole trajectory."""

    Config: ClassVar = LoopedConfig
