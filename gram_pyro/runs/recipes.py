"""One complete recipe per task and preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES, Guide
from gram_pyro.models import MODELS, GramConfig, Model
from gram_pyro.runs.config import RunConfig, config_of
from gram_pyro.runs.machine import MachineConfig
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import TASKS, Coloring, NQueens, Sudoku, Task

PAPER_MODEL = GramConfig(width=512, heads=8, layers=2, hidden=512, refinements=4, transitions=3)
PAPER_TRAINING = TrainingConfig(
    updates=80_000,
    batch=768,
    depth=16,
    prior_fraction=0.0,
    kl_transitions="last",
    beta=0.5,
    kl_target=None,
    learning_rate=1e-4,
    weight_decay=1.0,
    ema=0.9999,
)
PRESETS = {"cpu": (GramConfig(), TrainingConfig()), "paper": (PAPER_MODEL, PAPER_TRAINING)}
QUEENS_TRAINING = TrainingConfig(minutes=20, batch=64, kl_target=0.12, kl_target_start=0.2)
SUDOKU_TRAINING = TrainingConfig(minutes=45, batch=32, problems=5000, kl_target=0.05, kl_target_start=0.1)
RECIPES: dict[tuple[str, str], RunConfig] = {
    ("coloring", "cpu"): RunConfig(Coloring(), *PRESETS["cpu"], MachineConfig()),
    ("coloring", "paper"): RunConfig(Coloring(layout="tokens", names="canonical"), *PRESETS["paper"], MachineConfig()),
    ("nqueens", "cpu"): RunConfig(NQueens(), GramConfig(), QUEENS_TRAINING, MachineConfig(), task_name="nqueens"),
    ("nqueens", "paper"): RunConfig(
        NQueens(split="input", augmented=False),
        PAPER_MODEL,
        replace(PAPER_TRAINING, updates=48_000, beta=0.07),
        MachineConfig(),
        task_name="nqueens",
    ),
    ("sudoku", "cpu"): RunConfig(Sudoku(), GramConfig(), SUDOKU_TRAINING, MachineConfig(), task_name="sudoku"),
    ("sudoku", "paper"): RunConfig(
        Sudoku(level="hard"),
        replace(PAPER_MODEL, refinements=6),
        replace(PAPER_TRAINING, beta=0.1),
        MachineConfig(),
        task_name="sudoku",
    ),
}


def sized(kind: Callable[..., Any], preset: GramConfig) -> Any:
    """A model's configuration, with the sizes of a preset as far as they are its own."""
    names = ["width", "heads", "hidden"]
    if isinstance(kind, type) and issubclass(kind, GramConfig):
        names += ["layers", "refinements", "transitions"]
    known = {field.name for field in fields(kind)} if is_dataclass(kind) else set()
    return kind(**{name: getattr(preset, name) for name in names if name in known})


def recipe(
    task: str,
    preset: str = "cpu",
    model: str | Callable[..., Any] = "gram",
    guide: str | Callable[..., Any] | None = None,
) -> RunConfig:
    """The recipe of a task, with what its model and guide ask for (`Model.guide`, `Model.recipe`, `Guide.recipe`).

    A task of the user's own starts from the preset alone.

    Raises `UserError` for an unknown task, preset, model or guide.
    """
    if preset not in PRESETS:
        raise UserError(f"unknown preset {preset!r}; known are {' and '.join(PRESETS)}")
    asked = MODELS.find(model)
    own_guide: str = getattr(asked, "guide", Model.guide)
    model, guide = MODELS.name_of(model), GUIDES.name_of(own_guide if guide is None else guide)
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
    config = base.model if model == "gram" else sized(config_of(model), base.model)
    needs = {**getattr(asked, "recipe", Model.recipe), **getattr(GUIDES.find(guide), "recipe", Guide.recipe)}
    training = replace(base.training, **needs)
    return RunConfig(base.task, config, training, base.machine, guide, task, model)
