"""From a run folder, or the name of a shipped checkpoint, to a model that answers."""

import copy
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES, Guide
from gram_pyro.models import MODELS, Model
from gram_pyro.models.draft import SCHEDULES, TIMES, Times
from gram_pyro.models.heads import Heads
from gram_pyro.registry import Registry
from gram_pyro.runs.config import NoConfig, Part, RunConfig, from_json, label, to_json
from gram_pyro.runs.shipped import SHIPPED, shipped_names
from gram_pyro.system.files import is_file, is_folder, write_atomically
from gram_pyro.system.hollow import Hollow, fill
from gram_pyro.system.machine import choose_device
from gram_pyro.tasks import Task

WEIGHTS = "weights.safetensors"


class Run(NamedTuple):
    """A trained model, ready for inference: averaged weights, no dropout of anything, no gradients.

    `heads` judge its states; None if the checkpoint has none. `folder` is where it lies; None if it came
    with the package. `config` is how it was trained, None if nobody knows.
    """

    name: str
    task: Task
    model: Model
    guide: Guide
    depth: int
    device: torch.device
    heads: Heads | None = None
    folder: Path | None = None
    config: RunConfig | None = None


def build_parts(config: RunConfig) -> tuple[Model, Guide]:
    """Return a fresh model and guide; instances are copied, with their weights. Raises `UserError` if they are none."""
    spec = config.task.spec
    inputs = (spec,) if isinstance(config.model, NoConfig) else (spec, config.model)
    model: Model = instantiate(config.model_name, MODELS, *inputs)
    guide: Guide = instantiate(config.guide, GUIDES, spec, model)
    made = model is config.model_name or guide is config.guide
    return copy.deepcopy((model, guide)) if made else (model, guide)


def instantiate(part: Part, registry: Registry, *inputs: Any) -> Any:
    """Return the part itself if it is an instance, else make it. Raises `UserError` if that fails."""
    maker, base = registry.find(part), registry.base
    if isinstance(maker, base):
        return maker
    fits = not isinstance(maker, type) or issubclass(maker, base)
    try:
        made = maker(*inputs) if fits else None
    except (AttributeError, TypeError) as error:
        raise UserError(f"the {registry.kind} {label(part)} cannot be made: {error}") from error
    if not isinstance(made, base):
        name = f"gram_pyro.{registry.kind}s.{base.__name__}"
        raise UserError(f"{label(part)} is not a {registry.kind}: it must make a {name}")
    return made


def parameters_of(module: nn.Module) -> int:
    """Return the number of trained numbers."""
    return sum(parameter.numel() for parameter in module.parameters())


def load_weights(run: Run, model: Model, guide: Guide) -> None:
    """Give a fresh model and guide the weights of a trained run. Raises `UserError` if they do not fit."""
    try:
        model.load_state_dict(run.model.state_dict())
        guide.load_state_dict(run.guide.state_dict())
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"the weights of {run.name} do not fit this model and task: {reason}"[:300]) from None


def named_parts(model: Model, guide: Guide, heads: Heads | None) -> dict[str, nn.Module]:
    """Return the parts of a run by the prefix of their weights."""
    return {"model.": model, "guide.": guide} | ({} if heads is None else {"heads.": heads})


def publish(folder: Path, config: RunConfig, model: Model, guide: Guide, heads: Heads | None) -> None:
    """Write the configuration and the weights of model, guide and heads as safetensors."""
    tensors = {
        prefix + name: tensor.cpu().clone(memory_format=torch.contiguous_format)
        for prefix, part in named_parts(model, guide, heads).items()
        for name, tensor in part.state_dict().items()
    }
    write_atomically(folder / "config.json", to_json(config).encode())
    write_atomically(folder / WEIGHTS, save(tensors))


def rescheduled(config: RunConfig, draft: str | None, times: Times | None) -> RunConfig:
    """Return the same with another schedule of drafts, or other times of it, which weights do not depend on.

    Raises `UserError` if there is no such schedule, or if the model draws no drafts.
    """
    if draft is None and times is None:
        return config
    if draft is not None and draft not in SCHEDULES:
        raise UserError(f"draft must be {', '.join(SCHEDULES)}, not {draft!r}")
    if getattr(config.model, "draft", "none") == "none":
        asked = draft or "the times of drafts"
        raise UserError(f"the model {label(config.model_name)} was trained without drafts; leave out {asked}")
    changed = {
        "draft": draft or config.model.draft,
        "draft_times": times or (TIMES if draft else config.model.draft_times),
    }
    return replace(config, model=replace(config.model, **changed))


@torch.inference_mode(False)
def load_run(run: str, device: str = "auto", draft: str | None = None, draft_times: Times | None = None) -> Run:
    """Load a run folder, or a shipped checkpoint by name; with another schedule of drafts than its own, or other times.

    Raises `UserError` if there is none that is sound, or if it draws no drafts.
    """
    place = choose_device(device)
    own, shipped_one = is_file(Path(run) / "config.json"), is_file(SHIPPED / run / "config.json")
    folder = SHIPPED / run if shipped_one and not own else Path(run)
    if not run or not is_folder(folder):
        shipped = ", ".join(shipped_names())
        raise UserError(f"no run folder {run!r}, and no shipped checkpoint of that name ({shipped})")
    config = from_json(folder / "config.json")
    config = rescheduled(config, draft, draft_times)
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"{folder} holds no {WEIGHTS} yet: its training has not reached the first evaluation")
    try:
        tensors = load_file(path)
        # A part of the user's own may compute with its numbers. Ours take no memory before they are known to fit.
        ours = config.model_name in MODELS and config.guide in GUIDES
        with Hollow() if ours else nullcontext():
            model, guide = build_parts(config)
            heads = Heads(config.task.spec, model) if any(name.startswith("heads.") for name in tensors) else None
        parts = named_parts(model, guide, heads)
        if ours:
            wanted = [tensor for part in parts.values() for tensor in part.state_dict().values()]
            needed, stored = (sum(tensor.numel() for tensor in each) for each in (wanted, tensors.values()))
            if needed != stored:
                numbers = f"{stored:,} numbers, and its config.json needs {needed:,}"
                raise UserError(f"{path} holds {numbers}: one is another run's")
        for prefix, part in parts.items():
            fill(part, {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}, place)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"{path} is damaged or from another version: {str(error).splitlines()[0]}") from error
    for part in parts.values():
        part.requires_grad_(False).eval().to(place)
    name, depth, kept = Path(run).name, config.training.depth, folder if own else None
    return Run(name, config.task, model, guide, depth, place, heads, kept, config)
