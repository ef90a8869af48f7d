"""Masked diffusion: its orders, its bound against all of them, and its training against its bound."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.guides import GUIDES
from gram_pyro.models import Mdlm
from gram_pyro.models.mdlm import EvenOrder
from gram_pyro.models.transformer import TransformerConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.base import Problems
from tests.models.test_models import all_answers


def even_orders(length: int, steps: int) -> list[tuple[int, ...]]:
    """All ways to give `length` positions the steps of 1..`steps` that fall to them."""
    return sorted({*itertools.permutations([1 + place * steps // length for place in range(length)])})


@settings(max_examples=20)
@given(length=st.integers(1, 6), steps=st.integers(1, 9), seed=st.integers(0, 1000))
def test_every_even_order_is_equally_likely(length: int, steps: int, seed: int) -> None:
    order = EvenOrder(5, length, steps, torch.device("cpu"))
    every = torch.tensor(even_orders(length, steps))
    counts = torch.stack([(every == s).sum(-1) for s in range(1, steps + 1)])
    assert (counts.amax(0) - counts.amin(0) <= 1).all()
    density = order.expand((len(every),)).log_prob(every)
    torch.testing.assert_close(density, torch.full_like(density, -math.log(len(every))))
    torch.manual_seed(seed)
    drawn = order.sample((2,))
    assert drawn.shape == (2, 5, length) and order.support.check(drawn).all()
    assert order.log_prob(drawn).isfinite().all()
    crowded = torch.ones(5, length, dtype=torch.long)
    assert order.log_prob(crowded).isinf().all() == (min(steps, length) > 1)


def test_an_order_visits_all_ways_alike() -> None:
    torch.manual_seed(0)
    drawn = EvenOrder(12_000, 3, 3, torch.device("cpu")).sample()
    _, times = drawn.unique(dim=0, return_counts=True)
    assert len(times) == 6 and (times / 2000 - 1).abs().max() < 0.1
    few = EvenOrder(100, 3, 16, torch.device("cpu")).sample()
    assert {len(row.unique()) for row in few} == {3} and few.min() >= 1 and few.max() <= 16


def exact_log_p(model: Mdlm, x: Problems, answers: Tensor, steps: int) -> Tensor:
    """log p(y | x) of `steps` steps by the mean over all orders, written without Pyro: `(answers,)`."""
    length = answers.shape[1]
    total = []
    for order in even_orders(length, steps):
        known = torch.full_like(answers, -1)
        log_p = torch.zeros(len(answers))
        for s in range(steps, 0, -1):
            now = torch.tensor([at == s for at in order])
            log_probs = model.predict(model.embed(x), known, x.relations).log_softmax(-1)
            log_p = log_p + (log_probs.gather(-1, answers[..., None])[..., 0] * now).sum(-1)
            known = torch.where(now, answers, known)
        total.append(log_p)
    return torch.stack(total).logsumexp(0) - math.log(len(total))


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_bound_of_masked_diffusion_lies_below_log_p(steps: int) -> None:
    task = Coloring(n=3)
    torch.manual_seed(1)
    model = Mdlm(task.spec, TransformerConfig(16, 2, 2, 16))
    torch.nn.init.normal_(model.answer_embedding.weight, std=2.0)
    x = task.encode([nx.path_graph(3)])
    answers = all_answers(3, 3)
    with torch.no_grad():
        exact = exact_log_p(model, x, answers, steps)
        assert exact.exp().sum().item() == pytest.approx(1, abs=1e-5)
        draws = 4000
        rows = torch.zeros(len(answers) * draws, dtype=torch.long)
        many = answers.repeat_interleave(draws, 0)
        terms = TruncatedTrace_ELBO(None).terms(
            model, GUIDES["prior"](task.spec, model), x.select(rows), many, steps=steps, supervise="last"
        )
    found = terms.log_likelihood.view(len(answers), draws)
    bound, error = found.mean(1), found.std(1) / draws**0.5
    assert (bound <= exact + 4 * error + 1e-5).all()
    assert ((exact - bound) > 4 * error + 1e-5).any() == (steps > 1)  # of a single step there is but one order
    evidence = found.logsumexp(1) - math.log(draws)
    torch.testing.assert_close(evidence, exact, rtol=0, atol=0.05)


def test_a_moment_estimates_the_bound_of_very_many_steps() -> None:
    task = Coloring(n=3)
    torch.manual_seed(1)
    model = Mdlm(task.spec, TransformerConfig(16, 2, 2, 16))
    torch.nn.init.normal_(model.answer_embedding.weight, std=2.0)
    x = task.encode([nx.path_graph(3)]).select(torch.zeros(20_000, dtype=torch.long))
    y = torch.tensor([[0, 1, 2]]).expand(20_000, 3)
    guide = GUIDES["prior"](task.spec, model)
    with torch.no_grad():
        moment = TruncatedTrace_ELBO(None).terms(model, guide, x, y).log_likelihood
        fine = TruncatedTrace_ELBO(None).terms(model, guide, x, y, steps=64, supervise="last").log_likelihood
    error = moment.std().item() / len(moment) ** 0.5
    assert moment.mean().item() == pytest.approx(fine.mean().item(), abs=4 * error + 0.02)
