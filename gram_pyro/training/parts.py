"""The parts of a training: its machine, its data and its trainer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

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
from gram_pyro.training.validation import Validation


class Data(NamedTuple):
    """The problems of a training; `length` is that of an encoded one."""

    problems: Sequence[Any]
    pool: Pool
    validation: Validation
    length: int


def settle_machine(config: RunConfig, world: World) -> tuple[RunConfig, torch.device]:
    """Return the configuration with every `auto` of its machine settled, alike in all processes, and the device."""
    machine = resolve(config.machine, config.training)
    device = world.device(torch.device(machine.device))
    (half,) = world.broadcast([machine.precision == "bfloat16"], device)
    machine = dataclasses.replace(machine, precision="bfloat16" if half else "float32")
    return dataclasses.replace(config, machine=machine), device


def make_data(config: RunConfig, world: World, device: torch.device) -> Data:
    """Generate the problems to train and to validate on."""
    task, training = config.task, config.training
    problems = task.generate("train", training.problems, training.seed)
    pool = Pool(task, problems)  # refuses what has too many solutions, before validation counts them
    validation = Validation(task, training.depth, training.seed, world, device)
    return Data(problems, pool, validation, task.encode(problems[:1]).tokens.shape[1])


def make_trainer(config: RunConfig, data: Data, init: Run | None, world: World, device: torch.device) -> Trainer:
    """Make model and guide, with the weights of `init` if there is one, and what trains them.

    Raises `UserError` if model, guide, objective and weights do not fit together.
    """
    task, training = config.task, config.training
    model, guide = build_parts(config)
    check_compatible(label(config.guide), training, task, model, guide)
    if training.objective == "constraint":
        x = task.encode(data.problems[:1])
        task.constraint_log_prob(x, torch.full((*x.tokens.shape, task.spec.classes), 1 / task.spec.classes))
    if training.head_rounds != 0:
        check_has_state(model)
    if init is not None:
        load_weights(init, model, guide)
    check_guide(label(config.guide), guide, task, data.problems[0])
    model, guide = model.to(device), guide.to(device)
    return Trainer(model, guide, data.pool, data.length, training, training.updates or 1, device, world)


def parameters_of(model: nn.Module) -> int:
    """Return the number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters())
