"""What the machine at hand does best."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pyro
import torch

from gram_pyro.config import MachineConfig
from gram_pyro.distributed import processes
from gram_pyro.errors import UserError
from gram_pyro.models.base import Model
from gram_pyro.runs import choose_device
from gram_pyro.training_config import TrainingConfig

MAX_THREADS = 1024
WORTH_COMPILING = 5000
"""Updates from which compiling pays for itself (it costs half a minute)."""


def resolve(machine: MachineConfig, training: TrainingConfig) -> MachineConfig:
    """Settle every `auto`. Raises `UserError` for a device that is not there."""
    if not 0 <= machine.threads <= MAX_THREADS:
        raise UserError(f"--threads must lie between 0 (all cores) and {MAX_THREADS}, not {machine.threads}")
    device = choose_device(machine.device)
    compiler = device.type == "cuda" or shutil.which(os.environ.get("CXX", "g++")) is not None
    long = (training.updates is None and training.minutes >= 3) or (training.updates or 0) >= WORTH_COMPILING
    choice = machine.compile if machine.compile != "auto" else ("on" if compiler and long else "off")
    precision = machine.precision
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" else "float32"
    return dataclasses.replace(
        machine,
        device=str(device),
        compile=choice,
        precision=precision,
        threads=machine.threads or max(1, cores() // processes()),
    )


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compile_network(model: Model) -> None:
    """Compile the network's tensor functions in place; the probabilistic program stays outside."""
    for function in model.compiled:
        setattr(model, function, torch.compile(getattr(model, function)))


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """bfloat16 autocast, or nothing."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def machine_facts() -> dict[str, Any]:
    """The machine and the versions that numbers were measured on."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pyro": pyro.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"
