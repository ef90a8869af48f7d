"""The configuration of a run: complete, frozen, stored beside what it produced."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS
from gram_pyro.runs.machine import MachineConfig
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import TASKS, Task

FORMAT = 2
Part = Callable[..., Any] | str
"""The name of a model, guide or task, or what makes one: a class, function or instance of the user's."""
RENAMED = {"task": {"augment": "augmented"}, "training": {"free": "prior_fraction", "charge": "kl_transitions"}}
"""Fields by their name in format 1, by part."""
RENAMED_GUIDES = {"backward": "lookahead"}


@dataclass(frozen=True)
class RunConfig:
    """Task, model, guide and training: everything that decides what comes out.

    The names may be classes, functions or instances of the user's; only what is found again by name can be stored.
    """

    task: Task
    model: Any
    training: TrainingConfig
    machine: MachineConfig = field(default_factory=MachineConfig)
    guide: Part = "gaussian"
    task_name: Part = "coloring"
    model_name: Part = "gram"
    init: str = ""
    """Run whose weights the training started from."""


@dataclass(frozen=True)
class NoConfig:
    """The configuration of a model that a function makes, or that is made already."""


def label(part: Part | Task) -> str:
    """Return what a message calls a part."""
    return part if isinstance(part, str) else getattr(part, "__name__", type(part).__name__)


def to_json(config: RunConfig) -> str:
    """Return the configuration as JSON. Raises `UserError` for parts that cannot be found again by name."""
    registries = {"task_name": TASKS, "model_name": MODELS, "guide": GUIDES}
    names: dict[str, Any] = {key: registry.name_of(getattr(config, key)) for key, registry in registries.items()}
    stored = {"format": FORMAT} | asdict(replace(config, **names))
    try:
        return json.dumps(stored, indent=2) + "\n"
    except TypeError as error:
        raise UserError(f"this run cannot be stored in a folder: {error}") from None


def from_json(path: Path) -> RunConfig:
    """Read a configuration. Raises `UserError` if it is missing, damaged, or has keys that are not known."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path.parent} is not a run folder: it has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    version = stored.pop("format", None) if isinstance(stored, dict) else None
    if version not in (FORMAT - 1, FORMAT):
        formats = f"this one reads formats {FORMAT - 1} and {FORMAT}"
        raise UserError(f"{path} was written by another version of gram_pyro; {formats}")
    kinds = dict.fromkeys(("task", "model", "training", "machine"), dict)
    for key, kind in (kinds | dict.fromkeys(("task_name", "model_name", "guide"), str)).items():
        if not isinstance(stored.get(key), kind):
            raise UserError(f"{path} does not describe a run: it has no {key}, or one of another type")
    if version < FORMAT:
        stored = upgraded(stored)
    try:
        task, model = TASKS.find(stored["task_name"]), config_of(stored["model_name"])
        makers: list[Callable[..., Any]] = [task, model, TrainingConfig, MachineConfig]
        parts = {key: build(maker, stored[key], path) for key, maker in zip(kinds, makers, strict=True)}
        return RunConfig(**stored | parts)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} does not describe a run: {error}") from error


def upgraded(stored: dict[str, Any]) -> dict[str, Any]:
    """Return what format 1 says, in the words of format 2."""
    parts = {part: {new.get(key, key): value for key, value in stored[part].items()} for part, new in RENAMED.items()}
    return stored | parts | {"guide": RENAMED_GUIDES.get(stored["guide"], stored["guide"])}


def config_of(part: Part) -> Callable[..., Any]:
    """Return the configuration class of a model; a function or an instance needs none."""
    model = MODELS.find(part)
    if not isinstance(model, type):
        return NoConfig
    if (config := getattr(model, "Config", None)) is None:
        raise UserError(f"the model {label(part)!r} has no Config: give its class a dataclass of that name")
    return config  # type: ignore[no-any-return]


def build(kind: Callable[..., Any], stored: dict[str, Any], path: Path) -> Any:
    """Make a frozen dataclass from stored fields; lists become tuples. Raises `UserError` on unknown keys."""
    hints = get_type_hints(kind)
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(stored.keys() - names):
        raise UserError(f"{path} has unknown keys: {', '.join(unknown)}; known are {', '.join(sorted(names))}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    for key, value in values.items():
        if not fits(value, hints[key]):
            raise UserError(f"{path} has an impossible value for {key}: {value!r}")
    return kind(**values)


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value is of a field's type; types that JSON does not know are not judged."""
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return value in parts
    if get_origin(hint) in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if get_origin(hint) is tuple and parts[1:] == (...,):
        return isinstance(value, tuple) and all(fits(each, parts[0]) for each in value)
    if hint in (int, float, bool, str, type(None)):
        return type(value) is hint or (hint is float and type(value) is int)
    return True
