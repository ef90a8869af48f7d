"""Training runs from the command line: what they leave behind, and that no interruption changes it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.image import imread
from safetensors.torch import load_file
from torch import Tensor
from torch._dynamo.exc import BackendCompilerFailed

from gram_pyro import train
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.sampling import Draws, sample
from gram_pyro.models import Gram
from gram_pyro.runs.checkpoint import checkpoints, locked, read_latest
from gram_pyro.runs.config import RunConfig, from_json
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import build_parts, load_run
from gram_pyro.runs.train_options import configured
from gram_pyro.system.distributed import ALONE
from gram_pyro.system.signals import Interrupted
from gram_pyro.tasks import NQueens
from gram_pyro.tasks.base import Problems
from gram_pyro.training import plan, store, trainer, training_run, validation
from gram_pyro.training import run as training_start
from gram_pyro.training.clock import Clock
from gram_pyro.training.trainer import Trainer, UpdateMetrics
from gram_pyro.training.training_run import TrainingRun

UPDATES = 12
OWN_MODEL = """
from dataclasses import dataclass

import pyro
from torch import nn

from gram_pyro.models.base import Answers, Model, Outcome, State, register
from gram_pyro.models.sites import answer_site, state_site


class Direct(Model):
    @dataclass(frozen=True)
    class Config:
        size: int = 8

    transitions = 1

    def __init__(self, spec, config):
        super().__init__()
        self.width = config.size
        self.embedding = nn.Embedding(spec.vocabulary, config.size)
        self.decoder = nn.Linear(config.size, spec.classes)

    def initial_state(self, batch, length):
        zero = self.embedding.weight.new_zeros(batch, length, self.embedding.embedding_dim)
        return State(zero, zero)

    def forward(self, problems, targets=None, *, steps=1, state=None, supervise="every"):
        register("model", self)
        batch, length = problems.tokens.shape
        state = state or self.initial_state(batch, length)
        with pyro.plate("problems", batch, dim=-1):
            for t in pyro.markov(range(1, steps + 1)):
                high = state_site("high", t - 1, state.high + self.embedding(problems.tokens), steps)
                state = State(high, state_site("low", t - 1, state.low, steps))
                if supervise == "every" or t == steps:
                    logits = self.decoder(state.high)
                    answer_site(f"y_{t}", Answers(logits), targets)
        return Outcome(state, logits)
"""
TINY = [
    "--evaluations=3",
    "--problems=40",
    "--batch=8",
    "--depth=2",
    "--model.width=16",
    "--model.hidden=16",
    "--threads=1",
]
FILES = ["config.json", "curves.png", "metrics.jsonl", "samples.png", "weights.safetensors"]
Update = Callable[[Trainer], UpdateMetrics]
MINE = """
from __future__ import annotations

from dataclasses import dataclass

from gram_pyro.guides import GaussianGuide
from gram_pyro.models import Gram
from gram_pyro.tasks import Coloring


@dataclass(frozen=True)
class Ring(Coloring):
    n: int = 5
    extra: int = 1


class MyGuide(GaussianGuide):
    pass


class MyModel(Gram):
    pass
"""


def start(folder: Path, *options: str, updates: int = UPDATES) -> Path:
    train.main(["--out", str(folder), *TINY, "--updates", str(updates), *options])
    return folder


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "weights.safetensors")


def rows(folder: Path) -> list[dict[str, Any]]:
    """The log without the clock."""
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found]


def same(left: Path, right: Path) -> bool:
    """Whether two runs published bitwise the same weights."""
    one, two = weights(left), weights(right)
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def small(patch: pytest.MonkeyPatch, pictures: bool = False) -> None:
    patch.setattr(validation, "PROBLEMS", 3)
    patch.setattr(validation, "SAMPLES", 3)
    patch.setattr(plan, "TIMED_UPDATES", 6)
    if not pictures:
        patch.setattr(store, "draw_curves", lambda *_: None)
        patch.setattr(validation, "draw_samples", lambda *_: None)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run that nothing interrupted, evaluated after 4, 8 and 12 updates."""
    with pytest.MonkeyPatch.context() as patch:
        small(patch, pictures=True)
        yield start(tmp_path_factory.mktemp("finished") / "run")


def after(patch: pytest.MonkeyPatch, number: int, happen: Callable[[], None]) -> None:
    """Let something happen inside the update of that number, as it ends."""
    whole: Update = Trainer.update

    def update(trainer: Trainer) -> UpdateMetrics:
        measured = whole(trainer)
        if trainer.done == number:
            happen()
        return measured

    patch.setattr(Trainer, "update", update)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def ask_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def die() -> None:
    raise SystemError("power cut")


def resume(folder: Path) -> Path:
    train.main(["--resume", str(folder)])
    return folder


# What a run leaves behind


def test_a_run_leaves_everything_in_its_folder(finished: Path) -> None:
    names = sorted(path.name for path in finished.iterdir())
    assert names == ["checkpoint-000000008.pt", "checkpoint-000000012.pt", *FILES]
    config = from_json(finished / "config.json")
    assert config.training.updates == UPDATES and config.model.width == 16 and config.machine.device != "auto"


@pytest.mark.parametrize("name", ["curves.png", "samples.png"])
def test_the_pictures_show_something(finished: Path, name: str) -> None:
    image = imread(finished / name)
    assert min(image.shape[:2]) > 200 and image[..., :3].std() > 0.01


def test_the_log_has_a_row_for_each_check(finished: Path) -> None:
    logged = [row for row in rows(finished) if "loss" in row]
    checks = [row for row in rows(finished) if "validity" in row]
    assert [row["update"] for row in checks] == [4, 8, 12] == [row["update"] for row in logged]
    assert all(0 <= row["posterior_accuracy"] <= 1 and row["loss"] > 0 for row in logged)
    assert all(0 <= row[name] <= 1 for row in checks for name in ("validity", "coverage", "ratio"))
    seconds = [json.loads(line)["seconds"] for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert seconds == sorted(seconds)


def test_the_published_run_samples(finished: Path) -> None:
    run = load_run(str(finished), "cpu")
    problems = run.task.encode(run.task.generate("test", 2, 1))
    decoded = sample(run.model, problems, 5, (run.depth, 3 * run.depth), seed=1).decoded
    assert decoded.shape == (2, 2, 5, 8) and set(decoded.unique().tolist()) <= {0, 1, 2}
    assert not any(parameter.requires_grad for parameter in run.model.parameters())


def test_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES", "TQDM_DISABLE"):  # a narrow terminal cuts the bar, a comparison hides it
        monkeypatch.delenv(name, raising=False)
    folder = start(tmp_path / "run", updates=2)
    said = capsys.readouterr()
    assert f"python -m gram_pyro.evaluate {folder}" in said.out and "validity" in said.out
    assert "2 updates of 8 problems" in said.err
    bar = said.err.splitlines()[-1]
    assert [name for name in ("loss", "posterior", "validity", "coverage") if f"{name}=" not in bar] == [], bar


def test_saves_between_evaluations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = []
    monkeypatch.setattr(training_run, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(store, "save_checkpoint", lambda folder, update, state: saved.append(update))
    start(tmp_path / "run", "--evaluations", "1", updates=3)
    assert saved[:3] == [1, 2, 3]


def test_training_starts_from_the_weights_of_another_run(finished: Path, tmp_path: Path) -> None:
    folder = start(tmp_path / "on", "--init", str(finished), "--learning-rate", "1e-9", updates=1)
    old, new = (load_run(str(each), "cpu") for each in (finished, folder))
    for before, after in ((old.model, new.model), (old.guide, new.guide)):
        for a, b in zip(before.state_dict().values(), after.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)
    assert json.loads((folder / "config.json").read_text())["init"] == str(finished)


def test_the_seed_decides(finished: Path, tmp_path: Path) -> None:
    assert same(start(tmp_path / "again"), finished)
    assert not same(start(tmp_path / "other", "--seed", "1"), finished)


@pytest.mark.parametrize("evaluations", [1, 12])
def test_evaluation_does_not_disturb_training(finished: Path, tmp_path: Path, evaluations: int) -> None:
    assert same(start(tmp_path / "run", f"--evaluations={evaluations}"), finished)


# Interruptions


@pytest.mark.parametrize(
    ("number", "happen", "error"),
    [
        (1, press_ctrl_c, Interrupted),
        (4, press_ctrl_c, Interrupted),
        (6, press_ctrl_c, Interrupted),
        (11, ask_to_end, Interrupted),
        (5, die, SystemError),
        (12, die, SystemError),
    ],
)
def test_a_resumed_run_ends_bitwise_where_it_would_have(
    finished: Path, tmp_path: Path, number: int, happen: Callable[[], None], error: type[BaseException]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        after(patch, number, happen)
        with pytest.raises(error):
            start(tmp_path / "run")
    for name in ("checkpoint-000000003.pt", "weights.safetensors", "config.json", "metrics.jsonl", "curves.png"):
        (tmp_path / "run" / f".{name}.77.tmp").write_bytes(b"half")
    folder = resume(tmp_path / "run")
    assert same(folder, finished) and rows(folder) == rows(finished)
    assert [path.name for path in checkpoints(folder)][1:] == ["checkpoint-000000012.pt"]
    assert not [*folder.glob(".*.tmp")]


def test_twice_interrupted(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    after(monkeypatch, 3, press_ctrl_c)
    after(monkeypatch, 10, press_ctrl_c)
    with pytest.raises(Interrupted):
        start(tmp_path / "run")
    with pytest.raises(Interrupted):
        resume(tmp_path / "run")
    folder = resume(tmp_path / "run")
    assert same(folder, finished) and rows(folder) == rows(finished)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_lost_last_checkpoint_costs_only_time(finished: Path, tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    damage(checkpoints(folder)[-1])
    (folder / "weights.safetensors").unlink()
    assert same(resume(folder), finished) and rows(folder) == rows(finished)


def test_resuming_a_finished_run_changes_nothing(finished: Path, tmp_path: Path) -> None:
    folder = resume(Path(shutil.copytree(finished, tmp_path / "run")))
    assert same(folder, finished) and rows(folder) == rows(finished)


def test_continue_starts_and_goes_on_with_one_command(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["--out", str(tmp_path / "run"), *TINY, "--updates", str(UPDATES), "--continue"]
    with pytest.MonkeyPatch.context() as patch:
        after(patch, 5, die)
        with pytest.raises(SystemError):
            train.main([*command])
    train.main([*command])
    assert same(tmp_path / "run", finished) and rows(tmp_path / "run") == rows(finished)
    train.main([*command])
    assert same(tmp_path / "run", finished)


def test_ctrl_c_saves_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    after(monkeypatch, 6, press_ctrl_c)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as stop:
        run_cli(train.main, ["--out", str(tmp_path / "run"), *TINY, "--updates", str(UPDATES)])
    assert stop.value.code == 130
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "stopped at update 6 of 12" in last and f"--resume {tmp_path / 'run'}" in last
    assert not last.startswith("error")
    assert read_latest(tmp_path / "run")["trainer"]["done"] == 6
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_that_died_before_its_first_checkpoint_can_be_started_again(finished: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        after(patch, 2, die)
        with pytest.raises(SystemError):
            start(tmp_path / "run")
    assert same(start(tmp_path / "run"), finished)


def test_a_second_run_in_a_folder_is_refused(finished: Path) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    with pytest.raises(UserError, match="holds a run already"):
        start(finished)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def test_a_loss_that_is_no_number_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Update = Trainer.update

    def update(trainer: Trainer) -> UpdateMetrics:
        measured = whole(trainer)
        return measured._replace(loss=measured.loss * float("nan")) if trainer.done == 6 else measured

    monkeypatch.setattr(Trainer, "update", update)
    with pytest.raises(UserError, match=r"the loss is not finite \(nan\) at update 6;.*last good checkpoint"):
        start(tmp_path / "run")
    assert read_latest(tmp_path / "run")["trainer"]["done"] == 4


@pytest.mark.parametrize("task", ["arc", "coloring", "countdown", "digits", "grids", "nqueens", "sudoku"])
def test_answers_that_are_no_numbers_stop(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems that ran free until then are given no targets, rather than some drawn from them."""
    decode = Gram.decode
    monkeypatch.setattr(Gram, "decode", lambda model, high: decode(model, high) * float("nan"))
    with pytest.raises(UserError, match=r"is not finite \(nan\) at update 1; no checkpoint was made before"):
        start(tmp_path / "run", "--task", task, "--model", "gram", "--prior-fraction", "0.9", "--depth", "4")


@pytest.mark.parametrize(
    ("happen", "save_every", "bad", "last"), [(int, 300, 8, 4), (press_ctrl_c, 300, 8, 4), (int, 0, 7, 6)]
)
def test_broken_weights_are_never_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happen: Callable[[], Any], save_every: float, bad: int, last: int
) -> None:
    """The gradient of a `bad` update is no number, and so are the weights that it leaves; the loss before was fine."""
    monkeypatch.setattr(training_run, "SAVE_EVERY", save_every)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spoil := Spoil(bad))
    after(monkeypatch, bad, happen)
    with pytest.raises(UserError, match=f"at update {bad}"):
        start(tmp_path / "run")
    assert spoil.calls == bad and read_latest(tmp_path / "run")["trainer"]["done"] == last
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())


class Spoil:
    """Gradient clipping that meets a gradient that is no number, once."""

    def __init__(self, number: int) -> None:
        self.whole, self.number, self.calls = torch.nn.utils.clip_grad_norm_, number, 0

    def __call__(self, parameters: list[Tensor], limit: float) -> Tensor:
        self.calls += 1
        if self.calls == self.number:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad.mul_(float("nan"))
        return self.whole(parameters, limit)


def test_a_full_disk_leaves_the_older_checkpoint(finished: Path, tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        after(patch, 7, lambda: patch.setattr(os, "fsync", full))
        with pytest.raises(UserError, match=r"checkpoint-000000008.pt: No space left on device"):
            start(tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.tmp")) and not list((tmp_path / "run").glob(".*"))
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["checkpoint-000000004.pt"]
    assert same(resume(tmp_path / "run"), finished)


# Options


def test_minutes_become_a_stored_number_of_updates(tmp_path: Path) -> None:
    train.main(["--out", str(tmp_path / "timed"), *TINY, "--minutes", "0.02"])
    settled = from_json(tmp_path / "timed" / "config.json").training
    assert settled.updates is not None and rows(tmp_path / "timed")[-1]["update"] == settled.updates >= 1
    assert settled.head_rounds is not None
    counted = start(tmp_path / "counted", "--head-rounds", str(settled.head_rounds), updates=settled.updates)
    assert same(counted, tmp_path / "timed")  # timing left no trace


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--task.n 6", {"task.n": 6}),
        ("--task.layout tokens", {"task.layout": "tokens", "task.positions": True}),
        ("--model.width 32", {"model.width": 32}),
        ("--model.core flat", {"model.core": "flat"}),
        ("--model.transitions 2 --horizon 4", {"training.horizon": 4}),
        ("--model.no-guidance", {"model.guidance": False}),
        ("--guide prior", {"guide": "prior"}),
        (
            "--kl-transitions last --kl-target None --balance None",
            {"training.kl_target": None, "training.balance": None},
        ),
        ("--precision bfloat16", {"machine.precision": "bfloat16"}),
    ],
)
def test_options_reach_the_run(tmp_path: Path, options: str, expected: dict[str, Any]) -> None:
    folder = start(tmp_path / "run", *options.split(), updates=2)
    config = json.loads((folder / "config.json").read_text())
    for place, value in expected.items():
        part, _, name = place.rpartition(".")
        assert (config[part] if part else config)[name] == value
    run = load_run(str(folder), "cpu")
    problems = run.task.encode(run.task.generate("test", 1, 1))
    assert len(sample(run.model, problems, 2, (1,), seed=0).decoded[0, 0]) == 2
    assert resume(folder) == folder


def test_minutes_replace_the_updates_of_a_recipe() -> None:
    assert configured(["--preset", "paper", "--seed", "3"])[0].training.updates == 80_000
    assert configured(["--preset", "paper", "--minutes=3"])[0].training.updates is None


def test_a_model_that_shares_nothing_with_ours(tmp_path: Path) -> None:
    """Only what CONTRIBUTING asks for; `--compile on` finds nothing to compile."""
    (tmp_path / "mine.py").write_text(OWN_MODEL)
    folder, sizes = tmp_path / "run", [option for option in TINY if "model" not in option]
    own = ["--model", f"{tmp_path / 'mine.py'}:Direct", "--compile", "on"]
    train.main(["--out", str(folder), *sizes, *own, "--updates", "2"])
    run = load_run(str(folder), "cpu")
    assert type(run.model).__name__ == "Direct" and resume(folder) == folder


def test_a_model_that_is_incomplete(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN_MODEL.replace("self.width", "self.other"))
    with pytest.raises(UserError, match=r"the guide gaussian cannot be made: .*width"):
        build_parts(recipe("coloring", model=f"{tmp_path / 'mine.py'}:Direct"))


def test_a_run_with_parts_of_the_users_own_works_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    folder = start(tmp_path / "run", "--task", "mine.py", "--guide", "mine.py:MyGuide", updates=2)
    monkeypatch.chdir(tmp_path.parent)
    run = load_run(str(folder), "cpu")
    assert [type(part).__name__ for part in (run.task, run.guide)] == ["Ring", "MyGuide"]


def test_the_posterior_is_averaged_too(tmp_path: Path) -> None:
    folder = start(tmp_path / "run", "--ema", "0.5", updates=2)
    saved = read_latest(folder)["trainer"]
    for part, averaged, name in (
        ("model", "averaged", "decoder.weight"),
        ("guide", "averaged_guide", "project_out.weight"),
    ):
        assert torch.equal(weights(folder)[f"{part}.{name}"], saved[averaged][name])
        assert not torch.equal(saved[averaged][name], saved[part][name])


def test_kl_is_weighed_by_supervision_step(tmp_path: Path) -> None:
    even, steep = (start(tmp_path / tilt, "--kl-tilt", tilt, updates=4) for tilt in ("1", "3"))
    assert not same(even, steep)
    trainer = TrainingRun(from_json(steep / "config.json"), steep).trainer
    assert trainer.kl_weights.tolist() == pytest.approx([3, 1])


def test_ctrl_c_before_the_first_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_start, "TrainingRun", interrupt)
    with pytest.raises(Interrupted, match="before the first update"):
        start(tmp_path / "run")


@pytest.mark.filterwarnings("ignore")  # the compiler has many of its own
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler")
def test_a_compiled_run_resumes_bitwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = start(tmp_path / "whole", "--compile", "on", updates=6)
    with monkeypatch.context() as patch:
        after(patch, 3, press_ctrl_c)
        with pytest.raises(Interrupted):
            start(tmp_path / "run", "--compile", "on", updates=6)
    torch.compiler.reset()
    folder = resume(tmp_path / "run")
    assert same(folder, whole) and rows(folder) == rows(whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--guide", "solution_set", "--objective", "wake_sleep"), "draws answers that have none"),
        (("--guide", "prior", "--objective", "wake_sleep"), "the guide prior has nothing to learn"),
        (("--model", "ar", "--objective", "constraint"), "those of Autoregressive depend on each other"),
        (("--model", "mdlm", "--objective", "constraint"), "those of Mdlm depend on each other"),
    ],
)
def test_an_objective_that_cannot_be_served_is_refused(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        train.main(["--out", str(tmp_path / "run"), "--problems", "40", "--updates", "1", *options])
    assert not (tmp_path / "run").exists()


def test_a_compiler_that_fails_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise BackendCompilerFailed("inductor", ImportError("kernel.so: file too short"), None)

    monkeypatch.setattr(TrainingRun, "run", fail)
    with pytest.raises(UserError, match=r"file too short\).* remove \S*torchinductor\S*, or train with --compile off"):
        start(tmp_path / "run")


def test_minutes_do_not_count_what_the_processor_did_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = iter(range(0, 10**9, 1000))
    stopped = partial(Clock, wall=lambda: next(passed))  # a machine that does something else all the time
    monkeypatch.setattr(training_run, "Clock", stopped)
    folder = tmp_path / "run"
    train.main(["--out", str(folder), *TINY, "--threads", "1", "--minutes", "0.03"])
    assert from_json(folder / "config.json").training.updates > 3  # type: ignore[operator]
    assert rows(folder)


def test_a_validation_is_timed_on_some_of_its_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "PROBLEMS", 24)
    config = recipe("coloring")
    model, _ = build_parts(config)
    seen: list[int] = []

    def counted(model: Any, problems: Problems, *rest: Any) -> Draws:
        seen.append(len(problems.tokens))
        return sample(model, problems, *rest)

    monkeypatch.setattr(validation, "sample", counted)
    checks = validation.Validation(config.task, 1, 0, ALONE, torch.device("cpu"))
    ticks = iter([0.0, 2.0])
    assert checks.fit(model, tmp_path / "samples.png", lambda: next(ticks)) == 8 * 2
    assert seen == [3]
    ticks = iter([0.0, 0.5, 1.0, 4.0])
    assert checks.fit(model, tmp_path / "samples.png", lambda: next(ticks)) == 3
    assert seen == [3, 3, 24]


@pytest.mark.parametrize(("most", "kept"), [(1000.0, 24), (10.0, 15), (0.1, 3)])
def test_a_slow_validation_takes_fewer_problems(tmp_path: Path, most: float, kept: int) -> None:
    config = recipe("coloring")
    model, _ = build_parts(config)
    checks = validation.Validation(config.task, 1, 0, ALONE, torch.device("cpu"), 24)
    ticks = iter([0.0, 2.0])
    assert checks.fit(model, tmp_path / "samples.png", lambda: next(ticks), most) == kept / 3 * 2
    assert len(checks.problems) == kept
    assert checks.measure(model, None).keys() >= {"validity", "coverage"}


def test_a_resumed_run_validates_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "PATIENCE", 0.0)
    monkeypatch.setattr(training_run, "EVALUATION_SHARE", 1e-9)
    folder = tmp_path / "run"
    train.main(["--out", str(folder), *TINY, "--threads", "1", "--minutes", "0.03"])
    config = from_json(folder / "config.json")
    assert config.training.validation_problems == 1
    assert len(training_run.TrainingRun(config, None).validation.problems) == 1


@pytest.mark.parametrize("options", ["", "--accumulate 2", "--horizon 2 --recompute"])
def test_a_run_in_bfloat16_resumes_bitwise(tmp_path: Path, options: str) -> None:
    told = ["--precision", "bfloat16", *options.split()]
    whole = start(tmp_path / "whole", *told, updates=6)
    with pytest.MonkeyPatch.context() as patch:
        after(patch, 3, press_ctrl_c)
        with pytest.raises(Interrupted):
            start(tmp_path / "run", *told, updates=6)
    folder = resume(tmp_path / "run")
    assert same(folder, whole) and rows(folder) == rows(whole)
    assert not same(folder, start(tmp_path / "single", "--precision", "float32", *options.split(), updates=6))


def test_a_guide_is_tried_before_anything_moves_to_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    moved = Gram.to
    monkeypatch.setattr(trainer, "check_guide", lambda *_, **__: order.append("tried"))
    monkeypatch.setattr(Gram, "to", lambda self, *where: (order.append("moved"), moved(self, *where))[1])
    start(tmp_path / "run", updates=1)
    assert order[:2] == ["tried", "moved"]


def test_wake_sleep_trains_a_guide_without_a_closed_form(tmp_path: Path) -> None:
    start(tmp_path / "run", "--objective", "wake_sleep", "--guide", "low_rank", updates=1)
    with pytest.raises(UserError, match="samples its KL, which cannot be balanced"):
        start(tmp_path / "other", "--guide", "low_rank", "--balance", "0.8", updates=1)


def test_parts_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    mine = str(tmp_path / "mine.py")
    options = ["--task", mine, "--guide", f"{mine}:MyGuide", "--model", f"{mine}:MyModel", "--task.extra", "4"]
    folder = start(tmp_path / "run", *options, updates=2)
    run = load_run(str(folder), "cpu")
    assert [type(part).__name__ for part in (run.task, run.model, run.guide)] == ["Ring", "MyModel", "MyGuide"]
    assert (run.task.n, run.task.extra) == (5, 4)  # type: ignore[attr-defined]
    assert resume(folder) == folder


def test_the_default_folder_is_named_after_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train.main([*TINY, "--updates", "1"])
    assert (tmp_path / "runs" / "coloring" / "weights.safetensors").is_file()


def test_the_preset_of_the_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RunConfig] = []

    class Stop(Exception):
        pass

    def catch(config: RunConfig, *_: object, **__: object) -> None:
        seen.append(config)
        raise Stop

    monkeypatch.setattr(training_start, "TrainingRun", catch)
    with pytest.raises(Stop):
        train.main(["--preset", "paper", "--out", str(tmp_path / "run"), "--task.k", "4"])
    config = seen[0]
    assert (config.model.width, config.training.batch, config.training.depth) == (512, 768, 16)
    assert (config.task.layout, config.task.k) == ("tokens", 4)  # type: ignore[attr-defined]
    assert (
        config.training.kl_target is None
        and config.training.kl_transitions == "last"
        and config.training.prior_fraction == 0
    )


def test_a_folder_that_another_process_trains_in_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(UserError, match="another process is training in"):
        train.main(["--out", str(tmp_path), *TINY, "--updates", "1"])
    assert not checkpoints(tmp_path) and not (tmp_path / "config.json").exists()


def test_fewer_validation_problems_are_the_first_of_all() -> None:
    task, device = NQueens(n=6, removed=(3,)), torch.device("cpu")
    few, usual = (validation.Validation(task, 1, 0, ALONE, device, count) for count in (2, None))
    assert few.problems == usual.problems[:2] and few.counts == usual.counts[:2]
