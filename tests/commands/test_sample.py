"""Sampling, from Python and from the command line, with a tiny untrained model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from gram_pyro import sample
from gram_pyro.errors import UserError, run_cli
from gram_pyro.guides.diffusion import DiffusionGuide
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.inference.pictures import draw_answers
from gram_pyro.models.fields import Fields, FieldsConfig
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.reasoner import Reasoner, Samples
from gram_pyro.runs import store
from gram_pyro.runs.store import Run
from gram_pyro.tasks import Board, Coloring, Grids, NQueens, Puzzle, Sudoku, Task

K4 = "p edge 4 6\ne 1 2\ne 1 3\ne 1 4\ne 2 3\ne 2 4\ne 3 4\n"
EDGE = "p edge 3 1\ne 1 3\n"
NAMED = "north south\nsouth east\n"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def tiny_run(run: str = "tiny", device: str = "auto", task: Task | None = None) -> Run:
    """An untrained model for graphs of any size, or for another task."""
    torch.manual_seed(0)
    task = task or Coloring()
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1))
    return Run(run, task, model, GaussianGuide(task.spec, model), 2, torch.device("cpu"))


REASONER = Reasoner(tiny_run())


def is_coloring(edges: list[tuple[int, int]], colors: list[int], k: int) -> bool:
    """A checker of its own."""
    bad = 0
    for color in colors:
        if color not in range(k):
            bad += 1
    for u, v in edges:
        if colors[u] == colors[v]:
            bad += 1
    return not bad


@st.composite
def edge_lists(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Sparse graphs, which an untrained model colors now and then."""
    n = draw(st.integers(1, 6))
    pairs = [(u, v) for v in range(n) for u in range(v)]
    return n, draw(st.lists(st.sampled_from(pairs), max_size=4, unique=True)) if pairs else []


@given(edge_lists(), st.integers(0, 99))
def test_every_reported_solution_is_one(graph: tuple[int, list[tuple[int, int]]], seed: int) -> None:
    n, edges = graph
    problem = nx.empty_graph(n)
    problem.add_edges_from(edges)
    got = REASONER.sample(problem, num_samples=8, steps=3, seed=seed)
    assert len(got.answers) == len(got.violations) == 8
    for answer, broken in zip(got.answers, got.violations, strict=True):
        assert len(answer) == n
        assert (broken == 0) == is_coloring(edges, list(answer), 3)
    for solution in got.solutions:
        assert is_coloring(edges, list(solution), 3)
        firsts = list(dict.fromkeys(solution))
        assert firsts == list(range(len(firsts)))
    assert len(set(got.solutions)) == len(got.solutions)
    assert bool(got.solutions) == (0 in got.violations)


def test_samples_repeat_with_the_seed_and_differ_without() -> None:
    graph = nx.petersen_graph()
    before = torch.get_rng_state()
    assert REASONER.sample(graph, seed=1) == REASONER.sample(graph, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert REASONER.sample(graph, seed=1).answers != REASONER.sample(graph, seed=2).answers


def test_named_vertices_are_answered_in_order() -> None:
    named = nx.relabel_nodes(nx.cycle_graph(5), dict(enumerate("abcde")))
    assert REASONER.sample(named) == REASONER.sample(nx.cycle_graph(5))
    assert REASONER.sample(nx.MultiGraph([(0, 1), (0, 1)])) == REASONER.sample(nx.path_graph(2))


def test_a_task_without_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(task=Grids())
    monkeypatch.setattr(store, "load_run", lambda *_: run)
    sample.main(["tiny", "--samples", "3", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["samples"], result["valid"], len(result["answers"])) == (3, 0, 3) and result["solvable"]
    assert all(len(answer) == 81 and {*answer} <= {*range(1, 10)} for answer in result["answers"])
    assert result["answers"] == [*map(list, Reasoner(run).sample(num_samples=3).answers)]
    sample.main(["tiny", "--samples", "1"])
    assert (folder / "grid-solutions.png").is_file()
    with pytest.raises(UserError, match=r"my\.txt: the task grids reads no files"):
        sample.main(["tiny", "--puzzle", "my.txt"])


@pytest.mark.parametrize("problem", [None, nx.DiGraph([(0, 1)]), nx.Graph([(0, 0)]), nx.Graph(), [(0, 1)]])
def test_what_is_not_a_graph_to_color_is_refused(problem: Any) -> None:
    with pytest.raises(UserError):
        REASONER.sample(problem)


@pytest.mark.parametrize("options", [{"num_samples": 0}, {"steps": 0}])
def test_nothing_to_draw_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(UserError, match="from 1 to 1,000,000, not 0"):
        REASONER.sample(nx.path_graph(3), **options)


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "edge.col").write_text(EDGE)
    sample.main(["tiny", "--graph", "edge.col", "--samples", "30", "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == ""
    assert set(result) == {"samples", "valid", "conflicts", "answers", "solutions", "colorable", "message"} | {
        "select", "answer", "answer_conflicts", "values", "evaluations", "vertices"
    }  # fmt: skip
    assert (result["select"], result["values"]) == ("checker", None)
    assert result["answer_conflicts"] == min(result["conflicts"])
    assert result["samples"] == len(result["conflicts"]) == 30
    assert result["valid"] == result["conflicts"].count(0) > 0
    assert result["solutions"] and result["colorable"] is True
    for solution in result["solutions"]:
        assert is_coloring([(0, 2)], solution, 3)
    assert [path.name for path in folder.iterdir()] == ["edge.col"]  # no picture unless one is named
    sample.main(["tiny", "--graph", "edge.col", "--json", "--out", "."])
    assert (folder / "edge-solutions.png").read_bytes().startswith(b"\x89PNG")


def test_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "edge.col").write_text(EDGE)
    sample.main(["tiny", "--graph", "edge.col", "--samples", "30", "--out", "pictures"])
    first, *solutions, chosen, last = capsys.readouterr().out.splitlines()
    assert chosen == f"answer chosen by checker: solution 1 of {len(solutions)}"
    assert "of 30 samples are valid" in first and last.startswith("picture: ")
    assert all(is_coloring([(0, 2)], [int(color) for color in line.split()], 3) for line in solutions)
    assert (folder / "pictures" / "edge-solutions.png").is_file()


def test_vertices_keep_their_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "named.txt").write_text(NAMED)
    sample.main(["tiny", "--graph", "named.txt", "--samples", "30", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["vertices"] == ["north", "south", "east"] and len(result["answer"]) == 3
    sample.main(["tiny", "--graph", "named.txt", "--samples", "30"])
    solutions = capsys.readouterr().out.splitlines()[1:-2]
    for line, colors in zip(solutions, result["solutions"], strict=True):
        assert line == "north={} south={} east={}".format(*colors)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True))
def test_vertices_of_a_graph_in_python_keep_any_names(names: list[str]) -> None:
    task = Coloring()
    graph, numbers = task.prepare(nx.path_graph(names)), [*map(str, range(len(names)))]
    assert task.details(graph) == {"vertices": [*range(len(names))] if names == numbers else names}
    expected = ["0"] * len(names) if names == numbers else [f"{name}=0" for name in names]
    assert task.text(graph, (0,) * len(names)) == " ".join(expected)


def test_names_are_in_the_picture(folder: Path) -> None:
    """A dollar sign is no mathematics, and a missing glyph no warning."""
    graph = Coloring().prepare(nx.path_graph(["$x$", "$", "\u5317"]))
    axes = Figure().subplots()
    Coloring().draw(graph, (0, 1, 0), axes)
    assert [text.get_text() for text in axes.texts] == ["$x$", "$", "\u5317"]
    draw_answers(Coloring(), [graph], [(0, 1, 0)], folder / "named.png")
    assert (folder / "named.png").is_file()


def test_a_board_is_printed_as_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = NQueens(n=4)
    solutions = task.solutions(Board(4, ()))
    (folder / "full.txt").write_text(task.text(Board(4, ()), solutions[0]))
    monkeypatch.setattr(store, "load_run", lambda *_: tiny_run(task=task))
    monkeypatch.setattr(NQueens, "answer", lambda self, problem, values: solutions[0])
    sample.main(["tiny", "--board", "full.txt", "--steps", "1"])
    first, board, chosen = capsys.readouterr().out.split("\n\n")
    assert first.startswith("20 of 20 samples are valid, 1 of them") and "solution 1 of 1" in chosen
    (folder / "again.txt").write_text(board)
    assert task.read("again.txt") == task.read("full.txt") == [Board(4, tuple(np.flatnonzero(solutions[0]).tolist()))]


@pytest.mark.parametrize("box", [2, 3])
def test_a_grid_is_printed_with_its_boxes(box: int) -> None:
    task = Sudoku(box=box)
    cells = tuple(map(int, SOLVED)) if box == 3 else (1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1)
    rows = task.text(Puzzle(box, cells), cells).splitlines()
    assert len(rows) == box * box + box - 1 and len({*map(len, rows)}) == 1
    assert [int(mark) for row in rows for mark in row if mark.isdigit()] == [*cells]
    assert [place for place, row in enumerate(rows) if set(row) <= {*"-+"}] == [*range(box, len(rows), box + 1)]


@pytest.mark.parametrize(
    ("violations", "words"),
    [
        ([0], "1 of 1 samples is valid"),
        ([0, 1], "1 of 2 samples is valid"),
        ([0, 0], "2 of 2 samples are valid, 1 of them distinct up to renaming"),
        ([1], "no solution was found in 1 sample, though"),
        ([1, 1], "no solution was found in 2 samples, though"),
    ],
)
def test_grammar(violations: list[int], words: str) -> None:
    count = len(violations)
    samples = Samples([(0, 1)] * count, violations, [(0, 1)] * (0 in violations), 0, None, [1] * count)
    message = sample.summary(Coloring(), nx.path_graph(2), samples, "checker")["message"]
    assert message == words or (words.endswith("though") and message.startswith(words))


def test_an_answer_that_is_wrong_is_printed_with_what_it_violates(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "k4.col").write_text(K4)
    sample.main(["tiny", "--graph", "k4.col"])
    chosen = capsys.readouterr().out.splitlines()[1]
    assert re.fullmatch(r"answer chosen by checker \(\d constraints? violated\): \d \d \d \d", chosen)


def test_a_graph_that_cannot_be_colored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "k4.col").write_text(K4)
    run_cli(sample.main, ["tiny", "--graph", "k4.col", "--json", "--out", "here.png"])
    result = json.loads(capsys.readouterr().out)
    assert (result["solutions"], result["valid"], result["colorable"]) == ([], 0, False)
    assert min(result["conflicts"]) >= 1
    assert "not 3-colorable" in result["message"]
    assert (folder / "here.png").is_file()
    run_cli(sample.main, ["tiny", "--graph", "k4.col"])
    assert "not 3-colorable" in capsys.readouterr().out


@pytest.mark.parametrize(("decided", "words"), [(True, "though the graph is 3-colorable"), (None, "undecided")])
def test_no_solution_found(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    decided: bool | None,
    words: str,
) -> None:
    monkeypatch.setattr(Coloring, "solvable", lambda task, problem: decided)
    (folder / "k4.col").write_text(K4)
    run_cli(sample.main, ["tiny", "--graph", "k4.col", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["solutions"] == [] and result["colorable"] is decided and words in result["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["tiny"],
        ["tiny", "--graph", "missing.col"],
        ["tiny", "--graph", "empty.col"],
        ["tiny", "--graph", "edge.col", "--unknown", "1"],
        ["tiny", "--graph", "edge.col", "--samples", "0"],
        ["tiny", "--graph", "edge.col", "--steps", "-1"],
        ["tiny", "--graph", "edge.col", "--seed", "-1"],
        ["tiny", "--graph", "edge.col", "--out", "picture.jpg"],
        ["tiny", "--graph", "two"],
    ],
)
def test_wrong_input_is_one_line(folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.col").write_text("")
    (folder / "edge.col").write_text(EDGE)
    (folder / "two").mkdir()
    for name in ("a.col", "b.col"):
        (folder / "two" / name).write_text(EDGE)
    with pytest.raises(SystemExit) as stop:
        run_cli(sample.main, arguments)
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1


def test_a_missing_run_in_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gram_pyro.sample", str(tmp_path / "missing"), "--graph", "none.col"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_colors(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    task = Coloring(n=5)
    model = Fields(task.spec, FieldsConfig(width=4, hidden=4, refinements=1, draft="cosine", guidance=False)).eval()
    own = Run("fields", task, model, DiffusionGuide(task.spec, model), 2, torch.device("cpu"))
    monkeypatch.setattr(store, "load_run", lambda *_: own)
    (folder / "triangle.edges").write_text("a b\nb c\nc a\nc d\n")

    def result(*options: str) -> dict[str, Any]:
        sample.main(["fields", "--graph", "triangle.edges", "--samples", "200", "--json", *options])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    four = result("--colors", "4")
    assert four["colors"] == 4 and four["vertices"] == ["a", "b", "c", "d"] and four["message"].startswith("4 colors: ")
    assert max(max(answer) for answer in four["answers"]) == 3
    fewest = result("--colors", "auto")
    assert fewest["colors"] == 3 and fewest["valid"] > 0
    assert fewest["message"].endswith("; fewer than 3 colors are impossible: 3 vertices are all joined")
    for wrong in ("1", "5", "few"):
        with pytest.raises(UserError, match="a graph of 4 vertices takes from 2 to 4 colors"):
            result("--colors", wrong)


@pytest.mark.usefixtures("folder")
def test_colors_of_a_model_that_knows_its_own_alone(folder: Path) -> None:
    (folder / "edge.col").write_text(EDGE)
    with pytest.raises(UserError, match="tiny cannot answer with k=2: its weights are those of Coloring"):
        sample.main(["tiny", "--graph", "edge.col", "--colors", "2"])
