"""The comparison: one budget, every system, tables; stopped and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro import compare
from gram_pyro.comparison import comparison
from gram_pyro.comparison import run as comparison_run
from gram_pyro.comparison.config import Budget, CompareConfig
from gram_pyro.comparison.entry import Entry, result_of
from gram_pyro.comparison.figures import by_part, draw_gaps, draw_table
from gram_pyro.comparison.run import equal_updates, samples_at
from gram_pyro.comparison.systems import ABLATIONS, INPUTS, POSTERIORS, SYSTEMS, TASK_OPTIONS, System, training_options
from gram_pyro.comparison.table import cell, markdown, rows_of
from gram_pyro.errors import Diverged, UserError
from gram_pyro.guides import GUIDES
from gram_pyro.guides.lookahead import LOOKAHEAD
from gram_pyro.models import MODELS
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import Run
from gram_pyro.runs.train_options import configured
from gram_pyro.tasks import Coloring
from gram_pyro.training import validation

BUDGET = Budget(1.0, "time", 20, 5, 11, 1, 1, "cpu")


@pytest.fixture(autouse=True, scope="module")
def few_problems() -> Iterator[None]:
    """Trainings on fewer problems than a recipe has, which take long to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "PROBLEMS", 8)
        patch.setattr(
            "gram_pyro.comparison.entry.training_options", lambda *args: [*training_options(*args), "--problems", "500"]
        )
        yield


def small(out: Path, *more: str) -> list[str]:
    quick = ["--minutes", "0.01", "--problems", "4", "--samples", "3", "--threads", "1", "--out", str(out)]
    return ["--task", "coloring", *quick, *more]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compare")
    compare.main(small(out, "--models", "trm", "direct-2", "--inputs", "relations"))
    return out


def test_a_comparison_writes_its_tables(compared: Path) -> None:
    rows = json.loads((compared / "table1-coloring.json").read_text())
    named = [(row["model"], row["steps"]) for row in rows]
    assert named[:2] == [("TRM", 16), ("TRM", 64)] and named[-1] == ("direct prediction, 2 layers", 1)
    assert {"PTRM: TRM with noise 0.1 before every step", "TRM, random z_0"} <= {model for model, _ in named}
    for row in rows:
        assert row["seeds"] == 1 and row["inputs"] == "relations" and row["parameters"] > 1000
        for name in ("validity", "conflicts", "coverage", "ratio", "minutes"):
            least, greatest = row[f"{name}_spread"]
            assert least <= row[name] <= greatest
    assert rows[0]["paper"] == {"parameters": "7M", "conflicts": 109.3, "coverage": 22.3}
    assert rows[1]["paper"] is None and rows[0]["excess"] > 0 and rows[1]["excess"] is rows[2]["excess"] is None
    assert (compared / "table1-coloring.md").read_text().count("\n") == len(rows) + 2
    assert (compared / "table1-coloring.png").stat().st_size > 10_000


def test_what_is_done_is_not_done_again(
    compared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (compared / "table1-coloring.md").read_text()
    monkeypatch.setattr(comparison, "train_and_measure", lambda *_: pytest.fail("trained again"))
    compare.main(small(compared, "--models", "trm", "direct-2", "--inputs", "relations"))
    assert (compared / "table1-coloring.md").read_text() == before
    assert "direct prediction, 2 layers" in capsys.readouterr().out


def test_what_is_known_from_elsewhere_is_not_run(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "train_and_measure", lambda *_: pytest.fail("trained again"))
    known = compared / "table1-coloring-runs.json"
    told = ["--models", "trm", "direct-2", "--inputs", "relations", "--known", str(known)]
    compare.main(small(tmp_path, *told))
    for name in ("table1-coloring.md", "table1-coloring-runs.json"):
        assert (tmp_path / name).read_text() == (compared / name).read_text()
    compare.main(small(tmp_path / "one", "--models", "trm", *told[3:]))  # what is known and not asked for is kept
    assert len(json.loads((tmp_path / "one" / "table1-coloring-runs.json").read_text())) == 2
    with pytest.raises(UserError, match=r"runs\.json holds runs made with samples 3; it serves that budget alone"):
        compare.main(small(tmp_path / "other", *told, "--samples", "4"))
    results = json.loads(known.read_text())
    for result in results:
        assert result["budget"].pop("precision") == "float32"
    with pytest.raises(UserError, match=r"runs\.json holds runs made with precision 'float32'"):
        compare.main(small(tmp_path / "half", *told, "--precision", "bfloat16"))
    before = tmp_path / "before.json"  # budgets named it
    before.write_text(json.dumps(results))
    with pytest.raises(UserError, match=r"before\.json holds runs made with precision None"):
        compare.main(small(tmp_path / "older", *told[:-1], str(before)))
    with pytest.raises(UserError, match=r"before\.json holds runs of table1, and this is table3"):
        compare.main(small(tmp_path / "third", "--ablate", "--models", "flat", "--known", str(before)))


@pytest.mark.parametrize("text", ["", "{", "7", "[7]", "[{}]", '[{"entry": {"name": "trm"}, "budget": {}}]'])
def test_a_file_without_results_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    with pytest.raises(UserError, match=r"runs\.json cannot be read"):
        compare.main(small(tmp_path, "--known", str(path)))
    path.write_text(text)
    with pytest.raises(UserError, match=r"runs\.json is no file of results"):
        compare.main(small(tmp_path, "--known", str(path)))


def test_a_run_that_was_trained_is_only_measured(compared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compared / "table1" / "coloring" / "direct-2-relations-0" / "result.json"
    before = json.loads(path.read_text())
    path.unlink()
    asked: list[Path] = []
    monkeypatch.setattr(comparison_run, "train_once", lambda config, folder: asked.append(folder))
    compare.main(small(compared, "--models", "direct-2", "--inputs", "relations"))
    assert asked == [path.parent]
    after = json.loads(path.read_text())
    for found in (before, after):
        for row in found["rows"]:
            del row["seconds"]
    assert before == after


@pytest.mark.parametrize("name", asdict(BUDGET))
def test_budgets_are_equal_in_every_field(name: str) -> None:
    stored = asdict(BUDGET)
    assert not BUDGET.difference(stored)
    for other in (stored | {name: "other"}, {key: value for key, value in stored.items() if key != name}):
        assert BUDGET.difference(other) == f"{name} {other.get(name)!r}"


def test_another_budget_needs_another_folder(compared: Path) -> None:
    with pytest.raises(UserError, match=r"holds runs made with minutes 0\.01; choose another --out"):
        compare.main(small(compared, "--models", "direct-2", "--minutes", "2"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "gpt"], "unknown system gpt; known are direct, direct-2"),
        (["--task", "sudoku"], "unknown task sudoku; known are coloring, nqueens"),
        (["--inputs", "pixels"], "unknown kind of input pixels; known are relations, tokens"),
        (["--minutes", "0"], "--minutes must be above 0"),
        (["--seeds", "0"], "--seeds must lie between 1 and 1,000, not 0"),
        (["--jobs", "0"], "--jobs must lie between 1 and 64, not 0"),
        (["--data-seed", "-1"], "--data-seed must lie between 0 and"),
        (["--inputs", "tokens", "tokens"], "a kind of input is named twice"),
        (["--models", "all", "gram"], "unknown system all"),
        (["--models", "trm", "--equal", "evaluations"], "needs the reference among the models: add gram"),
        (["--ablate", "--models", "flat", "--equal", "examples"], "needs the reference among the models: add full"),
        (["--ablate", "--inputs", "tokens"], "these systems do not take tokens; take --inputs relations"),
        (["--task-options", "--task.n 1"], "n=1"),
        (["--task-options=--task.m 1"], "--task.m"),
        (
            ["--task-options", "--task.n 6 --depth 8"],
            "takes options of the task, --task.NAME, and not --depth",
        ),
        (["--ablate", "--models", "ar"], "unknown system ar; known are full"),
        (["--ablate", "--posteriors"], "are tables of their own; ask for one of them"),
        (["--generation", "--posteriors"], "are tables of their own; ask for one of them"),
        (["--generation"], "unknown task coloring; known are digits"),
        (["--task", "digits"], "unknown task digits; known are coloring, nqueens"),
        (["--generation", "--task", "digits", "--models", "vae", "vae-2"], "unknown system vae-2; known are"),
        (["--posteriors", "--models", "full"], "unknown system full; known are default, paper"),
    ],
)
def test_an_impossible_choice_is_refused(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        compare.main([*arguments, "--out", str(tmp_path)])
    assert message in str(refused.value)


@pytest.mark.parametrize("table", [SYSTEMS, ABLATIONS, POSTERIORS])
@pytest.mark.parametrize("task", TASK_OPTIONS)
def test_every_system_can_be_configured(table: dict[str, System], task: str) -> None:
    for system in table.values():
        assert system.model in MODELS and set(system.inputs) <= set(INPUTS)
        for inputs in system.inputs:
            config, _ = configured([*training_options(system, task, inputs), "--updates", "1"])
            assert config.task.layout == inputs
            assert config.model_name == system.model
            if system.one_answer:
                assert config.task.spec.positions != "none"
                assert getattr(config.task, "names", "canonical") == "canonical"


def test_every_row_of_the_papers_table_is_there() -> None:
    published = [system.paper["coloring-8"] for system in SYSTEMS.values() if system.paper]
    assert sorted(conflicts for _, conflicts, _ in published) == [2.7, 2.7, 19.0, 109.3, 109.7, 136.0, 179.3]
    assert SYSTEMS["gram"].paper["nqueens-10"] == ("10M", 89.7, 57.5)
    assert SYSTEMS["ar"].paper["nqueens-8"] == ("10.6M", 96.3, 84.8)


def reference() -> dict[str, Any]:
    batch = recipe("coloring").training.batch
    return {"updates": 100, "examples": batch, "evaluations": 6 * batch, "blocks": 6, "rows": [{"steps": 16}]}


def test_updates_of_equal_cost() -> None:
    wide = Entry("table1", "coloring", "direct-32", "relations", 0)
    end = Entry("table1", "coloring", "looped-end", "relations", 0)
    far = Entry("table3", "coloring", "horizon-2", "relations", 0)
    for entry, evaluations in ((wide, 100 * 6 / 32), (end, 100 * 6 / (4 * 16)), (far, 100 / 2)):
        assert equal_updates(entry, BUDGET, reference()) is None
        assert equal_updates(entry, replace(BUDGET, equal="examples"), reference()) == 100
        assert equal_updates(entry, replace(BUDGET, equal="evaluations"), reference()) == round(evaluations)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("default", 1),
        ("backward", 1 + 1 + LOOKAHEAD),
        ("solution_set", 1),
        ("importance", 4),
        ("wake_sleep", 1 + 1 + 1),
        ("constraint", 1 + 1),
        ("horizon-4", 4),
    ],
)
def test_what_runs_beside_is_counted(name: str, steps: int) -> None:
    """Supervision steps that an update runs, of a posterior's pilot and an objective's dreams too."""
    entry = Entry("posteriors", "coloring", name, "relations", 0)
    expected = max(1, round(100 / steps))
    assert equal_updates(entry, replace(BUDGET, equal="evaluations"), reference()) == expected


def test_samples_of_equal_cost() -> None:
    task = Coloring()
    runs = {}
    for name in ("gram", "ar"):
        model = MODELS[name](task.spec)
        runs[name] = Run(name, task, model, GUIDES[model.guide](task.spec, model), 16, torch.device("cpu"))
    equal = replace(BUDGET, equal="evaluations")
    assert samples_at(runs["gram"], 16, BUDGET, None) == samples_at(runs["ar"], 1, BUDGET, None) == 20
    assert samples_at(runs["gram"], 16, equal, None) == 20 and samples_at(runs["gram"], 64, equal, None) == 5
    assert samples_at(runs["ar"], 1, equal, reference()) == 20 * 6 * 16 / 8
    assert comparison_run.depths_of(runs["ar"]) == [1] and comparison_run.depths_of(runs["gram"]) == [16, 64]


def test_the_gap_is_between_validities_on_the_same_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Coloring(n=5)
    torch.manual_seed(0)
    model = MODELS["gram"](task.spec)
    run = Run("a test", task, model, GUIDES[model.guide](task.spec, model), 1, torch.device("cpu"))
    told: list[Any] = []
    real = comparison_run.bound
    monkeypatch.setattr(comparison_run, "SCORED_PROBLEMS", 2)
    monkeypatch.setattr(comparison_run, "bound", lambda *a, **k: told.extend(a[3]) or real(*a, **k))
    budget = replace(BUDGET, problems=6, samples=40)
    found = comparison_run.measured(run, ABLATIONS["full"], budget, None)
    few = comparison_run.measured(run, ABLATIONS["full"], replace(budget, problems=2), None)
    assert len(told) == 4 and found["rows"][0]["validity"] != few["rows"][0]["validity"]
    assert found["gap"] == pytest.approx(found["bound"]["posterior_validity"] - few["rows"][0]["validity"])


def test_every_run_but_the_reference_is_measured_against_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int, str | None]] = []

    def performed(entry: Entry, out: Path, budget: Budget, against: dict[str, Any] | None) -> dict[str, Any]:
        known = None if against is None else f"{against['entry']['name']}-{against['entry']['inputs']}"
        asked.append((entry.name, entry.inputs, entry.seed, known))
        stored = result(entry.inputs, entry.seed, 0.5) | {"validation": {"coverage": 0.4, "validity": 0.5}}
        stored["entry"] = stored["entry"] | {"name": entry.name}
        entry.folder(out).mkdir(parents=True)
        (entry.folder(out) / "result.json").write_text(json.dumps(stored))
        return stored

    monkeypatch.setattr(comparison, "train_and_measure", performed)
    more = ["--models", "trm", "gram", "--equal", "evaluations", "--seeds", "2"]
    compare.main(small(tmp_path, *more))
    assert asked[0] == ("gram", "relations", 0, None)
    assert {seed for _, _, seed, _ in asked[1:]} == {0, 1} and len(asked) == 6
    assert {known for *_, known in asked[1:]} == {"gram-relations"}


def test_a_run_that_diverged_is_noted_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def diverges(config: RunConfig, folder: Path) -> None:
        raise Diverged("the loss is not finite (nan) at update 3")

    monkeypatch.setattr(comparison_run, "train_once", diverges)
    with pytest.raises(UserError, match="no system could be measured on coloring"):
        compare.main(small(tmp_path, "--models", "direct-2", "--inputs", "relations"))
    stored = json.loads((tmp_path / "table1/coloring/direct-2-relations-0/result.json").read_text())
    assert stored["failed"] == "the loss is not finite (nan) at update 3"


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(tmp_path: Path) -> None:
    folder = tmp_path / "table1/coloring/direct-2-relations-0"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    compare.main(small(tmp_path, "--models", "direct-2", "--inputs", "relations"))
    assert (folder / "result.json").exists()


def test_threads_that_cannot_be_leave_the_folder_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--threads must lie between 0"):
        compare.main([*small(tmp_path), "--threads", "-1"])
    assert not [*tmp_path.iterdir()]


def test_ctrl_c_stops_runs_side_by_side(tmp_path: Path) -> None:
    told = small(tmp_path, "--models", "direct-2", "--jobs", "2", "--minutes", "0.3", "--task-options=--task.n 5")
    command = [sys.executable, "-m", "gram_pyro.compare", *told]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    at_work = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    try:
        while len([*tmp_path.glob("table1/coloring/*/config.json")]) < 2:
            assert at_work.poll() is None
            time.sleep(0.2)
        os.killpg(at_work.pid, signal.SIGINT)
        _, said = at_work.communicate(timeout=60)
    finally:
        if at_work.poll() is None:
            os.killpg(at_work.pid, signal.SIGKILL)
    assert at_work.returncode == 130, said
    assert "the same command goes on" in said and "Traceback" not in said
    assert len([*tmp_path.glob("table1/coloring/*/checkpoint-*.pt")]) == 2


def test_runs_side_by_side_give_the_same_table(compared: Path, tmp_path: Path) -> None:
    small_graphs = ["--task-options=--task.n 5", "--inputs", "relations", "tokens"]
    compare.main([*small(tmp_path, "--models", "direct-2", *small_graphs), "--jobs", "2"])
    (row,) = json.loads((tmp_path / "table1-coloring.json").read_text())
    assert row["model"] == "direct prediction, 2 layers" and len(row["other_inputs"]) == 1


def result(inputs: str, seed: int, validity: float) -> dict[str, Any]:
    row = {
        "label": "TRM", "method": {}, "steps": 16, "samples": 20, "validity": validity, "conflicts": 3.0,
        "coverage": 0.5, "ceiling": 0.9, "ratio": 0.55, "accuracy": {"value": 0.7, "checker": 0.8}, "seconds": 1.0,
        "evenness": {"distance": 0.3, "uniform": 0.2},
    }  # fmt: skip
    return {
        "entry": {"task": "nqueens", "inputs": inputs, "seed": seed}, "size": 8, "label": "TRM", "rows": [row],
        "failed": None, "parameters": 1000, "minutes": 4.0, "updates": 10, "budget": {}, "machine": {}, "gap": 0.1,
        "bound": {"excess": 2.0 + seed, "posterior_validity": 0.9, "kl": [1.0 + seed, 0.5]},
        "likelihood": {"kind": "exact", "nll": 2.0, "excess": 1.0}, "calibration": {"value": None, "halt": 0.1},
    }  # fmt: skip


def test_rows_average_over_seeds_of_the_better_inputs() -> None:
    found = [result("relations", 0, 0.5), result("relations", 1, 0.7), result("tokens", 0, 0.8)]
    found.append(result("tokens", 1, 1.0))
    (row,) = rows_of(SYSTEMS["trm"], found, "relations")
    assert row["validity"] == pytest.approx(0.6) and row["validity_spread"] == [0.5, 0.7]
    assert row["seeds"] == 2 and row["other_inputs"]["tokens"]["validity"] == 0.9
    assert row["value_calibration"] is None and row["halt_calibration"] == 0.1
    assert row["paper"] == {"parameters": "7M", "validity": 66.8, "coverage": 36.1}
    assert cell(row, "validity", 3) == "0.600 (0.500 to 0.700)" and cell(row, "distance", 3) == "0.300"
    assert row["kl"] == [1.5, 0.5] and row["elbo_excess"] == 2.5
    text = markdown([row])
    assert "TRM (2 seeds)" in text and "| 66.8 | 36.1 |" in text


def test_a_table_without_ceiling_is_drawn(tmp_path: Path) -> None:
    (row,) = rows_of(SYSTEMS["trm"], [result("relations", 0, 0.5)], "relations")
    draw_table([row | {"ceiling": None, "coverage": None, "coverage_spread": None}], tmp_path / "table.png")
    draw_gaps([row, row | {"model": "another", "kl": [], "gap": None}], tmp_path / "posteriors.png")
    assert (tmp_path / "table.png").exists() and (tmp_path / "posteriors.png").exists()


@given(st.lists(st.floats(0, 10), min_size=1, max_size=70), st.integers(1, 20))
def test_parts_of_a_trajectory_hold_all_of_its_nats(kl: list[float], parts: int) -> None:
    found = by_part(kl, parts)
    assert len(found) == parts and (found > -1e-9).all()
    assert found.sum() == pytest.approx(sum(kl), abs=1e-9)


def test_transitions_are_shared_out_among_parts() -> None:
    assert by_part([1.0, 2.0, 3.0, 4.0], 2).tolist() == [3.0, 7.0]
    assert by_part([1.0, 3.0], 4).tolist() == [0.5, 0.5, 1.5, 1.5]
    assert np.isnan(by_part([])).all()


def test_the_better_inputs_are_chosen_on_validation_problems(tmp_path: Path) -> None:
    config = CompareConfig(out=str(tmp_path), models=("trm",))
    made = comparison.Comparison(config, ["trm"])
    for inputs, coverage in (("relations", 0.4), ("tokens", 0.6)):
        folder = Entry("table1", "nqueens", "trm", inputs, 0).folder(tmp_path)
        folder.mkdir(parents=True)
        stored = result(inputs, 0, 0.5) | {"validation": {"coverage": coverage, "validity": 0.5}}
        (folder / "result.json").write_text(json.dumps(stored))
    assert made.best_inputs("nqueens", "trm") == "tokens"
    assert [entry.inputs for entry in made.first("nqueens")] == ["relations", "tokens"]
    assert made.repeated("nqueens") == []
    config = CompareConfig(out=str(tmp_path), models=("trm",), seeds=3)
    repeated = comparison.Comparison(config, ["trm"]).repeated("nqueens")
    assert [(entry.inputs, entry.seed) for entry in repeated] == [("tokens", 1), ("tokens", 2)]


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    entry = Entry("table1", "nqueens", "trm", "tokens", 0)
    entry.folder(tmp_path).mkdir(parents=True)
    for text in ("{", "[]", "{}"):
        (entry.folder(tmp_path) / "result.json").write_text(text)
        with pytest.raises(UserError, match=r"result\.json is damaged"):
            result_of(entry, tmp_path)
