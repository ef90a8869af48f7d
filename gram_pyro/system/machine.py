"""What the machine at hand does best."""

from __future__ import annotations

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

BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names of instructions that multiply bfloat16, on x86 and on ARM."""


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def native_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware, as far as Linux tells; elsewhere it is slower than float32."""
    return bool(BFLOAT16 & {*_cpuinfo("flags").split(), *_cpuinfo("Features").split()})


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


def noise_of(device: torch.device) -> list[Tensor]:
    """Return the state of the global generators that work on a device draws from."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def set_noise(device: torch.device, states: Sequence[Tensor]) -> None:
    """Go on drawing where `noise_of` was taken."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


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


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one. Raises `UserError` for a device that is not there."""
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
