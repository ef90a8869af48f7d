"""The parts of a training: its machine and its trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gram_pyro.runs.config import RunConfig, label
from gram_pyro.runs.machine import resolve
from gram_pyro.runs.store import Run, build_parts, load_weights
from gram_pyro.system.distributed import World
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.heads import check_has_state
from gram_pyro.training.trainer import Trainer
from gram_pyro.training.trial import check_compatible, check_guide


def settle_machine(config: RunConfig, world: World) -> tuple[RunConfig, torch.device]:
    """Return the configuration with every `auto` of its machine settled, alike in all processes, and the device."""
    machine = resolve(config.machine, config.training)
    device = world.device(torch.device(machine.device))
    (half,) = world.broadcast([machine.precision == "bfloat16"], device)
    return replace(config, machine=replace(machine, precision="bfloat16" if half else "float32")), device


def make_trainer(
    config: RunConfig, problems: Sequence[Any], pool: Pool, init: Run | None, world: World, device: torch.device
) -> Trainer:
    """Make model and guide, with the weights of `init` if there is one, and what trains them.

    Raises `UserError` if model, guide, objective and weights do not fit together.
    """
    task, training = config.task, config.training
    model, guide = build_parts(config)
    check_compatible(label(config.guide), training, task, model, guide)
    shape = pool.problems.tokens.shape
    if training.objective == "constraint":
        probs = torch.full((1, *shape[1:], task.spec.classes), 1 / task.spec.classes)
        task.constraint_log_prob(task.encode(problems[:1]), probs)
    if training.head_rounds != 0:
        check_has_state(model)
    if init is not None:
        load_weights(init, model, guide)
    check_guide(label(config.guide), guide, task, problems[0])
    model, guide = model.to(device), guide.to(device)
    return Trainer(model, guide, pool, shape[1], training, training.updates or 1, device, world)


def parameters_of(model: nn.Module) -> int:
    """Return the number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters())
