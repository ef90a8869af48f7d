"""Masked diffusion: its orders, its bound against all of them, and its training against its bound."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import networkx as nx
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.evaluation.likelihood import likelihood
from gram_pyro.guides import GUIDES
from gram_pyro.inference.sampling import sample
from gram_pyro.models import Mdlm
from gram_pyro.models.base import Answers
from gram_pyro.models.mdlm import EvenOrder, MdlmConfig, Order, Reweighted, reveal_surest
from gram_pyro.objectives.elbo import Terms, TruncatedTrace_ELBO
from gram_pyro.runs.config import from_json, to_json
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import Run
from gram_pyro.runs.train_options import configured
from gram_pyro.tasks import Coloring, Countdown, Task
from gram_pyro.tasks.base import Problems
from gram_pyro.testing import check_model
from tests.models.test_models import all_answers, examples

SMALL: dict[str, Any] = {"width": 16, "heads": 2, "layers": 2, "hidden": 16}
PADDED = Coloring(n=4, layout="tokens")


def small(task: Task, **config: Any) -> Mdlm:
    """A small model whose weights do not depend on its options."""
    torch.manual_seed(1)
    return Mdlm(task.spec, MdlmConfig(**SMALL, **config))


def run(model: Mdlm, task: Task, *inputs: Any, supervise: str = "every", steps: int = 1) -> Terms:
    """The terms of a run whose noise is always the same."""
    torch.manual_seed(2)
    guide = GUIDES["prior"](task.spec, model)
    return TruncatedTrace_ELBO(None).terms(model, guide, *inputs, steps=steps, supervise=supervise)


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
    model = Mdlm(task.spec, MdlmConfig(16, 2, 2, 16))
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
    model = Mdlm(task.spec, MdlmConfig(16, 2, 2, 16))
    torch.nn.init.normal_(model.answer_embedding.weight, std=2.0)
    x = task.encode([nx.path_graph(3)]).select(torch.zeros(20_000, dtype=torch.long))
    y = torch.tensor([[0, 1, 2]]).expand(20_000, 3)
    guide = GUIDES["prior"](task.spec, model)
    with torch.no_grad():
        moment = TruncatedTrace_ELBO(None).terms(model, guide, x, y).log_likelihood
        fine = TruncatedTrace_ELBO(None).terms(model, guide, x, y, steps=64, supervise="last").log_likelihood
    error = moment.std().item() / len(moment) ** 0.5
    assert moment.mean().item() == pytest.approx(fine.mean().item(), abs=4 * error + 0.02)


# Reweighting


def drawn_logits(seed: int, length: int, classes: int) -> tuple[Tensor, Tensor]:
    """Logits `(3, length, classes)` with gradient, and values, some of them missing."""
    torch.manual_seed(seed)
    values = torch.randint(-1, classes, (3, length))
    return (3 * torch.randn(3, length, classes, dtype=torch.double)).requires_grad_(), values


over_weights = given(
    seed=st.integers(0, 1000), length=st.integers(1, 5), classes=st.integers(1, 4), alpha=st.floats(0.1, 4),
    gamma=st.floats(0, 5),
)  # fmt: skip


@settings(max_examples=25)
@over_weights
def test_a_position_counts_by_how_unlikely_its_value_is(
    seed: int, length: int, classes: int, alpha: float, gamma: float
) -> None:
    logits, values = drawn_logits(seed, length, classes)
    expected = []
    for said, row in zip(logits.detach().softmax(-1).tolist(), values.tolist(), strict=True):
        chances = [each[value] for each, value in zip(said, row, strict=True) if value >= 0]
        expected.append(math.fsum(alpha * (1 - p) ** gamma * math.log(p) for p in chances if p < 1))
    found = Reweighted(logits, alpha, gamma)
    torch.testing.assert_close(found.log_prob(values).detach(), torch.tensor(expected, dtype=torch.double))
    twice = found.expand((2, 3)).log_prob(values)
    torch.testing.assert_close(twice, found.log_prob(values).expand(2, 3))


@settings(max_examples=25)
@over_weights
def test_no_gradient_flows_through_a_weight(seed: int, length: int, classes: int, alpha: float, gamma: float) -> None:
    logits, values = drawn_logits(seed, length, classes)
    Reweighted(logits, alpha, gamma).log_prob(values).sum().backward()
    told = F.one_hot(values.clamp(min=0), classes)
    said = logits.detach().softmax(-1)
    weights = alpha * (1 - (said * told).sum(-1)).clamp(min=0) ** gamma * (values >= 0)
    torch.testing.assert_close(logits.grad, weights[..., None] * (told - said))


@pytest.mark.parametrize("task", [Coloring(n=4), PADDED, Countdown(numbers=3)], ids=["all", "padded", "rest"])
@pytest.mark.parametrize("alpha", [0.0, 0.25])
def test_a_moment_weighs_what_is_masked_and_only_that(task: Task, alpha: float) -> None:
    """Without a weight the loss is that of the bound, bit by bit."""
    x, y = examples(task)
    terms = run(small(task, reweight=alpha), task, x, y)
    nodes: dict[str, Any] = terms.trace.nodes
    site, scored = nodes["y_1"], y.where(nodes["masked"]["value"].bool(), -1)
    assert torch.equal(site["value"], scored) and (scored >= 0).any() and (scored < y).any()
    torch.testing.assert_close(site["scale"], 1 / nodes["time"]["value"])
    logits = terms.outcome.logits.flatten(0, 1)
    losses = F.cross_entropy(logits, scored.flatten(), ignore_index=-1, reduction="none").view(y.shape)
    if alpha:
        expected = -(alpha * (1 - torch.exp(-losses)) ** 2 * losses).sum(-1) * site["scale"]
        torch.testing.assert_close(terms.log_likelihood, expected.detach())
    else:
        expected = -losses.sum(-1) * site["scale"]
        assert type(site["fn"]) is Answers and torch.equal(terms.log_likelihood, expected)
    torch.testing.assert_close(terms.loss, -expected.sum())


def test_the_bound_of_many_steps_knows_no_weights() -> None:
    x, y = examples(PADDED)
    plain, weighted = (run(small(PADDED, reweight=w), PADDED, x, y, supervise="last", steps=3) for w in (0.0, 0.25))
    assert torch.equal(plain.loss, weighted.loss)


# Order by confidence


def sharpness(logits: Tensor) -> list[float]:
    """The highest probability at each position of `(length, classes)`."""
    return [max(math.exp(each) for each in row) / sum(map(math.exp, row)) for row in logits.tolist()]


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), n=st.integers(2, 4), steps=st.integers(1, 9), told=st.booleans())
def test_the_surest_positions_come_first_and_each_once(seed: int, n: int, steps: int, told: bool) -> None:
    """Under a network that says the same whatever it sees; positions after the answer are surer than all of it."""
    task = Coloring(n=n, layout="tokens")
    x = task.encode([nx.gnp_random_graph(n, 0.5, seed=seed)] * 3)
    model = small(task, order="confidence")
    logits = torch.randn(*x.tokens.shape, 3, generator=torch.Generator().manual_seed(seed)).double()
    logits[:, n:, 0] += 50
    model.predict = lambda *_: logits  # type: ignore[assignment,method-assign,misc]
    targets = F.pad(torch.randint(-1, 3, (3, n)), (0, x.tokens.shape[1] - n), value=-1) if told else None
    with torch.no_grad():
        trace: Any = poutine.trace(model).get_trace(x, targets, steps=steps, supervise="last")
    order = trace.nodes["order"]["value"]
    assert EvenOrder(3, n, steps, order.device).log_prob(order).isfinite().all()
    for row, said in zip(order.tolist(), logits, strict=True):
        certain = sharpness(said[:n])
        assert all(certain[i] > certain[j] for i, j in itertools.permutations(range(n), 2) if row[i] > row[j])
    for s in range(1, steps + 1):
        now = F.pad(order == s, (0, x.tokens.shape[1] - n))
        assert torch.equal(trace.nodes[f"y_{s}"]["value"] >= 0, now if targets is None else now & (targets >= 0))


def test_of_equally_sure_positions_the_first_come_first() -> None:
    order, even = torch.tensor([[0, 3, 0, 0], [0, 0, 0, 3]]), torch.zeros(2, 4, 5)
    assert reveal_surest(order, even, 2, 2).tolist() == [[2, 3, 2, 0], [2, 2, 0, 3]]


def exact_by_confidence(model: Mdlm, x: Problems, answers: Tensor, steps: int) -> Tensor:
    """log p of answers to the only problem of `x`, position by position and without Pyro: `(answers,)`."""
    length = answers.shape[1]
    found = []
    for answer in answers.tolist():
        known, total = [-1] * x.tokens.shape[1], 0.0
        for s in range(steps, 0, -1):
            share = sum(1 + place * steps // length == s for place in range(length))
            said = model.predict(model.embed(x), torch.tensor([known]), x.relations)[0]
            certain = sharpness(said)
            masked = [place for place in range(length) if known[place] < 0]
            for place in sorted(masked, key=lambda place: -certain[place])[:share]:
                total += said[place].log_softmax(-1)[answer[place]].item()
                known[place] = answer[place]
        found.append(total)
    return torch.tensor(found)


def listening(seed: int, n: int) -> tuple[Mdlm, Task, Problems, Tensor]:
    """A model with order by confidence that heeds what is revealed, a graph whose vertices differ, all its answers."""
    task = Coloring(n=n, layout="tokens")
    torch.manual_seed(seed)
    model = Mdlm(task.spec, MdlmConfig(**SMALL, order="confidence"))
    torch.nn.init.normal_(model.answer_embedding.weight, std=2.0)
    for part in model.network.parameters():
        part.data *= 3
    return model, task, task.encode([nx.gnp_random_graph(n, 0.5, seed=seed)]), all_answers(3, n)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), n=st.integers(2, 3), steps=st.integers(1, 5))
def test_by_confidence_the_likelihood_is_exact(seed: int, n: int, steps: int) -> None:
    model, task, x, answers = listening(seed, n)
    many = x.select(torch.zeros(len(answers), dtype=torch.long))
    padded = F.pad(answers, (0, x.tokens.shape[1] - n), value=-1)
    with torch.no_grad():
        terms = run(model, task, many, padded, supervise="last", steps=steps)
        expected = exact_by_confidence(model, x, answers, steps)
    torch.testing.assert_close(terms.log_likelihood, expected, atol=1e-4, rtol=1e-4)
    assert terms.log_likelihood.double().exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_samples_by_confidence_have_that_likelihood(steps: int) -> None:
    model, _, x, answers = listening(1, 3)
    with torch.no_grad():
        expected = exact_by_confidence(model, x, answers, steps).exp()
    count = 20_000
    decoded = sample(model, x, count, (steps,), 0).decoded[0, 0, :, :3]
    with torch.no_grad():
        trace: Any = poutine.trace(model).get_trace(x.select(torch.zeros(99).long()), steps=steps, supervise="last")
    assert (len(trace.nodes["order"]["value"].unique(dim=0)) > 1) == (steps == 3)
    frequency = (decoded[:, None] == answers).all(-1).double().mean(0)
    error = (expected * (1 - expected) / count).sqrt()
    assert ((frequency - expected).abs() < 4.5 * error + 1e-6).all() and frequency.sum().item() == pytest.approx(1)


def test_evaluation_says_that_the_likelihood_by_confidence_is_exact() -> None:
    task, kinds = Coloring(n=4), {}
    for order in get_args(Order):
        model = small(task, order=order)
        trained = Run("mdlm", task, model, GUIDES["prior"](task.spec, model), 2, torch.device("cpu"))
        kinds[order] = likelihood(trained, [nx.path_graph(4)], 2, draws=2).kind
    assert kinds == {"even": "bound", "confidence": "exact"}


# Configuration


@pytest.mark.parametrize("task", [PADDED, Countdown(numbers=3)], ids=["padded", "rest"])
def test_options_keep_the_contract(task: Task) -> None:
    check_model(lambda spec: Mdlm(spec, MdlmConfig(**SMALL, reweight=0.25, order="confidence")), task)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reweight": -0.1}, "model.reweight must be a finite number from 0, not -0.1"),
        ({"reweight": math.nan}, "model.reweight must be a finite number from 0, not nan"),
        ({"gamma": math.inf}, "model.gamma must be a finite number from 0, not inf"),
        ({"order": "random"}, "model.order must be even or confidence, not 'random'"),
    ],
)
def test_an_impossible_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        MdlmConfig(**options)
    assert message in str(refused.value)


def test_the_command_line_takes_the_options() -> None:
    options = "--task countdown --model mdlm --model.reweight 0.25 --model.gamma 1 --model.order confidence --updates 1"
    config, _ = configured(options.split())
    assert (config.model.reweight, config.model.gamma, config.model.order) == (0.25, 1.0, "confidence")
    assert recipe("countdown", model="mdlm").model == MdlmConfig()


def test_a_run_from_before_the_options_is_read(tmp_path: Path) -> None:
    config = replace(
        recipe("countdown", model="mdlm"), model=MdlmConfig(**SMALL, reweight=0.25, gamma=1.0, order="confidence")
    )
    path = tmp_path / "config.json"
    path.write_text(to_json(config))
    assert from_json(path) == config
    stored = json.loads(path.read_text())
    stored["model"] = {name: stored["model"][name] for name in SMALL}
    path.write_text(json.dumps(stored))
    assert from_json(path).model == MdlmConfig(**SMALL)
