"""What a run computes on."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch.utils._pytree import tree_map_only

from gram_pyro.errors import UserError
from gram_pyro.models.base import Model
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.distributed import processes
from gram_pyro.system.machine import choose_device, cores, native_bfloat16

MAX_THREADS = 1024
WORTH_COMPILING = 5000  # updates from which compiling pays for itself (it costs half a minute)


@dataclass(frozen=True)
class MachineConfig:
    """What the run computes on. `auto` is resolved at the start and stored, so that a resumed run repeats it."""

    device: str = "auto"
    """auto (CUDA where there is one), cpu, cuda, cuda:1."""
    compile: Literal["auto", "on", "graphs", "off"] = "auto"
    """on: torch.compile of the network; graphs: CUDA graphs of that as well; auto: on where it pays, else off."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Autocast of the network; auto: bfloat16 on CUDA and on CPUs that multiply it, else float32."""
    threads: int = 0
    """CPU threads; 0 takes all cores, or one where that is faster as a training by minutes starts."""


def resolve(machine: MachineConfig, training: TrainingConfig) -> MachineConfig:
    """Settle every `auto`. Raises `UserError` for a device, threads or CUDA graphs that cannot be."""
    if not 0 <= machine.threads <= MAX_THREADS:
        raise UserError(f"--threads must lie between 0 (all cores) and {MAX_THREADS}, not {machine.threads}")
    device = choose_device(machine.device)
    if machine.compile == "graphs" and device.type != "cuda":
        raise UserError(f"--compile graphs makes CUDA graphs, which {device} has not; take --compile on")
    if machine.compile == "graphs" and (training.accumulate > 1 or training.recompute or processes() > 1):
        alone = "one process without --accumulate and --recompute"
        raise UserError(f"--compile graphs is for {alone}; take --compile on there")
    compiler = device.type == "cuda" or shutil.which(os.environ.get("CXX", "g++")) is not None
    long = (training.updates is None and training.minutes >= 3) or (training.updates or 0) >= WORTH_COMPILING
    choice = machine.compile if machine.compile != "auto" else ("on" if compiler and long else "off")
    precision = machine.precision
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" or native_bfloat16() else "float32"
    return MachineConfig(str(device), choice, precision, machine.threads or max(1, cores() // processes()))


def compile_network(model: Model, graphs: bool = False) -> None:
    """Compile the network's tensor functions in place; the probabilistic program stays outside.

    `graphs` makes CUDA graphs of them: the kernels of a small network take longer to start than to run.
    """
    for name in model.compiled:
        compiled = torch.compile(getattr(model, name), mode="reduce-overhead" if graphs else None)
        setattr(model, name, partial(cloned, compiled) if graphs else compiled)


def cloned(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function and return copies: the next run of a CUDA graph overwrites what it returned."""
    return tree_map_only(torch.Tensor, torch.clone, function(*args, **kwargs))
