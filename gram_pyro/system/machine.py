"""What the machine at hand does best."""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyro
import torch
from torch import Tensor

from gram_pyro.errors import UserError


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def native_bfloat16() -> bool:
    """Return whether the CPU multiplies bfloat16 in hardware, as far as Linux tells."""
    instructions = {"avx512_bf16", "amx_bf16", "bf16"}  # on x86 and on ARM
    return not instructions.isdisjoint(f"{_cpuinfo('flags')} {_cpuinfo('Features')}".split())


@contextmanager
def compiler_explained() -> Iterator[None]:
    """Raise `UserError` where `torch.compile` fails."""
    try:
        yield
    except RuntimeError as error:
        from torch._dynamo.exc import BackendCompilerFailed
        from torch._inductor.runtime.cache_dir_utils import cache_dir

        if not isinstance(error, BackendCompilerFailed):
            raise
        reason = next(iter(str(error.inner_exception).splitlines()), "it does not say why")
        cure = f"remove {cache_dir()}, or train with --compile off"
        broken = f"a compilation that was killed can leave its cache broken: {cure}"
        raise UserError(f"the compiler failed ({reason}); {broken}") from error


@contextmanager
def arithmetic(device: torch.device, precision: str, graphs: bool = False) -> Iterator[None]:
    """Compute in bfloat16 autocast, or in float32; on CUDA float32 products take TF32, which loses less than bfloat16.

    cuDNN's attention is off: its gradient is NaN at times (64 positions; pytorch/pytorch issue 196678).
    With CUDA `graphs`, the tensors of the last update are given up.
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


def noise_of(device: torch.device) -> list[Tensor]:
    """Return the state of the global generators that work on a device draws from."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def set_noise(device: torch.device, states: Sequence[Tensor]) -> None:
    """Go on drawing where `noise_of` was taken."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def machine_facts(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the machine, with its card if `device` is one, and the versions that numbers were measured on."""
    return {
        "processor": _cpuinfo("model name") or platform.processor() or "unknown",
        **({"card": torch.cuda.get_device_name(device)} if torch.device(device).type == "cuda" else {}),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pyro": pyro.__version__,
    }


def _cpuinfo(field: str) -> str:
    """Return what Linux says of the first processor; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def choose_device(name: str) -> torch.device:
    """Return a device; `auto` is CUDA where there is one. Raises `UserError` for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}; cpu always can") from error
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} cannot be used; cpu, cuda and cuda:1 can, where they are there")
    return device
