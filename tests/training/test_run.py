"""Training from Python: in memory or in a folder, with parts that have names or none."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gram_pyro.errors import UserError
from gram_pyro.guides import GaussianGuide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.runs.config import NoConfig, RunConfig, from_json, to_json
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import build_parts, load_run
from gram_pyro.system.signals import Interrupted
from gram_pyro.tasks import Coloring, Spec
from gram_pyro.training import plan, store, training_run, validation
from gram_pyro.training.run import resume_run, train
from gram_pyro.training.trainer import Trainer
from gram_pyro.training.training_run import TrainingRun

WIDTH = GramConfig(width=16, hidden=16)


@dataclass(frozen=True)
class Ring(Coloring):
    n: int = 5


def make_gram(spec: Spec) -> Gram:
    return Gram(spec, WIDTH)


def small(config: RunConfig, **training: Any) -> RunConfig:
    told = {"updates": 3, "problems": 30, "batch": 8, "depth": 2, "head_rounds": 1} | training
    model = WIDTH if isinstance(config.model, GramConfig) else config.model
    machine = replace(config.machine, threads=1, device="cpu", compile="off")
    return replace(config, model=model, training=replace(config.training, **told), machine=machine)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "PROBLEMS", 3)
    monkeypatch.setattr(validation, "SAMPLES", 3)
    monkeypatch.setattr(plan, "TIMED_UPDATES", 6)
    monkeypatch.setattr(store, "draw_curves", lambda *_: None)
    monkeypatch.setattr(validation, "draw_samples", lambda *_: None)


def test_a_training_in_memory_is_that_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = train(small(recipe("coloring")), quiet=True)
    assert not [*tmp_path.iterdir()] and capfd.readouterr() == ("", "")
    assert run.complete and run.heads is not None and run.folder is None
    assert [row["update"] for row in run.metrics if "validity" in row] == [3]
    stored = train(small(recipe("coloring")), tmp_path / "run")
    for part, other in ((run.model, stored.model), (run.guide, stored.guide), (run.heads, stored.heads)):
        assert other is not None
        for a, b in zip(part.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    loaded = load_run("run", "cpu")
    assert torch.equal(loaded.model.decoder.weight, run.model.decoder.weight)  # type: ignore[union-attr]


def test_minutes_are_settled_by_the_run_itself(tmp_path: Path) -> None:
    run = TrainingRun(small(recipe("coloring"), updates=None, minutes=0.02), tmp_path / "run")
    run.run()
    settled = from_json(tmp_path / "run" / "config.json").training
    assert settled.updates == run.trainer.done > 1
    assert settled.evaluations is not None and settled.head_rounds is not None


@pytest.mark.parametrize("threads", [0, 2])
def test_threads_are_settled_with_the_minutes(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []

    def choose(threads: int, free: bool, update: Any, wall: Any) -> int:
        asked.append((threads, free))
        torch.set_num_threads(1)
        return 1

    monkeypatch.setattr("gram_pyro.runs.machine.cores", lambda: 3)
    monkeypatch.setattr("gram_pyro.training.training_run.choose_threads", choose)
    config = small(recipe("coloring"), updates=None, minutes=0.02, head_rounds=0)
    run = train(replace(config, machine=replace(config.machine, threads=threads)), quiet=True)
    assert asked == [(threads or 3, threads == 0)] and run.config.machine.threads == 1
    train(small(recipe("coloring")), quiet=True)
    assert len(asked) == 1  # where updates are counted, nothing is timed


def test_what_a_training_draws_from_and_runs_on_is_its_own() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(small(recipe("coloring")), quiet=True)
        assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    config = small(recipe("coloring"))
    run = train(config, tmp_path, quiet=True)
    with pytest.raises(UserError, match="holds a run already"):
        train(config, tmp_path, quiet=True)
    again = resume_run(tmp_path)
    assert again.complete and again.metrics == run.metrics
    again.run()


def test_parts_without_a_name_train_in_memory(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Local(Ring):
        pass

    class MyGuide(GaussianGuide):
        pass

    task = Local()
    for config in (
        recipe(task, guide=MyGuide),
        recipe(Local, model=lambda spec: Gram(spec, WIDTH)),
        recipe(lambda: task, model=Gram(task.spec, WIDTH)),
    ):
        run = train(small(config), quiet=True)
        assert isinstance(run.config.task, Local) and isinstance(run.model, Gram)
        with pytest.raises(UserError, match=r"Local cannot be found again by name; define it at the top of a module"):
            train(small(config), tmp_path / "run", quiet=True)
    assert isinstance(train(small(recipe(task, guide=MyGuide)), quiet=True).guide, MyGuide)
    assert not [*tmp_path.iterdir()]


def test_nothing_is_generated_for_a_run_that_cannot_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "Validation", lambda *_: pytest.fail("too late"))
    with pytest.raises(UserError, match=r"the guide .*<lambda> cannot be found again by name"):
        train(small(recipe("coloring", guide=lambda *inputs: GaussianGuide(*inputs))), tmp_path / "run")


def test_an_instance_is_trained_from_its_weights_and_stays_as_it_is(tmp_path: Path) -> None:
    task = Ring()
    model = Gram(task.spec, WIDTH)
    guide = GaussianGuide(task.spec, model)
    before = [parameter.clone() for part in (model, guide) for parameter in part.parameters()]
    run = train(small(recipe(task, model=model, guide=guide), learning_rate=1e-9), quiet=True)
    assert run.config.task is task and run.model is not model
    trained = [*run.model.parameters(), *run.guide.parameters()]
    for old, new, own in zip(before, trained, [*model.parameters(), *guide.parameters()], strict=True):
        assert torch.equal(old, own) and not old.isnan().any()
        torch.testing.assert_close(new, old, atol=1e-6, rtol=1e-6)
    for parts_, kind in (({"model": model}, "model Gram"), ({"guide": guide}, "guide GaussianGuide")):
        config = small(recipe(task, **parts_))  # type: ignore[arg-type]
        with pytest.raises(UserError, match=f"cannot store the {kind} as an instance; give its class instead"):
            train(config, tmp_path / "run", quiet=True)
    assert not [*tmp_path.iterdir()]


def test_classes_and_functions_of_a_module_are_stored_by_name(tmp_path: Path) -> None:
    config = small(recipe(Ring(k=4), model=make_gram))
    assert isinstance(config.model, NoConfig)
    train(config, tmp_path / "run", quiet=True)
    stored = from_json(tmp_path / "run" / "config.json")
    assert stored.task == Ring(k=4) and to_json(stored) == to_json(from_json(tmp_path / "run" / "config.json"))
    assert isinstance(build_parts(stored)[0], Gram) and load_run(str(tmp_path / "run"), "cpu").task == Ring(k=4)


def test_a_training_in_memory_that_is_stopped_says_that_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Trainer.update

    def update(trainer: Trainer) -> Any:
        signal.raise_signal(signal.SIGINT)
        return whole(trainer)

    monkeypatch.setattr(Trainer, "update", update)
    with pytest.raises(Interrupted, match=r"stopped at update 1 of 3, nothing of it is kept: train into a folder"):
        train(small(recipe("coloring")), quiet=True)


def test_a_training_in_another_thread() -> None:
    done: list[TrainingRun] = []
    worker = threading.Thread(target=lambda: done.append(train(small(recipe("coloring")), quiet=True)))
    worker.start()
    worker.join()
    assert done[0].complete
