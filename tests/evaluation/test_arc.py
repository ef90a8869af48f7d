"""ARC's protocol: votes, attempts, fractions and the official file, against an evaluator that shares no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import arc_score
from gram_pyro import arc, sample
from gram_pyro.errors import UserError
from gram_pyro.evaluation.arc import measure, predict
from gram_pyro.reasoner import Samples
from gram_pyro.runs import store
from gram_pyro.tasks import Arc, ArcPuzzle, Coloring
from gram_pyro.tasks.arc.protocol import Prediction, attempts_of, columns, record, score, submission, task_score
from gram_pyro.tasks.arc.puzzles import pair_of
from gram_pyro.tasks.arc.views import Grid
from tests.commands.test_sample import tiny_run

A, B, C, D = ((1,),), ((2,),), ((3, 3),), ((4,), (4,))
PAIR = pair_of(A, B)


def puzzle(name: str, *outputs: Grid | None) -> ArcPuzzle:
    return ArcPuzzle(name, (PAIR,), tuple(pair_of(A, output) for output in outputs))


def votes(*grids: Grid, test: int = 0, confidence: float = 0.5, task: str = "t") -> list[Prediction]:
    return [Prediction(task, test, view, 0, grid, confidence) for view, grid in enumerate(grids)]


def test_count_decides_then_mean_confidence_then_the_first() -> None:
    assert attempts_of(votes(A, B, B, C, C, C)) == {("t", 0): [C, B]}
    sure = [each._replace(confidence=0.9 if each.grid == B else 0.5) for each in votes(A, C, B)]
    assert attempts_of(sure) == {("t", 0): [B, A]}
    many = votes(A, A, B, confidence=0.1)
    assert attempts_of([*many[:2], many[2]._replace(confidence=1.0)]) == {("t", 0): [A, B]}
    mean = [(A, 0.9), (A, 0.2), (B, 0.6), (B, 0.6)]
    assert attempts_of([Prediction("t", 0, i, 0, *each) for i, each in enumerate(mean)]) == {("t", 0): [B, A]}
    assert attempts_of(votes(C, A, B)[::-1]) == {("t", 0): [C, A]}


def test_what_is_no_grid_has_no_vote() -> None:
    assert attempts_of(votes((), (), (), A)) == {("t", 0): [A]} and attempts_of(votes((), ())) == {("t", 0): []}


def test_checkpoints_are_not_pooled() -> None:
    with pytest.raises(UserError, match="t, test 1, view 0, sample 0 answers twice: votes come from one checkpoint"):
        attempts_of(votes(A) + votes(B))


def test_a_task_with_several_tests_counts_the_fraction() -> None:
    task = puzzle("t", A, B, C)
    found = attempts_of(votes(A, A, B, B, D) + votes(B, test=1) + votes(A, A, B, B, C, test=2))
    assert task_score(task, found) == pytest.approx(2 / 3)
    assert score([task, puzzle("u", A)], votes(A)) == pytest.approx(1 / 6)
    assert task_score(puzzle("t", A, None), found) is None and score([puzzle("t", A, None)], votes(A)) is None
    assert score([task, puzzle("u", None)], votes(A)) == pytest.approx(1 / 3)


def test_three_columns() -> None:
    """One answer; one sample a view; all samples of all views."""
    rows = [(0, 0, A), (1, 0, B), (2, 0, B), (3, 0, D), (4, 0, D), *((view, 1, C) for view in range(5))]
    predictions = [Prediction("t", 0, view, sample, grid, 0.5) for view, sample, grid in rows]
    for output, expected in ((A, (1, 0, 0)), (B, (0, 1, 1)), (C, (0, 0, 1)), (D, (0, 1, 0))):
        assert tuple(columns([puzzle("t", output)], predictions).values()) == expected


def test_the_official_file() -> None:
    puzzles = [puzzle("t", None, A), puzzle("u", B)]
    found = attempts_of(votes(D, D, A) + votes(C, test=1))
    assert submission(puzzles, found) == {
        "t": [{"attempt_1": [[4], [4]], "attempt_2": [[1]]}, {"attempt_1": [[3, 3]], "attempt_2": [[3, 3]]}],
        "u": [{"attempt_1": [[0]], "attempt_2": [[0]]}],
    }


@given(st.data())
def test_a_second_evaluator_agrees(data: st.DataObject) -> None:
    """On recorded predictions with ties in votes and in confidence, samples without a grid, and unknown outputs."""
    grids, sure = st.sampled_from([(), A, B, C, D]), st.sampled_from([0.25, 0.5, 0.1, 1 / 3])
    outputs = st.lists(st.sampled_from([A, B, C, D, A, B, C, None]), min_size=1, max_size=3)
    puzzles = [puzzle(f"t{i}", *each) for i, each in enumerate(data.draw(st.lists(outputs, min_size=1, max_size=3)))]
    views, samples = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    predictions = [
        Prediction(each.id, test, view, sample, data.draw(grids), data.draw(sure))
        for each in puzzles for test in range(len(each.tests)) for view in range(views) for sample in range(samples)
    ]  # fmt: skip
    recorded = json.loads(record("run", puzzles, data.draw(st.permutations(predictions))))
    own = {name: value for name, value in columns(puzzles, predictions).items() if value is not None}
    assert arc_score.scores(recorded) == pytest.approx(own)
    handed_in = json.loads(json.dumps(submission(puzzles, attempts_of(predictions))))
    assert arc_score.differs(recorded, handed_in) == []
    handed_in["t0"][0]["attempt_1"] = [[7]]
    assert arc_score.differs(recorded, handed_in) == ["t0, test 1"]


def test_a_model_that_knows_the_answers_scores_all() -> None:
    """Views are undone and tests told apart: each sample decodes to the target under its view."""
    task = Arc(rules=("mirror", "turn"), views=4)
    run = tiny_run(task=task)
    tests = task.data_set.tests()
    targets = {}
    for problem in tests:
        for number in range(4):
            viewed = task.viewed(problem, number)
            x = task.encode([viewed])
            assert x.group is not None
            targets[int(x.group), *x.tokens[0].tolist()] = task.targets(viewed)[0]

    def forward(problems: Any, *args: Any, **kwargs: Any) -> Any:
        outcome = whole(problems, *args, **kwargs)
        rows = zip(problems.group.tolist(), problems.tokens.tolist(), strict=True)
        known = torch.stack([targets[group, *tokens] for group, tokens in rows])
        return outcome._replace(logits=torch.nn.functional.one_hot(known, task.spec.classes).float())

    whole = run.model.forward
    run.model.forward = forward  # type: ignore[method-assign]
    predictions = predict(run, tests, 4, 2, 1)
    assert len(predictions) == len(tests) * 8 and {each.confidence for each in predictions} == {1.0}
    result = measure(task.data_set.scored, predictions)
    assert (result["tasks"], result["scored"]) == (4, 4) and {*result["by_task"].values()} == {1.0}
    assert (result["no_views"], result["votes"], result["votes_and_width"]) == (1.0, 1.0, 1.0)


def test_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores, the submission and the record, which the second evaluator reads."""
    task = Arc(rules=("mirror", "turn"), views=2)
    monkeypatch.setattr(store, "load_run", lambda *args: tiny_run(task=task))
    arc.main(["run", "--samples", "2", "--steps", "1", "--submission", "s.json", "--predictions", "p.json"])
    assert "4 tasks, two attempts a test, 2 views, 2 samples each, 1 steps" in capsys.readouterr().out
    arc.main(["run", "--samples", "2", "--steps", "1", "--json"])
    result = json.loads(capsys.readouterr().out)
    recorded, handed_in = (json.loads((folder / name).read_text()) for name in ("p.json", "s.json"))
    assert arc_score.scores(recorded) == {name: result[name] for name in ("no_views", "votes", "votes_and_width")}
    assert arc_score.differs(recorded, handed_in) == [] and handed_in.keys() == {
        each.id for each in task.data_set.scored
    }
    arc_score.main(["p.json", "s.json"])
    assert "the submission is what the votes elect" in capsys.readouterr().out


def test_puzzles_without_outputs_are_answered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Arc(rules=("mirror",), views=1)
    hidden = [
        each._replace(tests=tuple(pair._replace(output=None) for pair in each.tests)) for each in task.data_set.scored
    ]
    content = {
        each.id: {"train": [*map(dict, map(zip, [("input", "output")] * 9, each.demonstrations))],
                  "test": [{"input": pair.input} for pair in each.tests]}
        for each in hidden
    }  # fmt: skip
    (folder / "hidden.json").write_text(json.dumps(content))
    monkeypatch.setattr(store, "load_run", lambda *args: tiny_run(task=task))
    arc.main(["run", "--puzzles", "hidden.json", "--samples", "1", "--steps", "1", "--submission", "s.json"])
    assert "2 tasks are not scored: an output is not known" in capsys.readouterr().out
    assert json.loads((folder / "s.json").read_text()).keys() == content.keys()


def test_a_sample_of_an_unknown_output_is_not_called_valid() -> None:
    task = Arc(rules=("mirror",))
    problem = task.data_set.tests()[0]
    problem = problem._replace(pair=problem.pair._replace(output=None))
    samples = Samples([(1, 1, 3), (), (1, 1, 4)], [0, 1, 0], [(1, 1, 3), (1, 1, 4)], 0, None, [1, 1, 1])
    result = sample.summary(task, problem, samples, "first")
    assert result["valid"] is result["solvable"] is None and result["solutions"] == []
    assert result["message"] == "3 samples, 3 of them distinct; no solution is known to check them with"
    assert "answer chosen by first: answer 1 of 2" in sample.report(task, problem, samples, result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--views 9", "--views is 9, but tiny was trained with 8 views"), ("--samples 0", "--samples must lie between"),
        ("--seed -1", "--seed must lie"), ("--submission .", "--submission takes a file, but . is a folder"),
        ("--puzzles none.json", "none.json: no such file"),
    ],
)  # fmt: skip
def test_wrong_input(folder: Path, monkeypatch: pytest.MonkeyPatch, options: str, message: str) -> None:
    monkeypatch.setattr(store, "load_run", lambda *args: tiny_run(task=Arc(rules=("mirror",))))
    with pytest.raises(UserError, match=message):
        arc.main(["run", *options.split()])


def test_a_run_of_another_task(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "load_run", lambda *args: tiny_run(task=Coloring()))
    with pytest.raises(UserError, match="tiny is no run of the task arc, but of coloring"):
        arc.main(["run"])
