"""Scores that samples cannot flatter: likelihood, calibration, evenness."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.evaluation import likelihood as likelihoods
from gram_pyro.evaluation import scores
from gram_pyro.evaluation.bound import Bound, bound
from gram_pyro.evaluation.likelihood import Likelihood, by_posterior, by_prior, likelihood, log_weights
from gram_pyro.evaluation.scores import TRAJECTORIES, calibration, calibration_error, evenness, uniform_distance
from gram_pyro.guides import EmptyGuide, GaussianGuide
from gram_pyro.inference.rollout import Rollout
from gram_pyro.models import Autoregressive, Gram, GramConfig
from gram_pyro.models.heads import HeadLogits
from gram_pyro.models.transformer import TransformerConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.store import Run, load_run
from gram_pyro.tasks import Coloring

TASK = Coloring(n=4)
GRAPHS = [nx.path_graph(4), nx.cycle_graph(4), nx.complete_bipartite_graph(1, 3)]


def gram_run() -> Run:
    """An untrained GRAM whose posterior is moved off the prior."""
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = GaussianGuide(TASK.spec, model)
    torch.nn.init.normal_(guide.project_out.weight, std=0.02)
    return Run("a test", TASK, model, guide, 2, torch.device("cpu"))


def ar_run() -> Run:
    torch.manual_seed(0)
    model = Autoregressive(TASK.spec, TransformerConfig(16, 2, 2, 16))
    return Run("a test", TASK, model, EmptyGuide(TASK.spec, model), 1, torch.device("cpu"))


def elbo(run: Run, graphs: list[nx.Graph], max_targets: int) -> Bound:
    return bound(TASK, run.model, run.guide, graphs, 1, max_targets=max_targets)


def weighed(run: Run, graphs: list[nx.Graph], max_targets: int) -> Likelihood:
    return likelihood(run, graphs, 1, max_targets=max_targets)


@pytest.mark.parametrize("measure", [elbo, weighed])
def test_the_likelihood_of_a_model_without_latents_is_exact(measure: Callable[..., Bound | Likelihood]) -> None:
    run = ar_run()
    found = measure(run, GRAPHS, 1000)
    assert isinstance(found, Bound) or (found.kind, found.draws) == ("exact", 1)
    expected = []
    for graph in GRAPHS:
        targets = TASK.targets(graph)
        x = TASK.encode([graph]).select(torch.zeros(len(targets), dtype=torch.long))
        logits = run.model(x, targets).logits.log_softmax(-1)
        expected.append(-logits.gather(-1, targets[..., None]).sum((1, 2)).mean().item())
    assert found.nll == pytest.approx(np.mean(expected), abs=1e-4)
    entropy = [math.log(len(TASK.targets(graph))) for graph in GRAPHS]
    assert found.entropy == pytest.approx(np.mean(entropy))
    assert found.excess == pytest.approx(found.nll - found.entropy)
    excess = np.subtract(expected, entropy)
    assert found.standard_error == pytest.approx(excess.std(ddof=1) / math.sqrt(len(GRAPHS)), rel=1e-3)


@pytest.mark.parametrize("measure", [elbo, weighed])
def test_some_targets_stand_for_all(measure: Callable[..., Bound | Likelihood]) -> None:
    """One random target for each of many equal problems: no bias, and the spread that is reported."""
    run = ar_run()
    every, some = measure(run, GRAPHS[:1], 1000), measure(run, GRAPHS[:1] * 200, 1)
    assert some.entropy == pytest.approx(every.entropy)
    assert some.standard_error is not None and some.standard_error > 0.001
    assert abs(some.nll - every.nll) < 4 * some.standard_error


def test_more_draws_tighten_the_bound_and_one_is_the_elbo() -> None:
    run = gram_run()
    targets = [TASK.targets(graph) for graph in GRAPHS]
    torch.manual_seed(1)
    one, many, more = (by_posterior(run, GRAPHS, targets, 2, draws, 1000)[0].mean() for draws in (1, 8, 64))
    single = bound(TASK, run.model, run.guide, GRAPHS, 2, draws=16).nll
    assert more < many < single
    assert one.item() == pytest.approx(single, abs=0.5)


def test_the_bound_by_the_prior_lies_above_the_truth() -> None:
    run = gram_run()
    targets = [TASK.targets(graph) for graph in GRAPHS]
    torch.manual_seed(1)
    alone = by_prior(run, GRAPHS, targets, 2)
    truth = by_posterior(run, GRAPHS, targets, 2, 400, 1000)[0]
    assert (alone > truth - 0.02).all() and alone.mean().item() == pytest.approx(truth.mean().item(), abs=0.1)
    trained = likelihood(load_run("coloring"), GRAPHS, 16)
    assert trained.excess < 0.6


@pytest.mark.parametrize("worse", [-5.0, 5.0])
def test_which_bound_is_reported_does_not_depend_on_its_value(worse: float, monkeypatch: pytest.MonkeyPatch) -> None:
    run = gram_run()
    monkeypatch.setattr(likelihoods, "by_prior", lambda *_: torch.tensor([3.0, 4.0, 5.0]).double() + worse)
    found = likelihood(run, GRAPHS, 2)
    assert found.kind == "bound" and found.proposal == "prior"
    assert found.bounds is not None and {*found.bounds} == {"prior", "posterior"}
    assert found.nll == found.bounds["prior"]["nll"] == pytest.approx(4 + worse)
    assert found.standard_error == found.bounds["prior"]["standard_error"]
    steered = found.bounds["posterior"]
    assert 0 < steered["nll"] < 8 and steered["standard_error"] > 0 and steered["entropy"] == found.entropy


def test_the_mean_weight_does_not_depend_on_the_posterior() -> None:
    """Importance sampling is unbiased: another guide gives the same p(y | x)."""
    run = gram_run()
    other = GaussianGuide(TASK.spec, run.model)
    x = TASK.encode([GRAPHS[0]]).select(torch.zeros(20_000, dtype=torch.long))
    y = TASK.targets(GRAPHS[0])[:1].expand(20_000, -1)
    means = []
    for guide in (run.guide, other):
        torch.manual_seed(3)
        weights, drawn = log_weights(run.model, guide, x, y, 2)
        assert drawn
        means.append(weights.double().exp())
    error = sum(weights.var() / len(weights) for weights in means) ** 0.5
    assert abs(means[0].mean() - means[1].mean()) < 4 * error
    terms = TruncatedTrace_ELBO(None).terms(run.model, run.guide, x, y, steps=2, supervise="last")
    weights, _ = log_weights(run.model, run.guide, x, y, 2)
    expected = (terms.log_likelihood - terms.kl.sum(0)).mean()
    assert weights.mean().item() == pytest.approx(expected.item(), abs=0.1)


@settings(max_examples=30)
@given(solutions=st.integers(1, 60), draws=st.integers(1, 40))
def test_the_distance_of_a_perfect_sampler(solutions: int, draws: int) -> None:
    rng = np.random.default_rng(0)
    counts = rng.multinomial(draws, np.full(solutions, 1 / solutions), size=4000)
    simulated = np.abs(counts / draws - 1 / solutions).sum(1) / 2
    error = simulated.std() / len(simulated) ** 0.5
    assert uniform_distance(solutions, draws) == pytest.approx(simulated.mean(), abs=4 * error + 1e-9)


def drawn_from(graph: nx.Graph, shares: list[int], invalid: int) -> Any:
    """Decoded samples: the i-th solution so many times, and some that are wrong."""
    rows = [solution for solution, times in zip(TASK.solutions(graph), shares, strict=True) for _ in range(times)]
    return torch.tensor(rows + [(0,) * len(graph)] * invalid)


def test_evenness_of_known_samples() -> None:
    graph = nx.path_graph(3)
    assert len(TASK.solutions(graph)) == 2
    for shares, invalid, expected in (([5, 5], 0, 0.0), ([10, 0], 0, 0.5), ([8, 2], 0, 0.3), ([0, 0], 10, 1.0)):
        found = evenness(TASK, [graph], [drawn_from(graph, shares, invalid)], [2], {})
        assert found is not None and found.distance == pytest.approx(expected)
        assert found.uniform == pytest.approx(uniform_distance(2, 10))
    partly = evenness(TASK, [graph], [drawn_from(graph, [4, 4], 2)], [2], {})
    assert partly is not None and partly.distance == pytest.approx(0.2)
    assert evenness(TASK, [graph], [drawn_from(graph, [1, 1], 0)], [None], {}) is None


def test_renamed_colors_are_the_same_solution() -> None:
    graph = nx.path_graph(3)
    first = drawn_from(graph, [5, 5], 0)
    renamed = (first + 1) % 3
    assert evenness(TASK, [graph], [renamed], [2], {}) == evenness(TASK, [graph], [first], [2], {})


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_probabilities_that_are_right_are_calibrated(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(50_000, generator=generator)
    happened = torch.rand(50_000, generator=generator) < probabilities
    assert calibration_error(probabilities, happened) < 0.02
    assert calibration_error(probabilities**3, happened) > 0.1


def test_calibration_of_certainty() -> None:
    assert calibration_error(torch.ones(4), torch.tensor([True, True, True, False])) == pytest.approx(0.25)
    assert calibration_error(torch.tensor([0.0, 1.0]), torch.tensor([False, True])) == 0
    assert calibration(gram_run(), GRAPHS, 2, 0) == (None, None, None, None)


def test_each_head_is_judged_by_the_event_it_is_trained_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """All samples are wrong after two steps and right after four; heads that know so are calibrated."""

    def known(task: Any, model: Any, problems: Any, depth: int, seed: int) -> Rollout:
        number = len(problems)
        steps = torch.arange(1.0, depth + 1)[:, None, None, None].expand(-1, number, 4, 16)
        return Rollout(TASK.encode(problems), steps, (torch.arange(1, depth + 1) == 4)[:, None].expand(-1, number))

    def heads(high: Tensor, problems: Any) -> HeadLogits:
        assert len(high) == len(problems.tokens) == TRAJECTORIES * len(GRAPHS) and (high == 2).all()
        certain = torch.full((len(high),), 99.0)
        return HeadLogits(certain, -certain, certain)

    monkeypatch.setattr(scores, "rollout", known)
    run = gram_run()._replace(heads=heads)
    assert calibration(run, GRAPHS, 2, 0) == (pytest.approx(0), pytest.approx(0), None, None)


def test_calibration_with_problems_that_have_no_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that are always certain, of samples that are right wherever they can be: a quarter cannot."""

    def known(task: Any, model: Any, problems: Any, depth: int, seed: int) -> Rollout:
        solvable = torch.tensor([bool(task.solvable(problem)) for problem in problems])
        return Rollout(task.encode(problems), torch.zeros(depth, len(problems), 4, 16), solvable.expand(depth, -1))

    def heads(high: Tensor, problems: Any) -> HeadLogits:
        return HeadLogits(*torch.full((3, len(high)), 99.0))

    asked = []

    def unsolvable(task: Any, split: str, count: int, seed: int) -> list[nx.Graph]:
        asked.append((split, count))
        return [nx.complete_graph(4)] * count

    monkeypatch.setattr(scores, "rollout", known)
    monkeypatch.setattr(Coloring, "unsolvable", unsolvable)
    found = calibration(gram_run()._replace(heads=heads), GRAPHS * 4, 2, 0)
    assert found == pytest.approx((0, 0, 0.25, 0.25)) and asked == [("test", 4)]
