"""The evaluation program, on a tiny untrained model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gram_pyro
from gram_pyro import evaluate
from gram_pyro.errors import UserError, run_cli
from gram_pyro.evaluation import evaluate as evaluation
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.inference.config import INDEPENDENT
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.runs import store
from gram_pyro.runs.store import Run
from gram_pyro.tasks.coloring import count
from gram_pyro.tasks.coloring.task import Coloring

QUICK = ["--problems", "6", "--samples", "1", "4", "--steps", "2", "4"]
KEYS = {
    "run", "problems", "data_seed", "depth", "posterior_validity", "gap", "bound", "method", "rows", "by_solutions",
    "frontier", "uncounted",
}  # fmt: skip
SELECTIONS = {"first", "majority", "checker"}
COLUMNS = {"samples", "steps", "validity", "coverage", "ceiling", "ratio", "conflicts", "best", "mode", "solutions"} | {
    "evaluations"
}


def tiny_run(run: str) -> Run:
    """An untrained model for graphs of any size."""
    torch.manual_seed(0)
    task = Coloring(n=5)
    folder = Path(run) if Path(run).is_dir() else None
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1))
    return Run(Path(run).name, task, model, GaussianGuide(task.spec, model), 2, torch.device("cpu"), None, folder)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is the untrained one."""
    monkeypatch.setattr(store, "load_run", lambda run, *_: tiny_run(run))


@pytest.mark.usefixtures("tiny")
def test_json_is_one_object_and_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate.main([str(tmp_path), *QUICK, "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == ""
    assert set(result) == KEYS | {"precision"}
    assert result["precision"] == "float32"
    assert (result["run"], result["problems"], result["data_seed"], result["depth"]) == (tmp_path.name, 6, 7, 2)
    assert set(result["bound"]) == {"excess", "standard_error", "nll", "entropy", "kl", "problems"}
    assert [(row["samples"], row["steps"]) for row in result["rows"]] == [(1, 2), (4, 2), (1, 4), (4, 4)]
    assert all(set(row) == COLUMNS | {"accuracy"} and set(row["accuracy"]) == SELECTIONS for row in result["rows"])
    assert all(row["evaluations"] == row["samples"] * row["steps"] for row in result["rows"])
    at_depth = result["rows"][1]
    assert result["gap"] == pytest.approx(result["posterior_validity"] - at_depth["validity"])
    assert json.loads((tmp_path / "evaluation.json").read_text()) == result
    pictures = {f"evaluation-{name}.png" for name in ("depth-width", "frontier", "solutions")}
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", *pictures}


@pytest.mark.usefixtures("tiny")
def test_text_has_a_row_for_every_default_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate.main(["nameless", "--problems", "3", "--out", str(tmp_path / "result.json")])
    lines = capsys.readouterr().out.splitlines()
    table = [line.split() for line in lines[1:11]]
    assert set(table[0]) == COLUMNS | SELECTIONS
    assert [(int(row[0]), int(row[1])) for row in table[1:]] == [(n, t) for t in (2, 4, 8) for n in (1, 5, 20)]
    assert len({len(line) for line in lines[1:11]}) == 1
    assert lines[11].startswith("bound: ")
    assert len(json.loads((tmp_path / "result.json").read_text())["rows"]) == 9


@pytest.mark.usefixtures("tiny")
def test_graphs_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "graphs"
    folder.mkdir()
    (folder / "path.edges").write_text("0 1\n1 2\n")
    (folder / "square.edges").write_text("a b\nb c\nc d\nd a\n")
    (folder / "k4.edges").write_text("0 1\n0 2\n0 3\n1 2\n1 3\n2 3\n")
    (folder / "long.edges").write_text("".join(f"{v} {v + 1}\n" for v in range(25)))
    evaluate.main(["tiny", "--graphs", str(folder), *QUICK[2:], "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["problems"], result["data_seed"]) == (3, None)
    assert err == "1 of 4 problems left out: not known to be solvable\n"
    assert result["bound"] and result["rows"][0]["coverage"] is not None

    evaluate.main(["tiny", "--graphs", str(folder / "long.edges"), *QUICK[2:], "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["bound"] is result["gap"] is result["posterior_validity"] is None  # its colorings are too many
    assert result["uncounted"] == 0 and result["rows"][0]["coverage"] is not None  # but they can be counted
    with monkeypatch.context() as patch:
        patch.setattr(count, "MAX_STATES", 1)
        evaluate.main(["tiny", "--graphs", str(folder / "long.edges"), *QUICK[2:]])
    lines = capsys.readouterr().out.splitlines()
    assert "-" in lines[2].split() and lines[-1].startswith("coverage leaves out 1 problems")

    (folder / "loop.col").write_text("p edge 3 3\ne 1 2\ne 2 3\ne 3 3\n")
    evaluate.main(["tiny", "--graphs", str(folder), *QUICK[2:], "--no-bound", "--json", "--skip-bad"])
    out, err = capsys.readouterr()
    said = err.splitlines()
    assert json.loads(out)["problems"] == 3 and said[1] == "1 of 4 problems left out: not known to be solvable"
    assert said[0].startswith(f"1 of 5 files in {folder} left out: ") and "loop.col: line 4: an edge" in said[0]
    with pytest.raises(UserError, match=r"loop\.col: line 4"):
        evaluate.main(["tiny", "--graphs", str(folder), *QUICK[2:], "--json"])


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["tiny", "--unknown", "1"],
        ["tiny", "--samples", "many"],
        ["tiny", "--samples", "0"],
        ["tiny", "--steps", "0"],
        ["tiny", "--problems", "0"],
        ["tiny", "--data-seed", "-1"],
        ["tiny", "--out", "."],
        ["tiny", "--graphs", "missing.col"],
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run_cli(evaluate.main, arguments)
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1


def test_no_two_parts_of_the_problems_have_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "PROBLEMS_AT_ONCE", 2)
    run = tiny_run("tiny")
    problems = run.task.generate("test", 1, 0) * 6
    drawn = evaluation.draw_all(run, problems, 8, [4], 0, INDEPENDENT, evaluation.no_progress)
    first, *others = (torch.stack([each.decoded for each in drawn[place : place + 2]]) for place in (0, 2, 4))
    assert not any(torch.equal(first, other) for other in others) and not torch.equal(*others)


@pytest.mark.usefixtures("tiny")
def test_nothing_solvable_is_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k4.edges").write_text("0 1\n0 2\n0 3\n1 2\n1 3\n2 3\n")
    with pytest.raises(SystemExit) as stop:
        run_cli(evaluate.main, ["tiny", "--graphs", str(tmp_path)])
    assert stop.value.code == 2 and "solvable" in capsys.readouterr().err


def test_a_missing_run_in_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gram_pyro.evaluate", str(tmp_path / "missing")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, gram_pyro; print(gram_pyro.__version__, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [gram_pyro.__version__, "False"]


@pytest.mark.usefixtures("tiny")
def test_problems_of_another_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--task.n",
        "6",
        "--task.families",
        "tree",
        "planted",
        "--task.edge-probability",
        "0.3",
        *QUICK[2:],
        "--json",
    ]
    evaluate.main(["tiny", "--problems", "4", *options, "--out", str(tmp_path / "result.json")])
    assert json.loads(capsys.readouterr().out)["problems"] == 4
    for wrong, words in (
        (["--task.k", "4"], "cannot answer with k=4"),
        (["--task.n", "many"], "--task.n"),
        (["--task.nope", "3"], "unknown option --task.nope"),
    ):
        with pytest.raises(UserError, match=words):
            evaluate.main(["tiny", *wrong])
