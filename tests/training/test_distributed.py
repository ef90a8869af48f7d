"""Several processes train the model that one would have trained alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.processes import free_port
from gram_pyro.effects.sharded_noise import ShardedNoise
from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS, Gram, GramConfig
from gram_pyro.runs.config import config_of
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.distributed import ALONE, World, join
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.pool import Pool
from gram_pyro.train import main
from gram_pyro.training.trainer import Trainer
from gram_pyro.training.validation import Validation

TASK = Coloring(n=6)
UPDATES = 20
SMALL = ["--model.width", "16", "--model.hidden", "16", "--model.layers", "1", "--problems", "50", "--batch", "8"]
RUN = ["--task", "coloring", "--task.n", "5", *SMALL, "--updates", "12", "--evaluations", "2", "--compile", "off"]
RUN += ["--precision", "float32"]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("gaussian", {}),
    ("gaussian", {"horizon": 2, "kl_tilt": 2.0, "kl_transitions": "last"}),
    ("flow", {"balance": None, "objective": "importance", "particles": 2}),
    ("solution_set", {}),
    ("gaussian", {"objective": "wake_sleep"}),
    ("prior", {"kind": "mdlm"}),
]
"""Guide and options of each training that processes share."""


def train(world: World, guide: str = "gaussian", kind: str = "gram", **options: Any) -> tuple[list[float], Trainer]:
    """Losses of some updates of a small model, of which every process has a part."""
    torch.manual_seed(0)
    model = MODELS[kind](TASK.spec, config_of(kind)(width=16, heads=2, layers=1, hidden=16))
    options = {"batch": 8, "depth": 4, "warmup": 0, "updates": UPDATES, **model.recipe, **options}
    config = TrainingConfig(**options)
    training_set = Pool(TASK, TASK.generate("train", 20, 0))
    trainer = Trainer(model, GUIDES[guide](TASK.spec, model), training_set, config, UPDATES, world)
    torch.manual_seed(1)
    return [trainer.update().loss.item() for _ in range(UPDATES)], trainer


def worker(rank: int, port: str, out: str) -> None:
    torch.set_num_threads(1)
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    world = join(torch.device("cpu"))
    assert world == World(rank, 2, rank)
    for number, (guide, options) in enumerate(CASES):
        losses, trainer = train(world, guide, **options)
        saved = trainer.state_dict()
        found = {"losses": losses, "state": saved["carry"]["state"], "model": saved["model"]}
        torch.save(found, f"{out}/{number}-{rank}.pt")
        del trainer
    world.close()
    names = [thread.read_text() for thread in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in names if "gloo" in name], "the group's threads outlive it"


@pytest.fixture(scope="module")
def in_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes found in every case."""
    out = tmp_path_factory.mktemp("two")
    multiprocessing.spawn(worker, (str(free_port()), str(out)), nprocs=2)
    return out


@pytest.mark.parametrize("number", range(len(CASES)))
def test_two_processes_follow_the_curve_of_one(in_two: Path, number: int) -> None:
    guide, options = CASES[number]
    alone, trainer = train(ALONE, guide, **options)
    first, second = (torch.load(in_two / f"{number}-{rank}.pt", weights_only=True) for rank in range(2))
    assert first["losses"] == pytest.approx(alone, abs=1e-4)
    assert first["losses"] == second["losses"]
    saved = trainer.state_dict()
    for name, weight in saved["model"].items():
        torch.testing.assert_close(first["model"][name], weight, rtol=0, atol=1e-4)
        assert torch.equal(first["model"][name], second["model"][name])
    for ours, theirs in zip(first["state"], saved["carry"]["state"], strict=True):
        assert ours.shape == theirs.shape and ours.shape[:2] == (8, 6)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-2)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_noise_is_that_of_the_whole_batch(rank: int) -> None:
    world = World(rank, 3)
    mine = slice(rank * 2, rank * 2 + 2)

    def draw(rows: int) -> list[Tensor]:
        torch.manual_seed(3)
        chances = torch.ones(rows, 4) / 4
        normal = torch.distributions.Normal(torch.zeros(rows, 5, 4), 1.0).rsample()
        uniform = torch.distributions.Uniform(torch.zeros(rows), 1.0).sample()
        values = torch.distributions.Categorical(chances.expand(rows, 4)).sample()
        masked = torch.distributions.Bernoulli(torch.linspace(0.2, 0.8, 3).expand(rows, 3)).sample()
        return [normal, uniform, values, masked, torch.rand(()).expand(rows)]

    whole = draw(6)
    with ShardedNoise(world):
        own = draw(2)
    for part, everything in zip(own, whole, strict=True):
        assert torch.equal(part, everything[mine])


def test_no_two_processes_validate_with_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "gather", lambda _, tensor: tensor)
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    drawn = []
    for rank in range(2):
        checks = Validation(TASK, 2, 0, World(rank, 2), torch.device("cpu"))
        checks.problems = checks.problems[:1] * 2
        drawn.append(checks.sampled(model, 2)[0])
    assert drawn[0].shape == drawn[1].shape and not torch.equal(*drawn)


@pytest.mark.parametrize("micro_batches", [2, 4])
def test_pieces_of_an_update_add_up(micro_batches: int) -> None:
    """Without noise: deterministic models have none."""
    found = []
    for accumulate in (1, micro_batches):
        torch.manual_seed(0)
        model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, guidance=False))
        config = TrainingConfig(
            batch=8, depth=4, warmup=0, updates=5, accumulate=accumulate, kl_target=None, prior_fraction=0.0
        )
        training_set = Pool(TASK, TASK.generate("train", 20, 0))
        trainer = Trainer(model, GUIDES["empty"](TASK.spec, model), training_set, config, 5)
        measured = [trainer.update() for _ in range(5)]
        rows = zip(*((row.loss, row.posterior_accuracy) for row in measured), strict=True)
        found.append(tuple(torch.tensor(column) for column in rows))
        assert trainer.carry.state.high.shape == (8, 6, 16)
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("world", "options", "message"),
    [
        (World(0, 3), {}, "a batch of 8 has no 3 equal pieces"),
        (ALONE, {"accumulate": 3}, "a batch of 8 has no 3 equal pieces"),
        (World(0, 2), {"recompute": True}, "--recompute works in one process alone"),
    ],
)
def test_what_cannot_be_shared_is_refused(world: World, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(world, **options)


def test_a_process_without_a_card_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match="4 processes here have 2 GPUs; take --nproc-per-node 2"):
        join(torch.device("cuda"))


def test_torchrun_trains_evaluates_and_saves_as_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    main([*RUN, "--out", str(one)])
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-port", str(free_port()), "-m", "gram_pyro.train", *RUN, "--out", str(two), "--continue"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 threads in each of 2 processes" in done.stderr and done.stdout.count("next: python") == 1
    for name, weight in load_file(one / "weights.safetensors").items():
        torch.testing.assert_close(load_file(two / "weights.safetensors")[name], weight, rtol=0, atol=1e-4)
    rows = [[json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()] for run in (one, two)]
    assert [row["update"] for row in rows[0]] == [row["update"] for row in rows[1]]
    assert {"validity", "value_auc"} & {key for row in rows[1] for key in row}
