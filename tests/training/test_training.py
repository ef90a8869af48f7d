"""What an update does and does not do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyro
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from gram_pyro.guides import GUIDES
from gram_pyro.models import Gram, GramConfig
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring, NQueens, Sudoku
from gram_pyro.tasks.base import Task
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.carry import Carry
from gram_pyro.training.trainer import Trainer

COLORING = Coloring(n=5)
WAITS = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "is_nonzero",
    "aten.equal",
    "_unique",
    "repeat_interleave.T",
)


class NoWaiting(TorchDispatchMode):
    """Refuses operations for whose result the host would have to wait for a device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        marks = [part.dtype for part in tree_iter(args) if isinstance(part, Tensor)] if "index" in str(func) else []
        waits = any(name in str(func) for name in WAITS) or torch.bool in marks[1:] or torch.uint8 in marks[1:]
        assert not waits, f"{func} waits for its result"
        return func(*args, **(kwargs or {}))


def made(config: TrainingConfig, updates: int, task: Task = COLORING) -> Trainer:
    """What trains a small GRAM."""
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    problems = task.generate("train", 10, 0)
    return Trainer(model, GUIDES["gaussian"](task.spec, model), Pool(task, problems), config, updates)


@pytest.mark.parametrize("task", [COLORING, NQueens(n=5), Sudoku(box=2)], ids=lambda task: task.name)
@pytest.mark.parametrize("objective", ["elbo", "importance", "wake_sleep"])
def test_an_update_never_waits_for_the_device(task: Task, objective: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """But to draw the problems of the next one, which the carry does with what it keeps on the CPU."""
    trainer = made(TrainingConfig(batch=8, depth=4, objective=objective), 10, task)
    monkeypatch.setattr(Carry, "advance", lambda *_: None)
    for name in ("cpu", "tolist", "numpy"):
        monkeypatch.setattr(Tensor, name, lambda *_: pytest.fail("waits for its result"))
    with pyro.validation_enabled(False), NoWaiting():
        trainer.update()


@pytest.mark.parametrize(("updates", "expected"), [(40, 4), (2000, 200), (50_000, 200)])
def test_a_short_training_warms_up_for_a_tenth_of_it(updates: int, expected: int) -> None:
    trainer = made(TrainingConfig(batch=8, depth=4, warmup=200, learning_rate=1e-3), 1)
    trainer.updates = updates  # as the plan of a training by minutes settles them
    rates = []
    for trainer.done in (0, expected - 1, expected, updates):
        rates.append(trainer.learning_rate())
    assert rates == pytest.approx([1e-3 / expected, 1e-3, 1e-3, 5e-5])


@pytest.mark.parametrize(
    ("options", "steps"), [({}, 1), ({"horizon": 2}, 2), ({"horizon": 4, "deep_supervision": False}, 4)]
)
def test_the_controller_counts_in_supervision_steps(options: dict[str, Any], steps: int) -> None:
    """An update that unrolls several moves beta as far as as many updates of one."""
    trainer = made(TrainingConfig(batch=8, depth=4, kl_rate=0.02, **options), 10)
    before = trainer.controller.log_beta.item()
    trainer.controller.update(torch.tensor(1e6), 1.0)
    assert trainer.controller.log_beta.item() - before == pytest.approx(0.02 * steps)


def test_the_target_falls_linearly_over_a_part_of_the_training() -> None:
    trainer = made(TrainingConfig(batch=8, depth=4, kl_target=0.4, kl_target_start=0.8, kl_decay=0.5), 100)
    targets = []
    for trainer.done in (0, 25, 50, 100):
        targets.append(trainer.kl_target())
    assert targets == pytest.approx([0.8, 0.6, 0.4, 0.4])


@pytest.mark.parametrize(("options", "steps"), [({}, 1), ({"horizon": 2}, 2)])
def test_an_update_measures_in_problems_and_supervision_steps(
    options: dict[str, Any], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and gradient are of all problems; KL, and with it beta, of those that were steered from their start."""
    trainer = made(TrainingConfig(batch=8, depth=4, kl_rate=0.02, **options), 10)
    for parameter in trainer.guide.parameters():
        nn.init.normal_(parameter, std=0.2)
    problems, targets, _ = trainer.carry.examples
    torch.manual_seed(1)
    trainer.elbo.beta = trainer.controller.beta
    terms = trainer.elbo.terms(trainer.model, trainer.guide, problems, targets, steps=steps, state=trainer.carry.state)
    (terms.loss / (8 * steps)).backward()
    norm = nn.utils.get_total_norm([part.grad for part in trainer.parameters if part.grad is not None])
    each = terms.kl.sum(0) / steps
    steered = each > each.mean()
    kl = each[steered].mean()
    monkeypatch.setattr(Carry, "from_start", steered)
    monkeypatch.setattr(trainer, "kl_target", lambda: 2 * kl.item())
    before = trainer.controller.log_beta.item()
    torch.manual_seed(1)
    found = trainer.update()
    expected = terms.loss.detach() / (8 * steps), kl, norm
    torch.testing.assert_close((found.loss, found.kl, found.gradient_norm), expected)
    assert trainer.controller.log_beta.item() - before == pytest.approx(-0.02 * steps / 2, abs=1e-6)


def test_an_update_that_steers_nobody_leaves_beta(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has not seen how much the posterior says, which is not the same as nothing."""
    trainer = made(TrainingConfig(batch=8, depth=4, kl_rate=0.02), 10)
    monkeypatch.setattr(Carry, "from_start", torch.zeros(8, dtype=torch.bool))
    before = trainer.controller.log_beta.item()
    trainer.update()
    assert trainer.controller.log_beta.item() == before


def test_averages_forget_the_start_of_a_training() -> None:
    """Their decay grows from 1/10 as updates are made, to the one configured."""
    trainer = made(TrainingConfig(batch=8, depth=4, warmup=0, ema=0.2), 10)
    expected = [parameter.detach().clone() for parameter in trainer.parameters]
    for decay in (1 / 10, 2 / 11, 0.2, 0.2):
        trainer.update()
        expected = [now.lerp(old, decay) for now, old in zip(trainer.parameters, expected, strict=True)]
        averaged = [*trainer.averaged.parameters(), *trainer.averaged_guide.parameters()]
        torch.testing.assert_close(averaged, expected)


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: bool(x[0] > 0),
        lambda x: x[0].item(),
        lambda x: x[x > 0],
        lambda x: torch.equal(x, x),
        lambda x: x.unique(),
        lambda x: x.nonzero(),
    ],
)
def test_waiting_is_seen(wait: Callable[[Tensor], object]) -> None:
    with NoWaiting(), pytest.raises(AssertionError, match="waits for its result"):
        wait(torch.ones(3))
