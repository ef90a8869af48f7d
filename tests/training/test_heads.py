"""Value and halt heads: what they learn from, that the core is left alone, and that they are stored."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro import evaluate, train, train_heads
from gram_pyro.errors import UserError
from gram_pyro.inference.metrics import auc
from gram_pyro.inference.rollout import Rollout, rollout
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.runs.store import load_run
from gram_pyro.system.signals import Interrupted
from gram_pyro.tasks.coloring.task import Coloring
from gram_pyro.training import heads as heads_training
from gram_pyro.training import validation
from gram_pyro.training.heads import HeadsTrainer, judge_heads, returns

TASK = Coloring(n=5)
GRAPHS = TASK.generate("train", 20, 0)
QUICK = "--task coloring --task.n 5 --model.width 16 --model.heads 2 --model.hidden 16 --problems 50 --batch 8"


def model() -> Gram:
    torch.manual_seed(0)
    return Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1)).requires_grad_(False)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads_training, "PROBLEMS", 32)
    monkeypatch.setattr(heads_training, "BATCH", 64)
    monkeypatch.setattr(validation, "PROBLEMS", 8)


def start(folder: Path, *options: str) -> Path:
    train.main([*QUICK.split(), "--out", str(folder), *options])
    return folder


def test_a_rollout_is_judged_by_the_checker() -> None:
    run = rollout(TASK, model(), GRAPHS[:6], 4, 1)
    assert run.high.shape == (4, 6, 5, 16) and run.valid.shape == (4, 6) and 0 < run.valid.sum() < 24
    decoded = model().decode(run.high).argmax(-1)
    expected = [
        [TASK.violations(g, tuple(row)) == 0 for g, row in zip(GRAPHS, rows, strict=False)] for rows in decoded.tolist()
    ]
    assert run.valid.tolist() == expected


def test_one_doubtful_position_is_enough() -> None:
    heads = Heads(TASK.spec, model())
    torch.nn.init.normal_(heads.doubt.weight)
    x = TASK.encode(GRAPHS[:1])
    high = torch.randn(1, 5, 16)
    with torch.no_grad():
        positions = -heads.doubt(heads.block(torch.nn.functional.rms_norm(high, (16,), eps=1e-6), x.relations, None))
        verdict = torch.stack(heads(high, x), -1)
    assert (verdict <= positions.amin(1) + torch.tensor(5.0).log() + 1e-5).all()
    assert (verdict >= positions.amin(1) - 1e-5).all()


def test_heads_learn_and_the_core_does_not_move(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the shipped model, which is right in some two of three cases after so few steps."""
    monkeypatch.setattr(heads_training, "PROBLEMS", 64)
    run = load_run("coloring_gram", "cpu")
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    trainer = HeadsTrainer(run.task, run.model, run.task.generate("train", 500, 0), 2, 25, 0)
    losses = [trainer.round() for _ in range(25)]
    judged = judge_heads(run.task, run.model, trainer.heads, run.task.generate("validation", 100, 0), 2, 9)
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
    assert judged["halt_auc"] is not None and judged["halt_auc"] > 0.9
    assert judged["value_auc"] is not None and judged["value_auc"] > 0.6
    assert all(torch.equal(before[name], tensor) for name, tensor in run.model.state_dict().items())


def after_training(right: list[bool]) -> list[HeadLogits]:
    """Logits after each step of trajectories with these verdicts, of heads trained on nothing else."""
    core = model()
    trainer = HeadsTrainer(TASK, core, GRAPHS, len(right) // 2, 1, 0)
    graphs = [GRAPHS[i % len(GRAPHS)] for i in range(heads_training.PROBLEMS)]
    run = rollout(TASK, core, graphs, len(right), 0)
    run = run._replace(valid=torch.tensor(right)[:, None].expand_as(run.valid))
    for _ in range(60):
        trainer._update(run, trainer._targets(run), torch.arange(len(right) * heads_training.PROBLEMS))
    with torch.no_grad():
        return [trainer.heads(high, run.problems) for high in run.high]


def test_value_looks_to_the_end_and_halt_to_now() -> None:
    """Trajectories that are wrong until their last step."""
    verdict = after_training([False] * 5 + [True])[1]
    assert (verdict.value > 0).all() and (verdict.halt < 0).all() and (verdict.proceed > 0).all()


def test_going_on_from_what_is_wrong_for_good_is_worth_nothing() -> None:
    for verdict in after_training([False] * 6):
        assert (verdict.proceed.sigmoid() < 0.1).all()


def test_each_head_has_a_target_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trajectories that are right once, where the heads halt, and wrong in the end."""
    trainer = HeadsTrainer(TASK, model(), GRAPHS, 2, 1, 0)
    run = rollout(TASK, model(), GRAPHS[:3], 4, 0)._replace(valid=torch.tensor([False, True, False, False])[:, None])
    halts = iter([False, True, False, False])
    monkeypatch.setattr(
        trainer, "heads", lambda *_: HeadLogits(torch.zeros(1), torch.tensor([next(halts)]), torch.zeros(1))
    )
    value, halt, proceed = (target[:, 0].tolist() for target in trainer._targets(run))
    assert (value, halt, proceed) == ([0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0])


@given(st.data(), st.integers(1, 6), st.integers(1, 4))
def test_going_on_is_worth_the_verdict_where_it_halts_next(data: st.DataObject, steps: int, batch: int) -> None:
    flags = st.lists(st.lists(st.booleans(), min_size=batch, max_size=batch), min_size=steps, max_size=steps)
    right, halts = torch.tensor(data.draw(flags)).float(), torch.tensor(data.draw(flags))
    found = returns(right, halts)
    for row in range(batch):
        for step in range(steps):
            ends = [later for later in range(step + 1, steps) if halts[later, row]] + [steps - 1]
            assert found[step, row] == right[ends[0], row]
    assert (found <= right.amax(0)).all()


def test_what_cannot_be_solved_is_not_worth_going_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a model that is often right, whose heads see problems of both kinds."""
    monkeypatch.setattr(heads_training, "PROBLEMS", 64)
    run = load_run("coloring_gram", "cpu")
    trainer = HeadsTrainer(run.task, run.model, run.task.generate("train", 200, 0), 4, 25, 0)
    for _ in range(25):
        trainer.round()
    judged = judge_heads(run.task, run.model, trainer.heads, run.task.generate("validation", 50, 0), 4, 9)
    assert judged["value_auc"] is not None and judged["value_auc"] > 0.6
    assert judged["unsolvable_value"] < 0.3 and judged["unsolvable_proceed"] < 0.3, judged
    assert judged["unsolvable_halted"] < 0.3, judged


def test_a_quarter_of_the_problems_has_no_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[bool]] = []

    def recorded(task: Coloring, core: Gram, problems: list[Any], depth: int, seed: int) -> Rollout:
        seen.append([task.solvable(problem) is True for problem in problems])
        return rollout(task, core, problems, depth, seed)

    monkeypatch.setattr(heads_training, "rollout", recorded)
    HeadsTrainer(TASK, model(), GRAPHS, 2, 1, 0).round()
    small = Coloring(n=3)  # which three colors always color
    HeadsTrainer(small, model(), small.generate("train", 5, 0), 2, 1, 0).round()
    assert [len(each) - sum(each) for each in seen] == [8, 0]


def test_heads_judged_where_all_problems_have_solutions() -> None:
    task = Coloring(n=3)
    judged = judge_heads(task, model(), Heads(task.spec, model()), task.generate("train", 5, 0), 2, 0)
    assert judged["unsolvable_value"] is judged["unsolvable_proceed"] is judged["unsolvable_halted"] is None


def test_high_gets_no_gradient_from_the_heads() -> None:
    heads = Heads(TASK.spec, model())
    torch.nn.init.normal_(heads.doubt.weight)
    high = torch.randn(2, 5, 16, requires_grad=True)
    torch.stack(heads(high, TASK.encode(GRAPHS[:2]))).sum().backward()
    assert high.grad is None and all(p.grad is not None for p in heads.parameters())


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30))
def test_auc_is_the_chance_to_rank_right(cases: list[tuple[int, bool]]) -> None:
    true = [score for score, label in cases if label]
    false = [score for score, label in cases if not label]
    area = auc(torch.tensor([float(s) for s, _ in cases]), torch.tensor([label for _, label in cases]))
    if not true or not false:
        assert area is None
    else:
        pairs = [(a > b) + (a == b) / 2 for a in true for b in false]
        assert area == pytest.approx(sum(pairs) / len(pairs))


def test_training_ends_with_heads_and_resumes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = start(tmp_path / "whole", "--updates", "4", "--head-rounds", "2")
    heads = load_run(str(whole), "cpu").heads
    assert heads is not None and not any(p.requires_grad for p in heads.parameters())
    row = json.loads((whole / "metrics.jsonl").read_text().splitlines()[-1])
    judged = {"value_auc", "halt_auc", "unsolvable_value", "unsolvable_proceed", "unsolvable_halted"}
    assert {"update", "seconds"} | judged == set(row)

    rounds = []

    def interrupted(trainer: HeadsTrainer) -> float:
        rounds.append(trainer.done)
        raise MemoryError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(HeadsTrainer, "round", interrupted)
        with pytest.raises(MemoryError):
            start(tmp_path / "broken", "--updates", "4", "--head-rounds", "2")
    assert rounds == [0] and load_run(str(tmp_path / "broken"), "cpu").heads is None
    train.main(["--resume", str(tmp_path / "broken")])
    again = load_run(str(tmp_path / "broken"), "cpu").heads
    assert again is not None
    assert all(torch.equal(a, b) for a, b in zip(heads.parameters(), again.parameters(), strict=True))
    train.main(["--resume", str(tmp_path / "broken")])  # nothing is left to do, nothing is lost
    assert load_run(str(tmp_path / "broken"), "cpu").heads is not None


def test_heads_for_a_run_that_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = start(tmp_path / "run", "--updates", "2", "--head-rounds", "0")
    before = load_run(str(folder), "cpu")
    assert before.heads is None
    train_heads.main([str(folder), "--rounds", "1", "--problems", "10"])
    assert "value_auc" in capsys.readouterr().out
    after = load_run(str(folder), "cpu")
    assert after.heads is not None
    assert all(torch.equal(a, b) for a, b in zip(before.model.parameters(), after.model.parameters(), strict=True))
    train.main(["--resume", str(folder)])
    resumed = load_run(str(folder), "cpu").heads
    assert resumed is not None
    assert all(torch.equal(a, b) for a, b in zip(after.heads.parameters(), resumed.parameters(), strict=True))


def test_an_evaluation_with_heads(tmp_path: Path) -> None:
    """Values, halting and coupled samples, through the command line."""
    folder = start(tmp_path / "run", "--updates", "2", "--head-rounds", "1")
    asked = [str(folder), "--problems", "6", "--samples", "1", "4", "--steps", "4", "--no-bound"]

    def rows(*options: str) -> list[dict[str, Any]]:
        evaluate.main([*asked, *options])
        found: list[dict[str, Any]] = json.loads((folder / "evaluation.json").read_text())["rows"]
        return found

    plain, halted = rows(), rows("--halt", "simple", "--halt-threshold", "0.01")
    assert all(set(row["accuracy"]) == {"first", "majority", "value", "checker"} for row in plain)
    assert [row["evaluations"] for row in plain] == [4, 16]
    assert [row["evaluations"] for row in halted] == [1, 4]
    for options in (("--resample",), ("--repel", "1")):
        assert [row["evaluations"] for row in rows(*options)] == [4, 16]


def test_a_stop_between_rounds_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = start(tmp_path / "whole", "--updates", "2", "--head-rounds", "2")
    train_round = HeadsTrainer.round

    def press_ctrl_c(trainer: HeadsTrainer) -> float:
        os.kill(os.getpid(), signal.SIGINT)
        return train_round(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(HeadsTrainer, "round", press_ctrl_c)
        with pytest.raises(Interrupted):
            start(tmp_path / "run", "--updates", "2", "--head-rounds", "2")
    assert load_run(str(tmp_path / "run"), "cpu").heads is None
    train.main(["--resume", str(tmp_path / "run")])
    ours, theirs = (load_run(str(each), "cpu").heads for each in (whole, tmp_path / "run"))
    assert ours is not None and theirs is not None
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("none", "no run folder 'none'"), ("RUN --rounds 0", "--rounds"), ("coloring", "came with the package")],
)
def test_wrong_input(tmp_path: Path, arguments: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        train_heads.main(arguments.replace("RUN", str(tmp_path)).split())
