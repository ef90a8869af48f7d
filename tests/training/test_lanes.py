"""Batches of several sizes: their order, and that a training over them resumes bitwise."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gram_pyro.models.base import State
from gram_pyro.runs.recipes import recipe
from gram_pyro.system.signals import Interrupted
from gram_pyro.tasks import NQueens, Pool
from gram_pyro.training import carry, store, validation
from gram_pyro.training.carry import Carry
from gram_pyro.training.lanes import Lanes
from gram_pyro.training.run import resume_run, train
from gram_pyro.training.trainer import Trainer, UpdateMetrics

TASK = NQueens(n=6, train_sizes=(5, 6), train_excluded=(0, 2))
UPDATES = 10
Seen = tuple[int, int, list[list[int]], list[float]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "CHUNK", 16)
    monkeypatch.setattr(validation, "PROBLEMS", 3)
    monkeypatch.setattr(validation, "SAMPLES", 3)
    monkeypatch.setattr(store, "draw_curves", lambda *_: None)
    monkeypatch.setattr(validation, "draw_samples", lambda *_: None)


def lanes() -> Lanes:
    """A lane for each part, with states that count steps."""
    carries = []
    for number, part in enumerate(TASK.parts()):
        pool = Pool(part, part.generate("train", 8, 0))
        zeros = torch.zeros(4, part.n**2, 1)
        carries.append(Carry(pool, State(zeros, zeros), 3, 0.5, torch.Generator().manual_seed(number)))
    return Lanes(carries, 0)


def walk(own: Lanes, updates: int) -> list[Seen]:
    """Return size, number of excluded diagonals, tokens and states of each update."""
    seen = []
    for _ in range(updates):
        task, tokens, high = own.pool.task, own.examples.problems.tokens, own.state.high
        seen.append((task.n, task.excluded, tokens.tolist(), high[:, 0, 0].tolist()))
        own.advance(State(high + 1, high + 1), torch.zeros(*tokens.shape, 2))
    return seen


def test_every_pass_has_each_part_once_in_random_order() -> None:
    seen = walk(lanes(), 40)
    passes = [tuple((n, excluded) for n, excluded, *_ in seen[start : start + 4]) for start in range(0, 40, 4)]
    assert all(sorted(each) == [(5, 0), (5, 2), (6, 0), (6, 2)] for each in passes) and len({*passes}) > 4
    assert all(len(row) == n**2 and (3 in row) == (excluded > 0) for n, excluded, rows, _ in seen for row in rows)


@pytest.mark.parametrize("updates", [0, 3, 8, 13])
def test_saved_lanes_go_on_exactly(updates: int) -> None:
    whole, other = lanes(), lanes()
    walk(whole, updates)
    walk(other, 5)
    other.load_state_dict(whole.state_dict())
    assert walk(other, 12) == walk(whole, 12)


@pytest.mark.parametrize("model", ["gram", "fields"])
def test_a_training_over_sizes_resumes_bitwise(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = recipe(TASK, model=model)
    told = replace(config.training, updates=UPDATES, problems=40, batch=8, depth=2, evaluations=2, head_rounds=0)
    model_config = replace(config.model, width=16, hidden=16, refinements=2)
    machine = replace(config.machine, threads=1, device="cpu", compile="off")
    config = replace(config, model=model_config, training=told, machine=machine)
    sizes: list[int] = []  # cells of the boards of each update
    whole_update = Trainer.update

    def update(trainer: Trainer) -> UpdateMetrics:
        sizes.append(trainer.carry.examples.targets.shape[1])
        if len(sizes) == UPDATES + 3:  # within a pass, of the second training
            signal.raise_signal(signal.SIGINT)
        return whole_update(trainer)

    monkeypatch.setattr(Trainer, "update", update)
    train(config, tmp_path / "whole", quiet=True)
    with pytest.raises(Interrupted, match="stopped at update 3 of 10"):
        train(config, tmp_path / "run", quiet=True)
    resume_run(tmp_path / "run", quiet=True).run()
    assert sizes[:UPDATES] == sizes[UPDATES:] and {*sizes} == {25, 36}
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "run"))
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
