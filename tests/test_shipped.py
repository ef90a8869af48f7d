"""The checkpoint that comes with the package."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

import gram_pyro
from gram_pyro.runs import SHIPPED


def test_colors_graphs_it_never_met() -> None:
    reasoner = gram_pyro.load("coloring", device="cpu")
    for graph in (nx.petersen_graph(), nx.cycle_graph(7), nx.wheel_graph(5), nx.octahedral_graph()):
        solutions = reasoner.sample(graph, num_samples=20, steps=32).solutions
        assert solutions
        for solution in solutions:
            assert all(solution[u] != solution[v] for u, v in graph.edges)


def test_is_small() -> None:
    assert sum(path.stat().st_size for path in Path(SHIPPED).rglob("*") if path.is_file()) < 2_000_000
