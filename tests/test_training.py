"""What an update does not do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gram_pyro.carry import Carry
from gram_pyro.guides import GUIDES
from gram_pyro.models import Gram, GramConfig
from gram_pyro.tasks import Coloring, NQueens, Sudoku
from gram_pyro.tasks.base import Task
from gram_pyro.training import Trainer
from gram_pyro.training_config import TrainingConfig

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero")


class NoWaiting(TorchDispatchMode):
    """Refuses operations for whose result the host would have to wait for a device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        assert not any(name in str(func) for name in WAITS), f"{func} waits for its result"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("task", [Coloring(n=5), NQueens(n=5), Sudoku(box=2)], ids=lambda task: task.name)
@pytest.mark.parametrize("objective", ["elbo", "importance", "wake_sleep"])
def test_an_update_never_waits_for_the_device(task: Task, objective: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """But to draw the problems of the next one, which the carry does with what it keeps on the CPU."""
    model = Gram(task, GramConfig(width=16, heads=2, layers=1, hidden=16))
    problems = task.generate("train", 10, 0)
    config = TrainingConfig(batch=8, depth=4, objective=objective)
    length = task.encode(problems[:1]).tokens.shape[1]
    guide = GUIDES["gaussian"](task, model)
    trainer = Trainer(model, guide, task.training_set(problems), length, config, updates=10)
    monkeypatch.setattr(Carry, "advance", lambda *_: None)
    with pyro.validation_enabled(False), NoWaiting():
        trainer.update()
        with pytest.raises(AssertionError, match="waits for its result"):
            bool(torch.ones(()) > 0)
