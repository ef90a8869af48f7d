"""What the machine at hand does best."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyro
import torch
from torch.utils._pytree import tree_map_only

from gram_pyro.config import MachineConfig
from gram_pyro.distributed import processes
from gram_pyro.errors import UserError
from gram_pyro.models.base import Model
from gram_pyro.runs import choose_device
from gram_pyro.training_config import TrainingConfig

BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names of instructions that multiply bfloat16, on x86 and on ARM."""
MAX_THREADS = 1024
WORTH_COMPILING = 5000
"""Updates from which compiling pays for itself (it costs half a minute)."""


def resolve(machine: MachineConfig, training: TrainingConfig) -> MachineConfig:
    """Settle every `auto`.

    Raises `UserError` for a device that is not there, an impossible number of threads, or CUDA graphs of what cannot
    be one.
    """
    if not 0 <= machine.threads <= MAX_THREADS:
        raise UserError(f"--threads must lie between 0 (all cores) and {MAX_THREADS}, not {machine.threads}")
    device = choose_device(machine.device)
    if machine.compile == "graphs" and device.type != "cuda":
        raise UserError(f"--compile graphs makes CUDA graphs, which {device} has not; take --compile on")
    if machine.compile == "graphs" and (training.accumulate > 1 or training.recompute or processes() > 1):
        raise UserError(
            "--compile graphs is for one process without --accumulate and --recompute; take --compile on there"
        )
    compiler = device.type == "cuda" or shutil.which(os.environ.get("CXX", "g++")) is not None
    long = (training.updates is None and training.minutes >= 3) or (training.updates or 0) >= WORTH_COMPILING
    choice = machine.compile if machine.compile != "auto" else ("on" if compiler and long else "off")
    precision = machine.precision
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" or native_bfloat16() else "float32"
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


def native_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware, as far as Linux tells; elsewhere it is slower than float32."""
    return bool(BFLOAT16 & {*_cpuinfo("flags").split(), *_cpuinfo("Features").split()})


def compile_network(model: Model, graphs: bool = False) -> None:
    """Compile the network's tensor functions in place; the probabilistic program stays outside.

    `graphs` makes CUDA graphs of them, whose kernels start together: to start those of a small network one by one
    takes longer than they run.
    """
    for name in model.compiled:
        compiled = torch.compile(getattr(model, name), mode="reduce-overhead" if graphs else None)
        setattr(model, name, partial(kept, compiled) if graphs else compiled)


def kept(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function returns, in memory of its own: the next run of a CUDA graph overwrites what it returned."""
    return tree_map_only(torch.Tensor, torch.clone, function(*args, **kwargs))


@contextmanager
def compiler_explained() -> Iterator[None]:
    """Say in a sentence what `torch.compile` could not do. Raises `UserError`."""
    try:
        yield
    except RuntimeError as error:
        from torch._dynamo.exc import BackendCompilerFailed
        from torch._inductor.runtime.cache_dir_utils import cache_dir

        if not isinstance(error, BackendCompilerFailed):
            raise
        reason = next(iter(str(error.inner_exception).splitlines()), "it does not say why")
        raise UserError(
            f"the compiler failed ({reason}); a compilation that was killed can leave its cache broken: "
            f"remove {cache_dir()}, or train with --compile off"
        ) from error


@contextmanager
def arithmetic(device: torch.device, precision: str, graphs: bool = False) -> Iterator[None]:
    """What an update is computed in: bfloat16 autocast, or nothing; on CUDA float32 products take TF32, which loses
    less than bfloat16.

    There cuDNN's attention is left out, whose gradient is NaN at times where other kernels' is not (64 positions;
    pytorch/pytorch issue 196678).
    With CUDA `graphs`, the tensors of the update before are given up.
    """
    if graphs:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
    cuda, before = device.type == "cuda", torch.get_float32_matmul_precision()
    cudnn = torch.backends.cuda.cudnn_sdp_enabled()  # type: ignore[no-untyped-call]
    if cuda:
        torch.set_float32_matmul_precision("high")
        torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            yield
    finally:
        if cuda:
            torch.set_float32_matmul_precision(before)
            torch.backends.cuda.enable_cudnn_sdp(cudnn)


def machine_facts(device: torch.device | str = "cpu") -> dict[str, Any]:
    """The machine, with its card if `device` is one, and the versions that numbers were measured on."""
    card = {"card": torch.cuda.get_device_name(device)} if torch.device(device).type == "cuda" else {}
    return {
        "processor": _cpuinfo("model name") or platform.processor() or "unknown",
        **card,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pyro": pyro.__version__,
    }


def _cpuinfo(field: str) -> str:
    """What Linux says of the first processor; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")
