"""Families of graphs, random colorings of them, and how few colors they take."""

from collections import Counter
from itertools import islice

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_pyro.errors import UserError
from gram_pyro.tasks import Coloring, Pool
from gram_pyro.tasks.coloring import checker
from gram_pyro.tasks.coloring.families import MAKERS, family_graphs, hard_degree
from gram_pyro.tasks.coloring.fewest import color_number, fewest_colors
from gram_pyro.tasks.coloring.generator import KNOWN
from gram_pyro.tasks.coloring.kempe import kempe_moves
from gram_pyro.tasks.coloring.matrices import adjacency
from gram_pyro.testing import check_task

ALL = ("planted", *MAKERS)


@pytest.mark.parametrize("family", ALL)
@settings(deadline=None, max_examples=15)
@given(n=st.integers(2, 17), k=st.integers(2, 6), seed=st.integers(0, 100))
def test_a_graph_comes_with_a_coloring(family: str, n: int, k: int, seed: int) -> None:
    drawn = family_graphs([family, "tree"], n, k, (), np.random.default_rng(seed))  # no board of queens takes 2 colors
    for edges, colors in islice(drawn, 3):
        graph = nx.from_numpy_array(edges)
        assert edges.shape == (n, n) and (edges == edges.T).all() and not edges.diagonal().any()
        assert checker.count_violations(graph, colors, k) == 0


def test_degrees_are_as_wanted() -> None:
    for family in ("planted", "random", "geometric", "bipartite"):
        drawn = islice(family_graphs([family], 40, 4, (4.0, 4.0), np.random.default_rng(0)), 100)
        degrees = [edges.sum(1).mean() for edges, _ in drawn]
        assert np.mean(degrees) == pytest.approx(4.0 if family in ("planted", "random") else 3.8, abs=0.25), family
    assert hard_degree(2) == pytest.approx(2) and hard_degree(3) == pytest.approx(5.419, abs=1e-3)


def test_known_shapes() -> None:
    def first(family: str, n: int, k: int) -> nx.Graph:
        whole = (edges for edges, _ in family_graphs([family], n, k, (), np.random.default_rng(0)))
        return max((nx.from_numpy_array(edges) for edges in islice(whole, 40)), key=nx.Graph.number_of_edges)

    assert nx.is_isomorphic(first("strip", 7, 3), nx.Graph([(i, j) for i in range(7) for j in (i + 1, i + 2) if j < 7]))
    assert nx.is_tree(first("tree", 9, 3)) and nx.is_bipartite(first("bipartite", 9, 5))
    assert first("grid", 8, 2).number_of_edges() == 10  # two rows of four
    assert nx.is_regular(first("circulant", 9, 4)) and nx.is_regular(first("regular", 10, 4))


def test_the_contract_holds() -> None:
    check_task(Coloring(n=9, families=ALL))
    check_task(Coloring(n=7, k=6, families=("planted",), mean_degrees=(3.0, 4.0)))


@settings(deadline=None, max_examples=30)
@given(n=st.integers(2, 10), k=st.integers(2, 5), seed=st.integers(0, 1000))
def test_kempe_moves_keep_colorings(n: int, k: int, seed: int) -> None:
    graphs = Coloring(n=n, k=k, families=("planted",)).generate("train", 3, seed)
    joined = torch.from_numpy(np.stack([adjacency(graph) for graph in graphs]))
    colors = torch.tensor([graph.graph[KNOWN] for graph in graphs])
    before = colors.clone()
    moved = kempe_moves(joined, colors, k, 5, torch.Generator().manual_seed(seed))
    assert torch.equal(colors, before)
    for graph, row in zip(graphs, moved.tolist(), strict=True):
        assert checker.count_violations(graph, row, k) == 0


def test_kempe_moves_are_uniform_over_colorings() -> None:
    graph = nx.Graph([(0, 1), (1, 2), (2, 3), (3, 0), (3, 4)])
    task, chains = Coloring(n=5), 4000
    every = {tuple(row) for row in task.targets(graph).tolist()}
    start = torch.tensor([min(every)]).expand(chains, -1)
    joined = torch.from_numpy(adjacency(graph)).expand(chains, -1, -1)
    moved = kempe_moves(joined, start, 3, 60, torch.Generator().manual_seed(0))
    counts = Counter(map(tuple, moved.tolist()))
    assert {*counts} == every
    expected = chains / len(every)
    assert sum((counts[row] - expected) ** 2 / expected for row in every) < 2 * len(every)


def test_parts_of_a_training() -> None:
    task = Coloring(train_sizes=(4, 6), train_colors=(2, 3, 5))
    parts = task.parts()
    assert [(part.n, part.k) for part in parts] == [(4, 2), (4, 3), (6, 2), (6, 3), (6, 5)]
    assert all(part.families and part.parts() == [part] for part in parts)
    assert Coloring().parts() == [Coloring()] and (task.n, task.k, task.families) == (8, 3, ())
    assert [part.n for part in Coloring(n=5, train_colors=(2,), families=("tree",)).parts()] == [5]
    with pytest.raises(UserError, match="no graph of \\(4,\\) vertices needs \\(5,\\) colors"):
        Coloring(train_sizes=(4,), train_colors=(5,)).parts()
    with pytest.raises(UserError, match="mean degrees are two numbers"):
        Coloring(mean_degrees=(4.0,))


def test_targets_of_large_graphs_are_random_colorings() -> None:
    task = Coloring(n=30, k=4, families=("planted",))
    pool = Pool(task, task.generate("train", 20, 0))
    problems, targets, _ = pool.draw(200, torch.Generator().manual_seed(0))
    assert problems.relations is not None and problems.values == 4
    same = (targets[:, :, None] == targets[:, None]) & problems.relations[:, 0].bool()
    assert not same.any() and len({*map(tuple, pool.solutions.tolist())}) > 60


def test_the_fewest_colors() -> None:
    wheel = nx.wheel_graph(6)  # a cycle of five and a hub: four colors, a clique of three
    assert fewest_colors(wheel, lambda k: k >= 4) == (
        4,
        "with 3 colors no sample succeeded, which is no proof that there is no such coloring",
    )
    assert fewest_colors(nx.complete_graph(5), lambda k: True) == (
        5,
        "fewer than 5 colors are impossible: 5 vertices are all joined",
    )
    assert fewest_colors(nx.empty_graph(3), lambda k: True)[1] == "no vertices are joined: one color is enough"
    assert fewest_colors(wheel, lambda k: False)[0] == 6
    assert color_number("4", wheel) == 4
    for wrong in ("1", "7", "-3", "many", "3.5", ""):
        with pytest.raises(UserError, match="a graph of 6 vertices takes from 2 to 6 colors"):
            color_number(wrong, wheel)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(2, 8), k=st.integers(2, 6), probability=st.floats(0.05, 0.9), seed=st.integers(0, 10**6))
def test_colorings_are_counted_as_they_are_listed(n: int, k: int, probability: float, seed: int) -> None:
    graph, task = nx.gnp_random_graph(n, probability, seed=seed), Coloring(n=n, k=k)
    assert task.count(graph) == len(task.solutions(graph))


def test_a_count_by_the_chromatic_polynomial() -> None:
    cycle = nx.cycle_graph(60)
    named = 2**60 + 2  # colorings with named colors: (k - 1)**n + (k - 1); two colors alone are 2 of them for each pair
    assert Coloring().count(cycle) == (named - 6) // 6 + 1
    with pytest.raises(TimeoutError, match="more than 50,000 partial colorings"):
        Coloring(k=9).count(nx.gnp_random_graph(60, 0.3, seed=0))
