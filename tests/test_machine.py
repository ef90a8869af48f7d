"""What `auto` comes to on a machine."""

from __future__ import annotations

import pytest

from gram_pyro import machine
from gram_pyro.config import MachineConfig
from gram_pyro.machine import native_bfloat16
from gram_pyro.training_config import TrainingConfig


@pytest.mark.parametrize(
    ("field", "flags", "precision"),
    [
        ("flags", "fpu avx2 avx512f avx512_bf16", "bfloat16"),
        ("flags", "fpu amx_bf16 amx_tile", "bfloat16"),
        ("Features", "fp asimd bf16", "bfloat16"),
        ("flags", "fpu avx2 avx512f", "float32"),
        ("flags", "", "float32"),
    ],
)
def test_precision_is_what_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, field: str, flags: str, precision: str
) -> None:
    monkeypatch.setattr(machine, "native_bfloat16", native_bfloat16)
    monkeypatch.setattr(machine, "_cpuinfo", lambda asked: flags if asked == field else "")
    settled = machine.resolve(MachineConfig(device="cpu"), TrainingConfig())
    assert settled.precision == precision
    for asked in ("float32", "bfloat16"):
        told = MachineConfig(device="cpu", precision=asked)  # type: ignore[arg-type]
        assert machine.resolve(told, TrainingConfig()).precision == asked
