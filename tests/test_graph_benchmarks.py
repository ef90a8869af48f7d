"""The benchmarks of graphs of any size."""

from __future__ import annotations

import gzip
from pathlib import Path

import networkx as nx
import pytest
import torch

from benchmarks import dimacs, evenness, graphs
from gram_pyro.errors import UserError
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.coloring.kempe import kempe_moves
from gram_pyro.tasks.coloring.matrices import adjacency

WHEEL = "p edge 6 10\n" + "".join(f"e 1 {v}\ne {v} {2 + (v - 1) % 5}\n" for v in range(2, 7))


def test_rows_say_how_often_samples_are_right() -> None:
    small, planted = graphs.measure(
        graphs.GraphsOptions(run="coloring", sets=("small", "planted"), sizes=(12,), graphs=4, samples=3, steps=(32,))
    )
    assert (small["n"], planted["n"], small["count"]) == (8, 12, 4)
    for row in (small, planted):
        assert 0.3 < row["validity"] <= 1 and row["validity"] <= row["solved"] / 4 and row["least"] <= row["validity"]


def test_sets_are_what_they_are_called() -> None:
    options = graphs.GraphsOptions(sets=("colors", "structured"), graphs=3)
    found = [*graphs.sets(options)]
    for _, task, chosen in found[:3]:
        assert len(chosen) == 3
        for graph in chosen:
            assert graphs.colorable(graph, task.k) and not graphs.colorable(graph, task.k - 1)
    _, task, named = found[3]
    assert len(named) > 60 and max(map(len, named)) <= 20 and all(map(task.solvable, named))
    with pytest.raises(UserError, match="must be at least 1"):
        graphs.GraphsOptions(samples=0)


def test_thin_graphs_have_one_coloring() -> None:
    found = [*graphs.sets(graphs.GraphsOptions(sets=("thin",), sizes=(12, 20)))]
    assert [(name, len(chosen[0])) for name, _, chosen in found] == [
        ("strip of triangles", 12), ("square of a cycle", 12), ("strip of triangles", 20)
    ]  # fmt: skip
    for _, task, (graph,) in found:
        assert len(task.solutions(graph)) == 1


def test_a_public_graph_beside_a_solver(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("name,chi_proved,chi_upper\nwheel,yes,4\nother,no,3\n")
    (tmp_path / "wheel.col.gz").write_bytes(gzip.compress(WHEEL.encode()))
    (row,) = dimacs.measure(dimacs.DimacsOptions(folder=str(tmp_path), run="coloring", samples=4, steps=32))
    assert (row["n"], row["edges"], row["colors"], row["sat"]) == (6, 10, 4, True) and row["dsatur"] >= 4
    assert row["valid"] > 0 and row["least"] == 0
    assert not dimacs.solve(nx.wheel_graph(6), 3) and dimacs.solve(nx.wheel_graph(6), 4)
    with pytest.raises(UserError, match=r"holds no index\.csv"):
        dimacs.measure(dimacs.DimacsOptions(folder=str(tmp_path / "nothing")))


def test_chains_are_as_far_apart_as_chains() -> None:
    """And far from a single coloring; names of colors do not count."""
    graph = Coloring(n=9, families=("tree",)).generate("test", 1, 0)[0]
    joined = torch.from_numpy(adjacency(graph)).expand(400, -1, -1)
    start = torch.tensor([graph.graph["coloring"]]).expand(400, -1)
    chains = kempe_moves(joined, start, 3, 200, torch.Generator().manual_seed(0))
    assert abs(evenness.energy(chains[:200], chains[200:])) < 0.01
    assert evenness.energy(start[:200], chains[:200]) > 0.1
    assert evenness.apart(start[:1], (start[:1] + 1) % 3) == 0


def test_evenness_of_samples() -> None:
    options = evenness.EvennessOptions(run="coloring", sizes=(12,), graphs=2, samples=8, steps=(32,), moves=5, least=3)
    (row,) = evenness.measure(options)
    assert row["graphs"] == 2 and 0 < row["valid"] <= 1 and 0 < row["distinct"] < 2
