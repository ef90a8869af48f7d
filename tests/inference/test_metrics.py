"""Metrics with known answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pyro.infer import TraceMeanField_ELBO
from torch.distributions import kl_divergence

from gram_pyro.evaluation.bound import bound
from gram_pyro.guides.base import Guide
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.guides.prior import PriorGuide
from gram_pyro.inference.judge import ViolationCache
from gram_pyro.inference.metrics import by_size, measure
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.tasks.coloring.task import Coloring

TINY = GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1)
PATH = nx.path_graph(3)  # 0-1-2: the colorings are 010 and 012
TRIANGLE = nx.complete_graph(3)  # one coloring: 012


def conflicts(graph: nx.Graph, colors: list[int]) -> int:
    """Edges with equal ends, by plain loops."""
    bad = 0
    for u, v in graph.edges:
        if colors[u] == colors[v]:
            bad += 1
    return bad


def classes(colors: list[int]) -> frozenset[frozenset[int]]:
    """A coloring up to renaming is a partition of the vertices."""
    return frozenset(frozenset(v for v, c in enumerate(colors) if c == color) for color in set(colors))


def test_hand_made_samples() -> None:
    decoded = torch.tensor(
        [
            [[0, 1, 0], [2, 0, 2], [0, 0, 1], [2, 1, 0]],  # valid, the same renamed, one conflict, the other one
            [[0, 0, 0], [0, 1, 2], [0, 1, 1], [1, 0, 2]],  # three conflicts, valid, one conflict, the same renamed
        ]
    )
    row = measure(Coloring(), [PATH, TRIANGLE], decoded, samples=4, steps=8, counts=[2, 1])
    assert row.samples == 4 and row.steps == 8
    assert row.validity == 5 / 8
    assert row.coverage == 1.0
    ceiling = ((1 - 0.5**4) + 1) / 2
    assert row.ceiling == pytest.approx(ceiling)
    assert row.ratio == pytest.approx(1 / ceiling)
    assert row.conflicts == (1 + 3 + 1) / 4
    assert row.mode == 0  # of both, the same coloring under two names is the most frequent answer
    assert row.solutions == (2 + 1) / 2


def test_fewer_samples_are_the_first_ones_and_reuse_what_was_seen() -> None:
    decoded = torch.tensor([[[0, 1, 0], [0, 1, 2]], [[0, 0, 0], [0, 1, 2]]])
    seen: ViolationCache = {}
    full = measure(Coloring(), [PATH, TRIANGLE], decoded, 2, 8, [2, 1], seen)
    judged = dict(seen)
    first = measure(Coloring(), [PATH, TRIANGLE], decoded, 1, 8, [2, 1], seen)
    assert (full.validity, full.coverage, full.conflicts) == (3 / 4, 1.0, 1.5)
    assert (first.validity, first.coverage, first.conflicts) == (1 / 2, 1 / 4, 3.0)
    assert first.ceiling == (1 / 2 + 1) / 2
    assert seen == judged and len(seen) == 4


def test_unknown_counts_leave_coverage_out() -> None:
    decoded = [torch.tensor([[0, 1, 0]]), torch.tensor([[0, 1]])]
    graphs = [PATH, nx.path_graph(2)]
    assert measure(Coloring(), graphs, decoded, 1, 8, [None, 1]).coverage == 1.0
    row = measure(Coloring(), graphs, decoded, 1, 8, [None, None])
    assert (row.coverage, row.ceiling, row.ratio, row.validity) == (None, None, None, 1.0)


def test_the_most_frequent_answer_may_be_wrong_and_of_equals_the_earliest_counts() -> None:
    wrong = [[0, 0, 0], [2, 2, 2]]  # one answer under two names, two conflicts on the path
    others = [[0, 1, 0], [0, 1, 1]]  # none and one
    for rows, conflicts_of_mode in ((wrong + others, 2), (others + wrong, 2), (others, 0), (others[::-1], 1)):
        assert measure(Coloring(), [PATH], torch.tensor([rows]), len(rows), 1, [2]).mode == conflicts_of_mode


@given(st.data())
def test_coverage_agrees_with_brute_force(data: st.DataObject) -> None:
    pairs = [(u, v) for v in range(4) for u in range(v)]
    graph = nx.empty_graph(4)
    graph.add_edges_from(data.draw(st.lists(st.sampled_from(pairs), max_size=5, unique=True)))
    decoded = data.draw(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=12))
    every = {classes(list(colors)) for colors in product(range(3), repeat=4) if not conflicts(graph, list(colors))}
    found = {classes(colors) for colors in decoded if not conflicts(graph, colors)}
    task = Coloring()
    row = measure(task, [graph], torch.tensor([decoded]), len(decoded), 1, [len(task.solutions(graph))])
    assert row.coverage == pytest.approx(len(found) / len(every))
    assert row.validity == pytest.approx(sum(not conflicts(graph, colors) for colors in decoded) / len(decoded))
    assert row.conflicts == pytest.approx(sum(conflicts(graph, colors) for colors in decoded) / len(decoded))
    assert row.best == min(conflicts(graph, colors) for colors in decoded)


def test_groups_of_one_size() -> None:
    graphs = [nx.path_graph(n) for n in (4, 2, 4, 3)]
    assert by_size(Coloring(), graphs) == [[1], [3], [0, 2]]


@pytest.mark.parametrize("kind", [GaussianGuide, PriorGuide])
@pytest.mark.parametrize("guidance", [True, False])
def test_the_bound_is_not_beaten(kind: Callable[[Coloring, Gram], Guide], guidance: bool) -> None:
    task = Coloring(n=5)
    model = Gram(task.spec, GramConfig(**{**TINY.__dict__, "guidance": guidance}))
    graphs = task.generate("test", 12, seed=0)
    got = bound(task, model, kind(task.spec, model), graphs, depth=2)
    assert got.standard_error is not None and got.excess >= -3 * got.standard_error
    assert got.excess == pytest.approx(got.nll - got.entropy)
    expected = [math.log(6 * len(task.solutions(graph))) for graph in graphs]
    assert got.entropy == pytest.approx(sum(expected) / len(expected))
    assert 0 <= got.posterior_validity <= 1


def test_the_bound_is_that_of_pyro() -> None:
    """All KLs, one likelihood, each target of a problem with equal weight; the posterior far from the prior."""
    task = Coloring(n=4)
    model = Gram(task.spec, TINY)
    guide = GaussianGuide(task.spec, model)
    torch.nn.init.normal_(guide.project_out.weight, std=0.3)
    graph, depth, draws = nx.path_graph(4), 2, 40
    got = bound(task, model, guide, [graph], depth, draws=draws)
    targets = task.targets(graph)
    x = task.encode([graph]).select(torch.zeros(draws * len(targets), dtype=torch.long))
    losses = []
    for seed in range(5):
        torch.manual_seed(seed)
        with torch.no_grad():
            losses.append(
                TraceMeanField_ELBO().loss(model, guide, x, targets.repeat(draws, 1), steps=depth, supervise="last")
            )
    nll = sum(losses) / len(losses) / len(x.tokens)
    assert got.nll == pytest.approx(nll, rel=0.02)
    free = bound(task, model, PriorGuide(task.spec, model), [graph], depth, draws=draws)
    assert got.nll > free.nll + 0.5  # KL counts
    assert free.kl == (0.0, 0.0) and len(got.kl) == 2 and min(got.kl) > 0.1
    guide(x, targets.repeat(draws, 1), steps=depth)
    model_trace, guide_trace = guide.get_traces()
    first = kl_divergence(guide_trace.nodes["guidance_1"]["fn"], model_trace.nodes["guidance_1"]["fn"]).mean().item()
    assert got.kl[0] == pytest.approx(first, rel=1e-4)


def test_the_bound_of_a_model_that_knows_nothing() -> None:
    task = Coloring(n=5)
    model = Gram(task.spec, TINY)
    torch.nn.init.zeros_(model.decoder.weight)
    torch.nn.init.zeros_(model.decoder.bias)
    got = bound(task, model, PriorGuide(task.spec, model), [nx.cycle_graph(5), PATH], depth=2)
    assert got.nll == pytest.approx((5 + 3) / 2 * math.log(3))
    assert got.posterior_validity == 0.0  # the argmax of equal logits is one color everywhere


@pytest.mark.parametrize(("answer", "validity"), [([0, 1, 0], 0.5), ([0, 1, 2], 1.0), ([0, 0, 1], 0.0)])
def test_posterior_validity_is_a_mean_over_targets_then_problems(
    answer: list[int], validity: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that always answers alike, on graphs of 12 and of 6 targets."""
    task = Coloring(n=3)
    model = Gram(task.spec, TINY)
    logits = torch.nn.functional.one_hot(torch.tensor(answer), 3).float()
    monkeypatch.setattr(model, "decode", lambda high: logits.expand(len(high), -1, -1))
    got = bound(task, model, PriorGuide(task.spec, model), [PATH, TRIANGLE], depth=1)
    assert got.posterior_validity == pytest.approx(validity)


def test_the_bound_is_repeatable_and_leaves_the_random_state_alone() -> None:
    task = Coloring(n=5)
    model = Gram(task.spec, TINY)
    guide = GaussianGuide(task.spec, model)
    graphs = task.generate("test", 4, seed=0)
    before = torch.get_rng_state()
    first = bound(task, model, guide, graphs, 2, max_targets=3, draws=2)
    assert torch.equal(before, torch.get_rng_state())
    assert first == bound(task, model, guide, graphs, 2, max_targets=3, draws=2)
    assert first.entropy == bound(task, model, guide, graphs, 2).entropy
    assert bound(task, model, guide, graphs[:1], 2).standard_error is None
