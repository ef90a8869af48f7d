"""One complete recipe per task and preset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gram_pyro.config import MachineConfig, RunConfig, config_of
from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS, GramConfig
from gram_pyro.tasks import TASKS, Coloring, Task
from gram_pyro.training import TrainingConfig

PAPER_MODEL = GramConfig(width=512, heads=8, layers=2, hidden=512, refinements=4, transitions=3)
PAPER_TRAINING = TrainingConfig(
    updates=80_000,
    batch=768,
    depth=16,
    free=0.0,
    charge="last",
    beta=0.5,
    kl_target=None,
    learning_rate=1e-4,
    weight_decay=1.0,
    ema=0.9999,
)
PRESETS = {"cpu": (GramConfig(), TrainingConfig()), "paper": (PAPER_MODEL, PAPER_TRAINING)}
RECIPES: dict[tuple[str, str], RunConfig] = {
    ("coloring", "cpu"): RunConfig(Coloring(), *PRESETS["cpu"], MachineConfig()),
    ("coloring", "paper"): RunConfig(Coloring(layout="tokens", names="canonical"), *PRESETS["paper"], MachineConfig()),
}


def recipe(
    task: str,
    preset: str = "cpu",
    model: str | Callable[..., Any] = "gram",
    guide: str | Callable[..., Any] = "gaussian",
) -> RunConfig:
    """The recipe of a task; a task of the user's own starts from the preset alone.

    Raises `UserError` for an unknown task, preset, model or guide.
    """
    if preset not in PRESETS:
        raise UserError(f"unknown preset {preset!r}; known are {' and '.join(PRESETS)}")
    model, guide = MODELS.name_of(model), GUIDES.name_of(guide)
    task, kind = TASKS.name_of(task), TASKS.find(task)
    if (task, preset) in RECIPES:
        base = RECIPES[task, preset]
    else:
        if not (isinstance(kind, type) and issubclass(kind, Task)):
            raise UserError(f"{task} is not a task: its class must derive from gram_pyro.tasks.Task")
        try:
            made = kind()
        except TypeError as error:
            raise UserError(f"{task} must be complete, each field with a default: {error}") from error
        base = RunConfig(made, *PRESETS[preset], MachineConfig())
    config = base.model if model == "gram" else config_of(model)()
    return RunConfig(base.task, config, base.training, base.machine, guide, task, model)
