"""The same random numbers in every run."""

from __future__ import annotations

import pyro
import pytest
import torch
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("ci")


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed seed, no parameters left over from another test, and float32 whatever the processor."""
    monkeypatch.setattr("gram_pyro.machine.native_bfloat16", lambda: False)
    torch.manual_seed(0)
    pyro.clear_param_store()
