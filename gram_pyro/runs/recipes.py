"""One complete recipe per task and preset."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES, DiffusionGuide, Guide
from gram_pyro.models import MODELS, GramConfig, Model
from gram_pyro.models.fields import FieldsConfig
from gram_pyro.registry import Registry
from gram_pyro.runs.config import Part, RunConfig, config_of, label
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import TASKS, Arc, Coloring, Countdown, Digits, Grids, NQueens, Sudoku, Task

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
ARC_TRAINING = TrainingConfig(minutes=30, batch=32, problems=100_000)  # all demonstrations under all views
QUEENS_TRAINING = TrainingConfig(minutes=20, batch=64, kl_target=0.12, kl_target_start=0.2)
SUDOKU_TRAINING = TrainingConfig(minutes=45, batch=32, problems=5000, kl_target=0.05, kl_target_start=0.1)
COLORING_PAPER = replace(PAPER_TRAINING, problems=7_002)
QUEENS_PAPER = replace(PAPER_TRAINING, problems=40_000, updates=48_000, beta=0.07)  # all boards: there are fewer
GRIDS_PAPER = replace(PAPER_TRAINING, problems=50_000, beta=0.05, ema=0.999)
SUDOKU_PAPER = replace(PAPER_MODEL, refinements=6)
PAPER_OF_TEN: dict[str, dict[str, Any]] = {
    "coloring": {"problems": 13_465, "beta": 0.45},
    "nqueens": {"updates": 16_000, "beta": 0.045},
}
"""What the paper changes for graphs of ten vertices and boards of ten rows."""
PARTS: dict[tuple[str, str], tuple[Task, GramConfig, TrainingConfig]] = {
    ("arc", "cpu"): (Arc(), GramConfig(), ARC_TRAINING),
    ("arc", "paper"): (Arc(views=1000), PAPER_MODEL, replace(PAPER_TRAINING, problems=10_000_000)),
    ("coloring", "cpu"): (Coloring(), *PRESETS["cpu"]),
    ("coloring", "paper"): (Coloring(layout="tokens", names="canonical"), PAPER_MODEL, COLORING_PAPER),
    ("countdown", "cpu"): (Countdown(), GramConfig(), TrainingConfig(minutes=15, batch=64)),
    ("countdown", "paper"): (Countdown(), PAPER_MODEL, PAPER_TRAINING),
    ("digits", "paper"): (Digits(), PAPER_MODEL, replace(PAPER_TRAINING, problems=60_000)),
    ("grids", "paper"): (Grids(augmented=False), SUDOKU_PAPER, GRIDS_PAPER),
    ("nqueens", "cpu"): (NQueens(), GramConfig(), QUEENS_TRAINING),
    ("nqueens", "paper"): (NQueens(split="input", augmented=False, layout="tokens"), PAPER_MODEL, QUEENS_PAPER),
    ("sudoku", "cpu"): (Sudoku(), GramConfig(), SUDOKU_TRAINING),
    ("sudoku", "paper"): (Sudoku(level="hard"), SUDOKU_PAPER, replace(PAPER_TRAINING, beta=0.1)),
}
GRAMS = {(name, preset): RunConfig(*parts, task_name=name) for (name, preset), parts in PARTS.items()}
DRAFTS_TRAINING = replace(TrainingConfig(**DiffusionGuide.recipe), minutes=30, batch=32, learning_rate=2e-3)
DRAFTS = RunConfig(
    Sudoku(),
    FieldsConfig(draft="cosine", guidance=False),
    replace(DRAFTS_TRAINING, problems=5000),
    guide="diffusion",
    task_name="sudoku",
    model_name="fields",
)
DIGITS_MODEL = GramConfig(
    layers=3, refinements=1, core="flat", guidance=False, draft="flow", receiver="mixture", memory="alone"
)
DIGITS_TRAINING = replace(
    DRAFTS_TRAINING, minutes=5, batch=128, learning_rate=5e-3, horizon=1, problems=60_000, head_rounds=0, evaluations=3
)
GRIDS_TRAINING = replace(DRAFTS_TRAINING, minutes=45, depth=128)
RECIPES = GRAMS | {
    ("sudoku", "cpu"): DRAFTS,
    ("digits", "cpu"): replace(
        DRAFTS,
        task=Digits(given=0.1),
        model=DIGITS_MODEL,
        training=DIGITS_TRAINING,
        task_name="digits",
        model_name="gram",
    ),
    ("grids", "cpu"): replace(DRAFTS, task=Grids(), training=GRIDS_TRAINING, task_name="grids"),
}
"""What trains where neither model nor guide is named: GRAM; noisy drafts alone for digits, with a memory, and for
Sudoku on fields."""


def sized(kind: Callable[..., Any], preset: GramConfig) -> Any:
    """Return a model's configuration, with the sizes of a preset where it has no others of its own."""
    names = ["width", "heads", "hidden"]
    if isinstance(kind, type) and issubclass(kind, GramConfig):
        names += ["layers", "refinements", "transitions"]
    defaults = {field.name: field.default for field in fields(kind)} if is_dataclass(kind) else {}
    usual = GramConfig()
    return kind(**{name: getattr(preset, name) for name in names if defaults.get(name) == getattr(usual, name)})


def recipe(task: Part | Task, preset: str = "cpu", model: Part | None = None, guide: Part | None = None) -> RunConfig:
    """Return the recipe of a task, with what its model and guide want (`Model.guide`, `Model.recipe`, `Guide.recipe`).

    Without model and guide they are the task's own: `gram` and `gaussian`, noisy drafts on `fields` for Sudoku. Each
    part is a name, a class or function, or an instance. A task of the user's own starts from the preset alone; the
    paper's goes with the size of the task.
    Raises `UserError` for an unknown task, preset, model or guide.
    """
    if preset not in PRESETS:
        raise UserError(f"unknown preset {preset!r}; known are {' and '.join(PRESETS)}")
    made, name = make_task(task)
    key = (str(name), preset)
    base = GRAMS.get(key) or RunConfig(made, *PRESETS[preset])
    own = RECIPES.get(key, base)
    if model is None and guide in (None, own.guide):
        base, guide = own, own.guide
    model = base.model_name if model is None else model
    kind = MODELS.find(model)
    guide = getattr(kind, "guide", Model.guide) if guide is None else guide
    model, guide = known_name(MODELS, model), known_name(GUIDES, guide)
    made = made if isinstance(task, Task) else base.task
    config = base.model if model == base.model_name else sized(config_of(model), base.model)
    training = base.training
    if preset == "paper" and getattr(made, "n", None) == 10:
        training = replace(training, **PAPER_OF_TEN.get(str(name), {}))
    if (model, guide) != (base.model_name, base.guide):
        needs = {**getattr(kind, "recipe", Model.recipe), **getattr(GUIDES.find(guide), "recipe", Guide.recipe)}
        training = replace(training, **needs)
    return RunConfig(made, config, training, base.machine, guide, name, model)


def make_task(task: Part | Task) -> tuple[Task, Part]:
    """Return a task, and the name of its class or the class itself. Raises `UserError` if it is none."""
    maker = task if isinstance(task, Task) else TASKS.find(task)
    try:
        made = maker if isinstance(maker, Task) else maker()
    except TypeError as error:
        raise UserError(f"{label(task)} must be complete, each field with a default: {error}") from error
    if not isinstance(made, Task):
        raise UserError(f"{label(task)} is not a task: its class must derive from gram_pyro.tasks.Task")
    return made, known_name(TASKS, task if isinstance(task, str) and isinstance(maker, type) else type(made))


def known_name(registry: Registry, part: Part) -> Part:
    """Return the name of a registered part; a name that holds in every folder; or the part as it is."""
    if isinstance(part, str):
        return registry.name_of(part)
    return next((name for name, entry in registry.items() if entry is part), part)
