"""What a user gets wrong is told in one line that names it, with exit code 2."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest
import torch

import gram_pyro
from gram_pyro import evaluate, sample, train
from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.checkpoint import checkpoints, read_latest
from gram_pyro.runs.store import load_run
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.coloring import generator
from gram_pyro.tasks.coloring import task as coloring
from gram_pyro.training import store, validation

SIZES = ["--problems=10", "--batch=4", "--depth=2", "--model.width=16", "--model.hidden=16", "--threads=1"]
TINY = ["--updates=2", "--evaluations=2", *SIZES]
Main = Callable[[list[str]], None]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "PROBLEMS", 3)
        patch.setattr(validation, "SAMPLES", 3)
        patch.setattr(store, "draw_curves", lambda *_: None)
        patch.setattr(validation, "draw_samples", lambda *_: None)
        train.main([*TINY, "--out", str(folder)])
    yield folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A run folder to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def complaint(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Call a program that must refuse, and return its one line."""

    def call(main: Main, *arguments: str) -> str:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            run_cli(main, list(arguments))
        said = capfd.readouterr()
        lines = said.err.splitlines()
        assert stop.value.code == 2 and said.out == ""
        assert len(lines) == 1 and lines[0].startswith("error: ") and "Traceback" not in lines[0]
        assert "----" not in lines[0] and not lines[0].startswith("error: :") and "  " not in lines[0]
        return lines[0]

    return call


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--task nope", "'nope'"),
        ("--task nope.py", "nope.py"),
        ("--task math:sqrt", "math:sqrt"),
        ("--task gram_pyro.models:GramConfig", "gram_pyro.models:GramConfig"),
        ("--guide nope", "'nope'"),
        ("--guide math:sqrt", "math:sqrt"),
        ("--guide gram_pyro.models:Gram", "gram_pyro.models:Gram"),
        ("--model nope", "'nope'"),
        ("--model math:sqrt", "--model.width"),
        ("--preset nope", "'nope'"),
        ("--nope 3", "--nope"),
        ("--model.nope 3", "--model.nope"),
        ("extra", "extra"),
        ("--task", "--task"),
        ("--resume", "--resume"),
        ("--updates", "--updates"),
        ("--updates many", "many"),
        ("--updates 0", "updates"),
        ("--batch 0", "batch"),
        ("--kl-transitions some", "some"),
        ("--learning-rate -1", "learning_rate"),
        ("--learning-rate nan", "learning_rate"),
        ("--weight-decay -1", "weight_decay"),
        ("--balance 7", "balance"),
        ("--guide flow --balance 0.8", "samples its KL, which cannot be balanced; take --balance None"),
        ("--guide low_rank --objective constraint --balance 0.5", "samples its KL, which cannot be balanced"),
        ("--accumulate 3", "a batch of 4 has no 3 equal pieces (processes x --accumulate); take a multiple of 3"),
        ("--constraint-weight -1", "training.constraint_weight must be 0 or more"),
        ("--guide low_rank --balance 0.8", "guide low_rank"),
        ("--guide empty", "Gram draws guidance_1, and the empty guide has no posterior"),
        ("--model trm --model.guidance", "Trm draws guidance_1"),
        ("--model ar --model.layers 3", "must be even"),
        ("--model ar --head-rounds 2", "Autoregressive carries no latent state for value and halt heads to judge"),
        ("--model direct --model.width 9", "model.width"),
        ("--seed -1", "seed"),
        ("--updates None --minutes nan", "minutes"),
        ("--updates None --minutes inf", "minutes"),
        ("--threads -1", "threads"),
        ("--threads 99999999999", "threads"),
        ("--minutes 1", "give one of them"),
        ("--device meta", "'meta'"),
        ("--depth 3 --horizon 2", "must divide the depth"),
        ("--horizon 5", "must divide the depth"),
        ("--prior-fraction 1", "prior_fraction"),
        ("--beta 0", "beta"),
        ("--kl-decay 2", "kl_decay"),
        ("--kl-tilt 0", "kl_tilt"),
        ("--batch 1000000000000", "batch"),
        ("--model.width 8000000", "model.width"),
        ("--task.families trees", "--task.families"),
        ("--task.families queen --task.n 20", "no 3-colorable graph of queen with n=20"),
        ("--task.mean-degrees 4", "mean degrees are two numbers"),
        ("--task.train-sizes 1", "no graph of (1,) vertices needs (3,) colors"),
        ("--task.train-sizes 4 --task.train-colors 5 6", "no graph of (4,) vertices needs (5, 6) colors"),
        ("--task.n 16 --task.edge-probability 0.9", "too few 3-colorable"),
        ("--task.n 20 --task.edge-probability 0.02", "too many"),
        ("--task.n 5000", "n=5000"),
        ("--größe 3", "--größe"),
        ("--device nowhere", "'nowhere'"),
        ("--device cuda:99", "'cuda:99'"),
        ("--compile graphs --device cpu", "--compile on"),
        ("--model.width 15", "model.width"),
        ("--model.width 0", "model.width"),
        ("--model.heads 0", "model.heads"),
        ("--task.n x", "--task.n"),
        ("--task.n 1", "n=1"),
        ("--task.edge-probability 2", "edge probabilities"),
        ("--resume nowhere", "'nowhere'"),
        (f"--resume {'long' * 100}", "no run folder"),
        (f"--out {'long' * 100}", "cannot make the folder"),
        (f"--guide {'long' * 100}.py:Own", "no file"),
        ("--resume . --updates 3", "--updates"),
        ("--resume . --continue", "takes no other option: --continue"),
    ],
)
def test_options(
    complaint: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(generator, "PATIENCE", 50)
    monkeypatch.setattr(coloring, "ENUMERATION_LIMIT", 10_000)
    resumes = options.startswith("--resume ")
    line = complaint(train.main, *([] if resumes else TINY), *options.split())
    assert word in line
    assert not list(tmp_path.iterdir())  # a refused run leaves nothing


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_file_where_the_run_should_go(complaint: Callable[..., str], tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    assert str(tmp_path / place) in complaint(train.main, *TINY, "--out", str(tmp_path / place))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("", "RUN"),
        ("coloring", "--graph FILE"),
        ("coloring --graph .", "holds 2 problems"),
        ("coloring --graph none.col", "none.col"),
        (
            "coloring --graph big.txt",
            "big.txt: the graph has 100,000 vertices; all pairs of 100,000 positions would take 120.0 GB",
        ),
        ("coloring --graph my.col --samples 0", "samples"),
        ("coloring --graph my.col --samples 100000000000000", "samples"),
        ("coloring --graph my.col --steps nan", "--steps"),
        ("coloring --graph my.col --samplse 3", "unknown option --samplse; perhaps you meant --samples"),
        ("coloring --grph my.col", "unknown option --grph; perhaps you meant --graph; see"),
        ("coloring --grph=my.col --zzz 3", "unknown option --grph, --zzz; perhaps you meant --graph; see"),
        ("coloring --graph my.col extra", "unexpected argument extra; see"),
        ("coloring --graph my.col --halt_patience 0", "halt_patience must be a whole number from 1"),
        ("coloring --graph my.col --seed -1", "seed"),
        ("coloring --graph my.col --out my.pdf", "my.pdf"),
        ("coloring --graph my.col --select best", "known are first, majority, value, checker"),
        ("coloring --graph my.col --halt soon", "--halt"),
        ("coloring --graph my.col --repel nan", "repel must lie between"),
        ("coloring --graph my.col --halt q --repel 1", "choose halt"),
        ("coloring --graph " + 400 * "a", "aaa"),
        (400 * "a" + " --graph my.col", "no run folder"),
    ],
)
def test_options_of_sample(
    complaint: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.col").write_text("p edge 2 1\ne 1 2\n")
    (tmp_path / "your.col").write_text("p edge 3 1\ne 1 2\n")
    (tmp_path / "big.txt").write_text("100000 1\n1 2\n")
    assert word in complaint(sample.main, *options.split())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--select value", "train_heads"),
        ("--halt simple", "train_heads"),
        ("--resample", "train_heads"),
        ("--select best", "'best'"),
        ("--skip-bad", "--skip-bad is for files, and coloring generates its problems; add --graphs PATH"),
    ],
)
def test_what_a_run_without_heads_cannot_do(
    complaint: Callable[..., str], finished: Path, options: str, word: str
) -> None:
    assert word in complaint(evaluate.main, str(finished), "--problems", "2", *options.split())


def test_a_configuration_that_asks_for_more_than_there_is(finished: Path, tmp_path: Path) -> None:
    """Nothing is made of the sizes in a file before they are known to fit."""
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    stored = json.loads((folder / "config.json").read_text())
    stored["model"] |= {"width": 2**14, "hidden": 2**14, "layers": 1000}
    (folder / "config.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match=r"weights\.safetensors holds [\d,]+ numbers, and its config\.json needs"):
        load_run(str(folder), "cpu")


def test_weights_that_do_not_fit(complaint: Callable[..., str], finished: Path, tmp_path: Path) -> None:
    options = ["--out", str(tmp_path / "new"), "--init", str(finished)]
    assert "do not fit" in complaint(train.main, *TINY, "--model.layers=1", *options)
    assert "no run folder" in complaint(train.main, *TINY, *options[:2], "--init", "none")


@pytest.mark.parametrize("wrong", [{"num_samples": 2.5}, {"steps": 1.5}, {"seed": 2**70}, {"seed": -1}])
def test_numbers_from_python(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="must be a whole number"):
        gram_pyro.load("coloring", "cpu").sample(nx.path_graph(2), **wrong)


def test_too_little_memory(complaint: Callable[..., str]) -> None:
    def allocate(_: list[str]) -> None:
        torch.empty(2**50)

    def fail(_: list[str]) -> None:
        raise RuntimeError("something else")

    assert "not enough memory" in complaint(allocate)
    with pytest.raises(RuntimeError, match="something else"):
        run_cli(fail, [])


def test_a_folder_of_the_same_name_does_not_hide_a_shipped_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coloring").mkdir()
    monkeypatch.chdir(tmp_path)
    assert gram_pyro.load("coloring", "cpu").run.depth > 0


def test_a_users_file_with_a_long_complaint(complaint: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise RuntimeError('first\\nsecond')\n")
    assert "RuntimeError: first" in complaint(train.main, "--task", str(tmp_path / "mine.py"))


def test_a_users_task_that_needs_arguments(complaint: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine:\n    def __init__(self, size): pass\n")
    assert "mine.py:Mine" in complaint(train.main, "--task", f"{tmp_path / 'mine.py'}:Mine")


programs = pytest.mark.parametrize(
    "program", [lambda run: (train.main, "--resume", str(run)), lambda run: (evaluate.main, str(run))]
)


def edit(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    stored = json.loads((run / "config.json").read_text())
    change(stored)
    (run / "config.json").write_text(json.dumps(stored))


CONFIGS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "unknown key": (lambda c: c["training"].update(speed=3), "speed"),
    "unknown key of the task": (lambda c: c["task"].update(colour=3), "colour"),
    "unknown part": (lambda c: c.update(nonsense=3), "nonsense"),
    "missing part": (lambda c: c.pop("training"), "training"),
    "another version": (lambda c: c.update(format=99), "format"),
    "no version": (lambda c: c.pop("format"), "format"),
    "unknown task": (lambda c: c.update(task_name="nope"), "'nope'"),
    "unknown model": (lambda c: c.update(model_name="nope"), "'nope'"),
    "unknown guide": (lambda c: c.update(guide="nope"), "'nope'"),
    "impossible value": (lambda c: c["training"].update(batch=0), "batch"),
    "word for a number": (lambda c: c["training"].update(learning_rate="fast"), "learning_rate"),
    "word for a whole number": (lambda c: c["model"].update(layers="two"), "layers"),
    "fraction for a whole number": (lambda c: c["training"].update(depth=2.5), "depth"),
    "impossible choice": (lambda c: c["training"].update(kl_transitions="some"), "kl_transitions"),
    "number for a name": (lambda c: c.update(guide=3), "guide"),
    "null": (lambda c: c["training"].update(batch=None), "batch"),
    "list for a part": (lambda c: c.update(machine=[]), "machine"),
    "null for a part": (lambda c: c.update(task=None), "task"),
}


@programs
@pytest.mark.parametrize(("change", "word"), CONFIGS.values(), ids=CONFIGS.keys())
def test_a_configuration_that_describes_no_run(
    complaint: Callable[..., str], run: Path, program: Any, change: Callable[[dict[str, Any]], Any], word: str
) -> None:
    edit(run, change)
    assert word in complaint(*program(run))


@programs
@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"format": 1}', "\x00", '{"format": 1, "task_name'])
def test_a_damaged_configuration(complaint: Callable[..., str], run: Path, program: Any, text: str) -> None:
    (run / "config.json").write_text(text)
    assert str(run / "config.json") in complaint(*program(run))


@programs
def test_a_folder_without_a_configuration(complaint: Callable[..., str], tmp_path: Path, program: Any) -> None:
    assert str(tmp_path) in complaint(*program(tmp_path))


@programs
def test_a_folder_with_nothing_but_a_configuration(complaint: Callable[..., str], run: Path, program: Any) -> None:
    for path in [*run.glob("*.pt"), *run.glob("*.safetensors")]:
        path.unlink()
    assert str(run) in complaint(*program(run))


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_damaged_weights(complaint: Callable[..., str], run: Path, size: int) -> None:
    path = run / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert str(path) in complaint(evaluate.main, str(run))


def test_weights_of_another_model(complaint: Callable[..., str], run: Path) -> None:
    edit(run, lambda stored: stored["model"].update(width=32))
    assert "weights.safetensors" in complaint(evaluate.main, str(run))


def test_a_checkpoint_of_another_model(complaint: Callable[..., str], run: Path) -> None:
    edit(run, lambda stored: stored["model"].update(width=32))
    assert "config.json" in complaint(train.main, "--resume", str(run))


def test_damaged_checkpoints_are_each_named(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path in checkpoints(run):
        path.write_bytes(path.read_bytes()[:99])
    capfd.readouterr()
    with pytest.raises(SystemExit, match="2"):
        run_cli(train.main, ["--resume", str(run)])
    lines = capfd.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["warning", "warning", "error"]
    assert all(str(path) in " ".join(lines[:2]) for path in checkpoints(run))


def test_no_such_run(complaint: Callable[..., str]) -> None:
    assert "'nowhere'" in complaint(evaluate.main, "nowhere")


def test_commands_in_hints_quote_folders_with_spaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my run"
    with pytest.raises(UserError, match=f"train it with python -m gram_pyro.train --out '{re.escape(str(folder))}'"):
        read_latest(folder)
    row = dict.fromkeys(("validity", "ratio", "validity_deep", "ratio_deep"), 0.5)
    config = SimpleNamespace(training=SimpleNamespace(depth=4), task=Coloring())
    run: Any = SimpleNamespace(
        world=SimpleNamespace(is_main=True), folder=folder, config=config, metrics=[row], seconds=1
    )
    train.report(run)
    assert capsys.readouterr().out.endswith(f"next: python -m gram_pyro.evaluate '{folder}'\n")
