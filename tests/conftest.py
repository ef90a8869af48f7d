"""The same random numbers in every run."""

from __future__ import annotations

from collections.abc import Iterator

import pyro
import pytest
import torch
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("ci")


@pytest.fixture(autouse=True, scope="session")
def float32() -> Iterator[None]:
    """The same arithmetic whatever the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gram_pyro.runs.machine.native_bfloat16", lambda: False)
        yield


@pytest.fixture(autouse=True)
def fresh_state() -> None:
    """A fixed seed and no parameters left over from another test."""
    torch.manual_seed(0)
    pyro.clear_param_store()
