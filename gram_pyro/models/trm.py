"""TRM, the Tiny Recursive Model: two latents and one small network."""

from dataclasses import dataclass
from typing import ClassVar

from gram_pyro.models.gram import Core
from gram_pyro.models.hrm import Hrm, HrmConfig


@dataclass(frozen=True)
class TrmConfig(HrmConfig):
    """The configuration with one network for both latents."""

    core: Core = "shared"
    """How many latents, and how many networks."""


class Trm(Hrm):
    """A latent answer h and a latent thought l, refined in turn by one network; only the thought sees the input."""

    Config: ClassVar = TrmConfig
