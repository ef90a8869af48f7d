"""What `auto` comes to on a machine."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.models.base import State
from gram_pyro.runs import machine as chosen
from gram_pyro.runs.machine import MachineConfig, cloned
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system import machine
from gram_pyro.system.machine import arithmetic, native_bfloat16


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
    monkeypatch.setattr(chosen, "native_bfloat16", native_bfloat16)
    monkeypatch.setattr(machine, "_cpuinfo", lambda asked: flags if asked == field else "")
    settled = chosen.resolve(MachineConfig(device="cpu"), TrainingConfig())
    assert settled.precision == precision
    for asked in ("float32", "bfloat16"):
        told = MachineConfig(device="cpu", precision=asked)  # type: ignore[arg-type]
        assert chosen.resolve(told, TrainingConfig()).precision == asked


def test_on_cuda_an_update_has_tf32_and_no_attention_of_cudnn() -> None:
    def settings() -> tuple[str, bool]:
        return torch.get_float32_matmul_precision(), torch.backends.cuda.cudnn_sdp_enabled()

    before = settings()
    with arithmetic(torch.device("cpu"), "float32"):
        assert settings() == before == ("highest", True)
    with pytest.raises(ZeroDivisionError), arithmetic(torch.device("cuda"), "float32"):
        assert settings() == ("high", False)
        raise ZeroDivisionError
    assert settings() == before


def test_what_a_graph_returns_is_kept() -> None:
    memory = torch.zeros(2)

    def replay(value: float, *, twice: bool) -> tuple[State, Tensor, str]:
        memory.fill_(2 * value if twice else value)
        return State(memory, memory), memory, "name"

    state, tensor, name = cloned(replay, 1.0, twice=True)
    cloned(replay, 5.0, twice=False)
    assert isinstance(state, State) and name == "name"
    assert all(part.tolist() == [2, 2] for part in (*state[:2], tensor))


@pytest.mark.parametrize("training", [{}, {"accumulate": 2}, {"recompute": True}])
def test_graphs_are_refused_where_they_do_not_serve(monkeypatch: pytest.MonkeyPatch, training: dict[str, Any]) -> None:
    asked = MachineConfig(device="cuda", compile="graphs")
    with pytest.raises(UserError, match="--compile on"):
        chosen.resolve(MachineConfig(device="cpu", compile="graphs"), TrainingConfig(**training))
    monkeypatch.setattr(chosen, "choose_device", torch.device)
    if training:
        with pytest.raises(UserError, match=r"one process without --accumulate and --recompute; take --compile on"):
            chosen.resolve(asked, TrainingConfig(**training))
    else:
        assert chosen.resolve(asked, TrainingConfig()).compile == "graphs"
