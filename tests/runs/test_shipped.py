"""The checkpoints that come with the package."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

import gram_pyro
from gram_pyro.inference.config import SamplingConfig
from gram_pyro.runs.shipped import SHIPPED
from gram_pyro.tasks import Board

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
HARDEST = "800000000003600000070090200050007000000045700000100030001000068008500010090000400"


def test_colors_graphs_it_never_met() -> None:
    reasoner = gram_pyro.load("coloring", device="cpu")
    for graph in (nx.petersen_graph(), nx.cycle_graph(7), nx.wheel_graph(5), nx.octahedral_graph()):
        solutions = reasoner.sample(graph, num_samples=20, steps=32).solutions
        assert solutions
        for solution in solutions:
            assert all(solution[u] != solution[v] for u, v in graph.edges)


@pytest.mark.parametrize(("graph", "k"), [(nx.petersen_graph(), 3), (nx.complete_graph(6), 6), (nx.path_graph(6), 2)])
def test_colors_graphs_of_any_size_in_any_number_of_colors(graph: nx.Graph, k: int) -> None:
    solutions = gram_pyro.load("coloring", device="cpu").adapted(k=k).sample(graph, num_samples=4, steps=64).solutions
    assert solutions
    for solution in solutions:
        assert max(solution) < k and all(solution[u] != solution[v] for u, v in graph.edges)


def test_completes_boards_in_many_ways() -> None:
    reasoner = gram_pyro.load("nqueens", device="cpu")
    solutions = reasoner.sample(Board(8, (3,)), num_samples=16, steps=16).solutions
    assert len(solutions) >= 3
    for cells in solutions:
        columns = reasoner.task.to_json(cells)
        assert columns[0] == 3 and len(set(columns)) == 8
        assert len({row + column for row, column in enumerate(columns)}) == 8
        assert len({row - column for row, column in enumerate(columns)}) == 8


def test_completes_boards_of_any_size() -> None:
    reasoner = gram_pyro.load("boards", device="cpu")
    for board in (Board(6, (1,)), Board(9, (0,)), Board(8, (3,), ((0, 1), (14, 0)))):
        assert reasoner.sample(board, num_samples=8, steps=64).solutions


def test_solves_a_puzzle() -> None:
    samples = gram_pyro.load("sudoku", device="cpu").sample(PUZZLE, num_samples=4, steps=32, select="majority")
    grid = samples.answers[samples.chosen]
    assert samples.violations[samples.chosen] == 0 and len(samples.solutions) == 1
    assert all(given in (".", str(digit)) for given, digit in zip(PUZZLE, grid, strict=True))
    for start in range(9):
        assert {*grid[9 * start : 9 * start + 9]} == {*grid[start::9]} == {*range(1, 10)}


def test_searches_until_its_answer_settles() -> None:
    method = SamplingConfig(halt="settled", halt_patience=8)
    samples = gram_pyro.load("sudoku", "cpu", draft="constant").sample(PUZZLE, 4, steps=256, method=method)
    assert samples.violations == [0] * 4 and max(samples.spent) < 100


def test_solves_one_of_the_hardest_puzzles() -> None:
    samples = gram_pyro.load("sudoku_extreme", device="cpu").sample(HARDEST, 2)
    assert samples.violations == [0, 0] and max(samples.spent) < 16 * 160 and samples.answers[0] == samples.answers[1]
    assert all(given in ("0", str(digit)) for given, digit in zip(HARDEST, samples.answers[0], strict=True))


def test_draws_grids_from_nothing() -> None:
    samples = gram_pyro.load("grids", device="cpu").sample(num_samples=6, steps=128)
    assert samples.violations == [0] * 6 and len(samples.solutions) == 6
    for grid in samples.answers:
        for start in range(9):
            assert {*grid[9 * start : 9 * start + 9]} == {*grid[start::9]} == {*range(1, 10)}


def test_draws_digits_from_nothing_and_from_halves() -> None:
    reasoner = gram_pyro.load("digits", device="cpu")
    samples = reasoner.sample(num_samples=200)
    assert len({*samples.answers}) > 180
    scores = reasoner.task.quality(samples.answers)["samples"]
    assert scores["confident"] > 0.65 and scores["least"] > 0.02 and scores["most"] < 0.25
    image = reasoner.task.generate("test", 1, 0)[0]
    half = "".join(map(str, image.pixels[:32])) + 32 * "."
    completed = reasoner.sample(half, num_samples=20)
    assert completed.violations.count(0) >= 18 and len({*completed.answers}) > 5


@pytest.mark.parametrize("name", ["coloring_gram", "nqueens", "nqueens10"])
def test_has_heads_that_know_when_to_stop(name: str) -> None:
    reasoner = gram_pyro.load(name, device="cpu")
    problem = reasoner.task.generate("test", 1, 3)[0]
    samples = reasoner.sample(problem, num_samples=6, steps=48, method=SamplingConfig(halt="q"))
    assert sum(samples.spent) < 6 * 48 * 0.7 and samples.violations.count(0) >= 3
    assert samples.values is not None and len(samples.values) == 6


def test_are_small() -> None:
    assert sum(path.stat().st_size for path in Path(SHIPPED).rglob("*") if path.is_file()) < 4_200_000
