"""What the benchmarks measure with is right; their figures are not for tests."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pyro
import pytest
import torch
from safetensors.torch import load_file

from benchmarks import answers, classifier, digits
from benchmarks.full_elbo import peak_live_bytes
from benchmarks.gradient import against, supervised, truncated
from benchmarks.live_bytes import LiveBytes
from benchmarks.memory import bytes_saved
from benchmarks.numerics import errors, long_run
from benchmarks.receivers import nats
from benchmarks.report import time_paired
from benchmarks.roofline import operations, roofline, traffic
from benchmarks.scaling import GROWN, OBJECTIVE, grown
from benchmarks.settings import Setting, build
from benchmarks.startup import ROOT, check_checkout, children_seconds, run_python
from benchmarks.survive import damage_checkpoints
from benchmarks.table import TABLES, load, names_of, table, visible
from gram_pyro.errors import UserError
from gram_pyro.models import GramConfig
from gram_pyro.models.draft import ACCURACY
from gram_pyro.runs.checkpoint import save_checkpoint
from gram_pyro.tasks.base import Examples

TINY = Setting("tiny", 4, 5, GramConfig(width=8, heads=2, layers=1, hidden=8))


def test_operations_of_a_product_and_its_gradient() -> None:
    left, right = torch.randn(5, 7, requires_grad=True), torch.randn(7, 3, requires_grad=True)
    assert operations(lambda: left @ right) == 2 * 5 * 7 * 3
    assert operations(lambda: (left @ right).sum().backward()) == 3 * 2 * 5 * 7 * 3
    query = torch.randn(2, 4, 16, 8, requires_grad=True)
    products = 2 * 2 * 4 * 16 * 16 * 8
    attend = torch.nn.functional.scaled_dot_product_attention
    assert operations(lambda: attend(query, query, query)) == 2 * products
    assert operations(lambda: attend(query, query, query).sum().backward()) == 7 * products
    found = roofline(lambda: left @ right, 1.0)
    assert found["of_arithmetic"] == pytest.approx(found["operations"] / found["operations_a_second"], abs=1e-3)


def test_bytes_are_those_that_are_read_and_written() -> None:
    large, row = torch.zeros(100, 50), torch.zeros(50)
    assert traffic(lambda: large + row) == 4 * (100 * 50 + 50 + 100 * 50)
    assert traffic(lambda: large.add_(1)) == 4 * 2 * 100 * 50
    assert traffic(lambda: large.T.view(50, 10, 10)[3:]) == 0
    assert traffic(lambda: row.expand(100, 50).sum()) == 4 * (50 + 1)
    cube, square = large.view(10, 10, 50), torch.zeros(50, 50)
    assert traffic(lambda: cube @ square) == 4 * (2 * 100 * 50 + 50 * 50)


def test_memory_is_flat_in_transitions_behind_the_horizon() -> None:
    kept = {size: bytes_saved(grown("transitions", size), OBJECTIVE, 0) for size in (1, 4)}
    assert kept[1] == kept[4]
    for name, sizes in GROWN.items():
        assert grown(name, sizes[0]) != grown(name, sizes[1])


def test_live_bytes_are_those_of_tensors_that_somebody_holds() -> None:
    outside = torch.zeros(1000)
    with LiveBytes() as live:
        seen = outside.view(10, 100).add_(1)
        assert live.now == live.peak == 0 and seen.sum() == 1000
        del seen
        first = torch.zeros(1000)
        view, second = first[:10], first + 1
        assert live.now == live.peak == 2 * 4000
        del first
        assert live.now == 8000  # the view holds its storage
        del view, second
        assert live.now == 0 and live.peak == 8000


def test_what_is_computed_again_takes_the_memory_of_one_step() -> None:
    with pyro.validation_enabled(False):
        kept = {steps: peak_live_bytes(TINY, "whole, kept", steps, 0) for steps in (1, 16)}
        again = {steps: peak_live_bytes(TINY, "whole, computed again", steps, 0) for steps in (4, 16)}
    state = 2 * 4 * TINY.batch * TINY.vertices * TINY.model.width
    assert kept[16] > 12 * kept[1]
    assert 12 * state <= again[16] - again[4] < 24 * state
    assert again[16] - 16 * state < 1.5 * kept[1]


def test_float32_is_close_to_float64_and_bfloat16_less_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.numerics.PATHS", ("float32", "bfloat16"))
    with pyro.validation_enabled(False):
        single, half = errors(TINY, 0)
    assert single["loss"] < 1e-5 and single["gradient"] < 1e-4 and single["cosine"] > 0.999999
    assert 1e-5 < half["loss"] < 0.05 and 1e-3 < half["gradient"] < 0.2


def test_a_long_run_counts_what_was_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    assert long_run("coloring", 3, 0)["finite"] == 3
    monkeypatch.setattr("benchmarks.numerics.TINY", GramConfig(width=8, heads=2, layers=1, hidden=8, refinements=1))
    monkeypatch.setattr("gram_pyro.training.trainer.Trainer.learning_rate", lambda _: float("nan"))
    with pyro.validation_enabled(False):
        assert long_run("coloring", 3, 0)["finite"] == 1


def test_the_full_gradient_is_the_one_of_the_longest_horizon() -> None:
    model, guide, problems, targets, _ = build(TINY, 0)
    examples = Examples(problems, targets, torch.zeros(0))
    found = []
    for losses in (truncated(None), truncated(4), truncated(1), supervised(4)):
        model.zero_grad()
        torch.manual_seed(1)
        losses(model, guide, examples, 4).backward()
        found.append({"core": torch.cat([p.grad.flatten() for p in model.high_network.parameters()])})
    full, longest, shortest, deep = found
    assert against([longest], [full])["core"] == {"cosine": 1.0, "ratio": 1.0, "cosine_of_a_batch": 1.0}
    assert against([shortest], [full])["core"]["cosine"] < 0.999
    assert against([deep], [full])["core"]["cosine"] < 0.999


def test_one_look_at_a_cell_costs_its_accuracy() -> None:
    torch.manual_seed(0)
    found = nats("flow", "mean", 1, 90)
    look = ACCURACY / 2 * (1 - 1 / 9)  # at probabilities that are uniform; what is left after it is almost nothing
    assert found.shape == (90,) and found.min().item() == pytest.approx(look) and found.mean().item() < look + 0.1


def test_depth_stands_in_the_table_where_it_matters() -> None:
    found = [("a", 16, 0.5), ("a", 64, 0.505), ("b", 16, 0.5), ("b", 64, 0.6)]
    rows = [{"model": name, "steps": steps, "validity": 0.9, "coverage": value} for name, steps, value in found]
    assert [(row["model"], row["steps"]) for row in visible(rows, "table1")] == [("a", 16), ("b", 16), ("b", 64)]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TABLES for name in names_of(kind)])
def test_every_stored_table_can_be_printed(kind: str, name: str) -> None:
    blocks = [block.splitlines() for block in table(kind, name).split("\n\n") if block.startswith("|")]
    assert blocks
    for first, *rest in blocks:
        assert len(rest) > 1 and {line.count("|") for line in rest} == {first.count("|")}
    if kind == "comparison":
        assert len(blocks[0]) == 2 + len(visible(load(kind, name), name.split("-")[0]))


def test_answers_are_measured_in_two_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {"small": answers.Case("coloring", 3, 5), "boards": answers.Case("nqueens", 2)}
    monkeypatch.setattr(answers, "CASES", cases)
    monkeypatch.setattr(answers, "STEPS", (1, 2))
    monkeypatch.setattr("benchmarks.table.RESULTS", tmp_path)
    (tmp_path / "inference").mkdir()
    answers.main(["--out", str(tmp_path / "inference" / "answers.json")])
    rows = load("inference", "answers")["answers"]
    assert [(row["label"], row["problems"], row["steps"]) for row in rows] == [
        ("small", 3, 1), ("small", 3, 2), ("boards", 2, 1), ("boards", 2, 2)
    ]  # fmt: skip
    assert all(row["argmax"]["samples"] == row["drawn"]["samples"] == 20 for row in rows)
    assert rows[0]["argmax"]["validity"] > rows[0]["drawn"]["validity"]
    both, conflicts = tables_of(table("inference", "answers"))
    assert len(both) == 1 + 4 and len(conflicts) == 1 + 2


def test_a_classifier_is_trained_and_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, weights = tmp_path / "classifier.json", tmp_path / "weights.safetensors"
    classifier.main(["--epochs", "3", "--out", str(out), "--weights", str(weights)])
    (row,) = json.loads(out.read_text())["rows"]
    assert row["images"]["test"] > 200 and row["accuracy"]["test"] > 0.6 and row["bytes"] == weights.stat().st_size
    assert {tensor.dtype for tensor in load_file(weights).values()} == {torch.float16}
    assert f"{100 * row['accuracy']['test']:.2f} %" in capsys.readouterr().out


def test_images_are_shifted_as_a_whole() -> None:
    images = torch.zeros(200, 5, 5)
    images[:, 2, 2:4] = 1
    moved = classifier.shifted(images, 1)
    places = {tuple(image.nonzero().flatten().tolist()) for image in moved}
    assert places == {(y, x, y, x + 1) for y in (1, 2, 3) for x in (1, 2, 3)}
    assert torch.equal(classifier.shifted(images, 0), images)


def tables_of(text: str) -> list[set[str]]:
    """The rows of each Markdown table, without their labels."""
    blocks = ([line for line in block.splitlines() if line.startswith("|")] for block in text.split("\n\n"))
    return [{row.split("|", 2)[2] for row in rows if "---" not in row} for rows in blocks if rows]


@pytest.mark.parametrize(
    ("kind", "pages"),
    [
        ("quality", "appendix-results"),
        ("comparison", "appendix-comparison appendix-studies posteriors appendix-posteriors"),
        ("inference", "inference appendix-halting appendix-comparison results"),
    ],
)
def test_pages_show_the_numbers_that_the_command_prints(kind: str, pages: str) -> None:
    printed = [rows for name in names_of(kind) for rows in tables_of(table(kind, name).split("\n\ngrid")[0])]
    texts = [(ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in pages.split()]
    shown = [rows for text in texts for rows in tables_of(text)]
    assert set().union(*printed) == set().union(*(rows for rows in shown if any(rows & each for each in printed)))


@pytest.mark.parametrize("name", ["table1", "table1-sudoku", "table1-coloring-runs", "sample"])
def test_a_table_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UserError, match=f"there is no table {name} of comparison; there are posteriors-coloring"):
        table("comparison", name)


def test_processor_seconds_are_those_of_children(tmp_path: Path) -> None:
    def work() -> None:
        run_python(ROOT, tmp_path, ["-c", "import time\nwhile time.process_time() < 0.2: pass"])

    asleep, busy = time_paired(
        {"asleep": lambda: time.sleep(0.3), "busy": work}, 1, warmup=0, clock=children_seconds
    ).values()
    assert asleep == [0] and 0.2 <= busy[0] < 1


def test_a_baseline_must_be_a_checkout(tmp_path: Path) -> None:
    check_checkout(ROOT, tmp_path)
    with pytest.raises(UserError, match="holds no package gram_pyro"):
        check_checkout(tmp_path, tmp_path)


def test_every_damage_is_seen(tmp_path: Path) -> None:
    for update in (1, 2):
        save_checkpoint(tmp_path, update, {"trainer": {"done": update}, "weights": torch.randn(50)})
    assert damage_checkpoints(tmp_path, 25, random.Random(0)) == (25, 25)


def test_a_mixture_makes_few_drafts_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the same images; with one draft the two differ most."""
    monkeypatch.setattr(digits, "STEPS", (1, 4))
    rows = digits.measure(digits.DigitsOptions(problems=24))
    found = {(row["receiver"], row["steps"]): row["nats"] for row in rows}
    assert found["mixture", 1] < found["mean", 1] - 10 and found["mixture", 4] < found["mean", 4] - 1
    assert found["mean", 4] < found["mean", 1] and all(0 < row["drafts"] <= row["nats"] for row in rows)


def test_what_draws_no_drafts_has_no_bound_by_drafts() -> None:
    with pytest.raises(UserError, match=r"the model of coloring_gram draws no drafts; take a run with --model\.draft"):
        digits.measure(digits.DigitsOptions(run="coloring_gram", problems=2))
