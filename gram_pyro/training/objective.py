"""The objective that a training minimises, by name."""

from collections.abc import Callable
from typing import Any

from gram_pyro.objectives.constraint import ConstraintELBO
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.objectives.wake_sleep import WakeSleepELBO
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks.base import Task


def common(config: TrainingConfig) -> dict[str, Any]:
    """Return the options of every objective."""
    return {
        "kl_transitions": config.kl_transitions, "recompute": config.recompute, "draft_weight": config.draft_weight
    }  # fmt: skip


OBJECTIVES: dict[str, Callable[[TrainingConfig, Task], TruncatedTrace_ELBO]] = {
    "elbo": lambda config, _: TruncatedTrace_ELBO(config.horizon, balance=config.balance, **common(config)),
    "importance": lambda config, _: ImportanceELBO(config.horizon, particles=config.particles, **common(config)),
    "wake_sleep": lambda config, _: WakeSleepELBO(config.horizon, **common(config)),
    "constraint": lambda config, task: ConstraintELBO(
        config.horizon, constraint_log_prob=task.constraint_log_prob, weight=config.constraint_weight,
        balance=config.balance, **common(config),
    ),
}  # fmt: skip
