"""`carried`, the iterator of a training loop of one's own: what it yields is what the trainer trains on."""

from __future__ import annotations

import copy
from itertools import islice
from typing import Any

import pyro
import pytest
import torch
from pyro.infer import SVI
from torch import Tensor, nn

from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.runs.config import config_of
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring, NQueens, Task
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.carry import carried
from gram_pyro.training.trainer import Trainer

COLORING = Coloring(n=5)
RUN = {"batch": 6, "depth": 4, "prior_fraction": 0.5, "seed": 3}


def made(task: Task, name: str = "gram", guide: str | None = None) -> tuple[Any, Any]:
    torch.manual_seed(0)
    model = MODELS[name](task.spec, config_of(name)(width=16, heads=2, layers=2, hidden=16))
    return model, GUIDES[guide or model.guide](task.spec, model)


@pytest.mark.parametrize("name", ["gram", "trm", "direct"])
@pytest.mark.parametrize("task", [COLORING, NQueens(n=4)], ids=lambda task: task.name)
def test_a_loop_of_ones_own_is_the_trainers(task: Task, name: str) -> None:
    """Equal problems, targets, states and losses, update by update, prior rollouts and replacements included."""
    problems, updates = task.generate("train", 8, 0), 12
    model, guide = made(task, name)
    config = TrainingConfig(**RUN, kl_target=None, beta=0.7, warmup=0, final_rate=1.0, kl_transitions="last")
    trainer = Trainer(model, guide, Pool(task, problems), config, updates)
    expected = []
    torch.manual_seed(1)
    for _ in range(updates):
        examples = copy.deepcopy(trainer.carry.examples)
        state = trainer.carry.state.map(Tensor.clone)
        expected.append((examples.problems.rows(), examples.targets, state, trainer.update().loss))

    model, guide = made(task, name)
    elbo = TruncatedTrace_ELBO(1, beta=0.7, balance=0.8)(model, guide)
    optimizer = torch.optim.AdamW(elbo.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    torch.manual_seed(1)
    rollouts = 0
    loop = islice(carried(task, model, problems, **RUN), updates)  # type: ignore[arg-type]
    for (x, targets, state), (rows, wanted, start, loss) in zip(loop, expected, strict=True):
        torch.testing.assert_close(x.rows(), rows)
        assert torch.equal(targets, wanted)
        torch.testing.assert_close(state, start)
        rollouts += int((targets < 0).all(1).sum())
        found = elbo(x, targets, state=state) / len(targets)
        optimizer.zero_grad()
        found.backward()
        nn.utils.clip_grad_norm_(elbo.parameters(), 1.0)
        optimizer.step()
        torch.testing.assert_close(found.detach(), loss)
    assert (rollouts > 0) == (name != "direct")


def test_svi_goes_on_from_the_state_that_was_reached() -> None:
    model, guide = made(COLORING)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-3}), TruncatedTrace_ELBO(1))
    reached: list[Tensor] = []
    model.register_forward_hook(lambda *args: reached.append(args[2].state.high.clone()))
    for x, targets, state in islice(carried(COLORING, model, COLORING.generate("train", 8, 0), **RUN), 4):  # type: ignore[arg-type]
        if reached:
            same = (state.high == reached[-1]).flatten(1).all(1)
            start = (state.high == model.initial_high).flatten(1).all(1)
            assert (same ^ start).all() and same.any()
        svi.step(x, targets, state=state)
    assert len(reached) == 4


@pytest.mark.parametrize("guide", ["lookahead", "gaussian"])
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("recompute", [False, True])
def test_only_the_run_that_learns_moves_a_batch_on(guide: str, steps: int, recompute: bool) -> None:
    """Pilots, samples, further particles and steps that are computed again do not."""
    model, posterior = made(COLORING, guide=guide)
    elbo = TruncatedTrace_ELBO(None, recompute=recompute)
    loop = carried(COLORING, model, COLORING.generate("train", 8, 0), **RUN | {"prior_fraction": 0.0})  # type: ignore[arg-type]
    batch = next(loop)
    terms = elbo.terms(model, posterior, *batch[:2], state=batch.state, steps=steps)
    terms.loss.backward()
    end = terms.outcome.state.high.clone()
    model(batch.problems, steps=3, state=batch.state)
    model(batch.problems, batch.targets, steps=3)
    following = next(loop).state
    carried_on = (following.high == end).flatten(1).all(1)
    assert carried_on.any() and ((following.high == model.initial_high).flatten(1).all(1) ^ carried_on).all()
    assert not following.high.requires_grad


def test_particles_carry_one_trajectory_on() -> None:
    model, guide = made(COLORING)
    loop = carried(COLORING, model, COLORING.generate("train", 8, 0), **RUN)  # type: ignore[arg-type]
    batch = next(loop)
    ends: list[Tensor] = []
    model.register_forward_hook(lambda *args: ends.append(args[2].state.high))
    ImportanceELBO(1, particles=3).terms(model, guide, *batch[:2], state=batch.state)
    following = next(loop).state.high
    assert [bool((end == following).flatten(1).all(1).any()) for end in ends] == [True, False, False]


def test_a_batch_that_the_model_did_not_see_is_an_error() -> None:
    model, guide = made(COLORING)
    for run in (lambda batch: None, lambda batch: TruncatedTrace_ELBO(1).terms(model, guide, *batch[:2])):
        loop = carried(COLORING, model, COLORING.generate("train", 8, 0), **RUN)  # type: ignore[arg-type]
        run(next(loop))
        with pytest.raises(RuntimeError, match="pass it targets and state=state"):
            next(loop)
        assert not model._forward_hooks


def test_a_loop_that_ends_leaves_the_model_as_it_was() -> None:
    model, guide = made(COLORING)
    for x, targets, state in carried(COLORING, model, COLORING.generate("train", 8, 0), **RUN):  # type: ignore[arg-type]
        TruncatedTrace_ELBO(1).terms(model, guide, x, targets, state=state)
        break
    assert not model._forward_hooks
