"""What training minimises, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gram_pyro.elbo import TruncatedTrace_ELBO
from gram_pyro.importance_elbo import ImportanceELBO
from gram_pyro.wake_sleep_elbo import WakeSleepELBO

if TYPE_CHECKING:
    from gram_pyro.training import TrainingConfig

OBJECTIVES: dict[str, Callable[[TrainingConfig], TruncatedTrace_ELBO]] = {
    "elbo": lambda config: TruncatedTrace_ELBO(config.horizon, balance=config.balance, charge=config.charge),
    "importance": lambda config: ImportanceELBO(config.horizon, particles=config.particles, charge=config.charge),
    "wake_sleep": lambda config: WakeSleepELBO(config.horizon, charge=config.charge),
}
