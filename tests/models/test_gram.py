"""The model as a program: its sites, its symmetries, and what its recursion does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import networkx as nx
import pytest
import torch
from pyro import poutine
from pyro.infer import Predictive
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.models import layers
from gram_pyro.models.base import Answers
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.layers import (
    RelationAttention,
    folded_attention,
    initial_gain,
    masked_attention,
    plain_attention,
    rotary,
    rotate,
)
from gram_pyro.tasks.base import Problems, Spec
from gram_pyro.tasks.coloring.task import Coloring

CORES = ("hierarchical", "flat")


def network(task: Coloring | None = None, **config: object) -> Gram:
    return Gram((task or Coloring()).spec, GramConfig(**{"width": 16, "heads": 2, "layers": 1, "hidden": 16, **config}))


def problems(batch: int = 3, n: int = 6, task: Coloring | None = None) -> Problems:
    return (task or Coloring()).encode([nx.gnp_random_graph(n, 0.5, seed=seed) for seed in range(batch)])


def noise(batch: int, length: int, transitions: int) -> dict[str, Tensor]:
    return {f"guidance_{t}": torch.randn(batch, length, 16) for t in range(1, transitions + 1)}


def run(model: Gram, batch: Problems, given: dict[str, Tensor], **arguments: object) -> Tensor:
    logits: Tensor = poutine.condition(model, given)(batch, **arguments).logits
    return logits


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("supervise", ["every", "last"])
def test_sites_and_their_shapes(core: str, supervise: str) -> None:
    model, batch = network(core=core, transitions=2), problems()
    targets = torch.zeros(3, 6, dtype=torch.long)
    trace = poutine.trace(model).get_trace(batch, targets, steps=2, supervise=supervise)
    names = ["problems", "high_0", "low_0"]
    for t in range(1, 5):
        names += [f"proposal_{t}", f"guidance_{t}", f"high_{t}", f"low_{t}"]
        if t == 4 or (t == 2 and supervise == "every"):
            names.append(f"y_{t // 2}")
    assert [name for name, site in trace.nodes.items() if site["type"] == "sample"] == names
    trace.compute_log_prob()
    for name in names[1:]:
        site, y = trace.nodes[name], name.startswith("y")
        event = (6,) if y else (6, 16)
        assert site["value"].shape == (3, *event) and site["fn"].batch_shape == (3,)
        assert site["log_prob"].shape == (3,)
        assert site["is_observed"] == (not name.startswith("guidance"))
        if not y and not name.startswith("guidance"):
            assert (site["log_prob"] == 0).all()
    state, logits, drawn = trace.nodes["_RETURN"]["value"]
    assert drawn is None
    assert torch.equal(state.high, trace.nodes["high_4"]["value"])
    assert torch.equal(state.low, trace.nodes["low_4"]["value"])
    assert torch.equal(logits, trace.nodes["y_2"]["fn"].logits)


@pytest.mark.parametrize("core", CORES)
def test_the_recursion_is_the_papers(core: str) -> None:
    """Equations (1)-(9), from the values at the sites."""
    model, batch = network(core=core, transitions=2, refinements=3), problems()
    sites = poutine.trace(model).get_trace(batch).nodes
    embedded, high, low = (
        4 * torch.nn.functional.embedding(batch.tokens, model.embedding.weight),
        model.initial_high,
        model.initial_low,
    )
    assert torch.equal(sites["high_0"]["value"], high.expand(3, 6, 16))
    high, low = high.expand(3, 6, 16), low.expand(3, 6, 16)
    for t in (1, 2):
        for _ in range(3):
            if core == "flat":
                high = model.high_network(high + embedded, batch.relations, None)
            else:
                low = model.low_network(low + high + embedded, batch.relations, None)
        if core == "hierarchical":
            high = model.high_network(high + low, batch.relations, None)
        torch.testing.assert_close(sites[f"proposal_{t}"]["value"], high, rtol=0, atol=1e-5)
        prior = sites[f"guidance_{t}"]["fn"].base_dist
        location, raw = model.guidance_head(high).chunk(2, -1)
        torch.testing.assert_close(prior.loc, location, rtol=0, atol=1e-5)
        torch.testing.assert_close(prior.scale, (1 + raw.exp()).log() + 0.01, rtol=0, atol=1e-5)
        high = high + sites[f"guidance_{t}"]["value"]
        torch.testing.assert_close(sites[f"high_{t}"]["value"], high, rtol=0, atol=1e-5)
        torch.testing.assert_close(sites[f"low_{t}"]["value"], low, rtol=0, atol=1e-5)
    torch.testing.assert_close(sites["y_1"]["fn"].logits, model.decode(high), rtol=0, atol=1e-5)


def test_without_targets_it_draws_from_the_prior() -> None:
    model, batch = network(), problems(batch=60)
    sites = poutine.trace(model).get_trace(batch).nodes
    assert not sites["guidance_1"]["is_observed"] and not sites["y_1"]["is_observed"]
    prior = sites["guidance_1"]["fn"].base_dist
    standard = (sites["guidance_1"]["value"] - prior.loc) / prior.scale
    assert abs(standard.mean()) < 0.05 and abs(standard.std() - 1) < 0.05
    answers = torch.stack([poutine.trace(model).get_trace(batch).nodes["y_1"]["value"] for _ in range(2)])
    assert set(answers.unique().tolist()) == {0, 1, 2} and not torch.equal(*answers)


def test_the_likelihood_counts_only_what_is_asked() -> None:
    model, batch = network(), problems()
    targets = torch.tensor([[0, 1, 2, -1, -1, -1], [-1] * 6, [2, 2, 1, 1, 0, 0]])
    trace = poutine.trace(model).get_trace(batch, targets)
    trace.compute_log_prob()
    logs = trace.nodes["y_1"]["fn"].logits.log_softmax(-1).detach()
    expected = [sum(logs[b, i, c] for i, c in enumerate(row) if c >= 0) for b, row in enumerate(targets.tolist())]
    torch.testing.assert_close(trace.nodes["y_1"]["log_prob"], torch.tensor(expected), rtol=1e-5, atol=1e-5)


def test_predictive() -> None:
    model, batch = network(), problems()
    samples = Predictive(model, num_samples=3, parallel=False)(batch, steps=2)
    assert samples["y_2"].shape == (3, 3, 6)
    assert samples["guidance_2"].shape == (3, 3, 6, 16)
    assert not torch.equal(samples["guidance_1"][0], samples["guidance_1"][1])


def test_the_markov_structure_is_declared() -> None:
    """A site knows the sites of its own transition and of the one before, and no others."""
    trace = poutine.trace(network(transitions=2)).get_trace(problems(), steps=2)
    for t in (2, 3, 4):
        scope = trace.nodes[f"guidance_{t}"]["infer"]["_markov_scope"]
        transitions = {int(name.split("_")[1]) for name in scope if name.split("_")[0] in ("high", "low", "guidance")}
        assert transitions == {t - 1}
        assert f"proposal_{t}" in scope
    assert [frame.name for frame in trace.nodes["guidance_1"]["cond_indep_stack"]] == ["problems"]


@pytest.mark.parametrize("core", CORES)
def test_permuting_the_vertices_permutes_the_logits(core: str) -> None:
    model, batch = network(core=core, transitions=2), problems()
    given, order = noise(3, 6, 4), torch.tensor([3, 1, 5, 0, 2, 4])
    moved = Problems(batch.tokens[:, order], batch.relations[:, :, order][:, :, :, order])
    logits = run(model, batch, given, steps=2)
    permuted = run(model, moved, {name: value[:, order] for name, value in given.items()}, steps=2)
    torch.testing.assert_close(permuted, logits[:, order], rtol=0, atol=1e-5)
    still = run(model, batch, {name: value[:, order] for name, value in given.items()}, steps=2)
    assert (still - logits[:, order]).abs().max() > 1e-3  # the relations are seen


def test_positions_are_seen_where_the_task_has_them() -> None:
    task = Coloring(n=4, layout="tokens")
    model, given, order = network(task), noise(1, 6, 2), torch.tensor([3, 1, 5, 0, 2, 4])
    same = Problems(torch.ones(1, 6, dtype=torch.long), None)
    logits = run(model, same, given, steps=2)
    permuted = run(model, same, {name: value[:, order] for name, value in given.items()}, steps=2)
    assert (permuted - logits[:, order]).abs().max() > 1e-3


@pytest.mark.parametrize("positions", [True, False])
def test_only_positions_let_a_deterministic_core_tell_equal_vertices_apart(positions: bool) -> None:
    task = Coloring(n=4, positions=positions)
    logits = run(network(task, guidance=False), task.encode([nx.cycle_graph(4)]), {}, steps=4)
    apart = (logits - logits[:, :1]).abs().max()
    assert apart > 1e-2 if positions else apart < 1e-4


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    q, k = torch.randn(2, 8)
    angles = rotary("1d", 12, 8, torch.device("cpu"))
    scores = rotate(q.expand(12, 8), angles) @ rotate(k.expand(12, 8), angles).T
    for offset in (-3, 0, 4):
        along = scores.diagonal(offset)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=0, atol=1e-5)
    torch.testing.assert_close(scores[0, 0], q @ k, rtol=0, atol=1e-5)
    assert (scores[0] - scores[0, 0]).abs().max() > 0.1


def test_rotary_scores_of_a_square_depend_on_rows_and_columns_apart() -> None:
    side = 4
    angles = rotary("2d", side**2, 8, torch.device("cpu"))
    q, k = torch.randn(2, 8)
    scores = rotate(q.expand(16, 8), angles) @ rotate(k.expand(16, 8), angles).T  # (16 16)
    by_offset: dict[tuple[int, int], list[Tensor]] = {}
    for i, j in itertools.product(range(16), repeat=2):
        by_offset.setdefault((i // side - j // side, i % side - j % side), []).append(scores[i, j])
    assert len(by_offset) == 49
    for same in by_offset.values():
        torch.testing.assert_close(torch.stack(same), same[0].expand(len(same)), rtol=0, atol=1e-5)
    first = torch.stack([same[0] for same in by_offset.values()])
    assert (first[:, None] - first).abs().fill_diagonal_(1).min() > 1e-5  # no two offsets alike
    torch.testing.assert_close(scores[0, 0], q @ k, rtol=0, atol=1e-5)


@pytest.mark.parametrize("positions", ["none", "1d", "2d"])
def test_a_network_sees_the_positions_of_its_spec(positions: Any) -> None:
    """Equal tokens without positions are told apart by nothing, and a transposed square only in two dimensions.

    One dimension is told from two by what moves the first row down to the second: the same as within a row, or not.
    """
    torch.manual_seed(0)
    model = Gram(
        Spec(3, (0, 0, 0), positions=positions), GramConfig(width=16, heads=2, layers=1, hidden=16, guidance=False)
    )
    tokens = torch.randint(0, 3, (1, 9), generator=torch.Generator().manual_seed(0))
    order = torch.arange(9).view(3, 3).T.flatten()
    logits, turned = model(Problems(tokens)).logits, model(Problems(tokens[:, order])).logits
    assert torch.allclose(turned, logits[:, order], atol=1e-5) == (positions == "none")
    angles = rotary(positions, 9, 8, torch.device("cpu"))
    assert (angles is None) == (positions == "none")
    if angles is not None:
        assert angles[0].shape == angles[1].shape == (9, 8)
        x = torch.randn(8).expand(9, 8)
        turned = rotate(x, angles)
        along, across = turned[0] @ turned[3], turned[2] @ turned[3]  # one row down; from a row's end to the next start
        near = turned[0] @ turned[1]
        assert torch.allclose(near, across, atol=1e-5) == (positions == "1d") and not torch.allclose(
            near, along, atol=1e-3
        )


@pytest.mark.parametrize("positions", [None, rotary("1d", 5, 4, torch.device("cpu"))])
def test_relation_attention_is_softmax_with_an_additive_bias(positions: tuple[Tensor, Tensor] | None) -> None:
    attention, x = RelationAttention(16, heads=4, relations=2), torch.randn(3, 5, 16)
    torch.nn.init.normal_(attention.gain)
    relations = (torch.rand(3, 2, 5, 5) < 0.5).float()  # not symmetric
    q, k, v = attention.project_in(x).chunk(3, -1)
    heads = []
    for a in range(4):
        part = slice(4 * a, 4 * a + 4)
        qa, ka = (q[..., part], k[..., part]) if positions is None else (
            rotate(q[..., part], positions), rotate(k[..., part], positions),
        )  # fmt: skip
        scores = qa @ ka.transpose(1, 2) / math.sqrt(4)
        scores = scores + attention.gain[a, 0] * relations[:, 0] + attention.gain[a, 1] * relations[:, 1]
        heads.append(scores.softmax(-1) @ v[..., part])
    expected = attention.project_out(torch.cat(heads, -1))
    torch.testing.assert_close(attention(x, relations, positions), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("attention", [folded_attention, plain_attention])
def test_all_ways_to_attend_are_the_same(attention: Callable[..., Tensor]) -> None:
    q, k, v, bias = inputs = [torch.randn(3, 4, 5, n, requires_grad=True) for n in (8, 8, 8, 5)]
    results = [way(q, k, v, bias) for way in (attention, masked_attention)]
    weight = torch.randn_like(results[0])
    gradients = [torch.autograd.grad((result * weight).sum(), inputs) for result in results]
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mask", [None, torch.ones(5, 5, dtype=torch.bool).tril()], ids=["none", "causal"])
def test_products_written_out_take_every_mask(mask: Tensor | None) -> None:
    q, k, v = torch.randn(3, 2, 4, 5, 8)
    torch.testing.assert_close(plain_attention(q, k, v, mask), masked_attention(q, k, v, mask), rtol=0, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_training_in_bfloat16_on_a_cpu_writes_the_products_out(causal: bool) -> None:
    attention = RelationAttention(16, heads=2, relations=1, causal=causal)
    x, relations = torch.randn(2, 5, 16), torch.randint(0, 2, (2, 1, 5, 5)).float()
    expected = attention(x, relations, None)
    with mock.patch.object(layers, "plain_attention", wraps=plain_attention) as plain:
        with torch.autocast("cpu", torch.bfloat16):
            found = attention(x, relations, None)
            assert plain.call_count == 1
            with torch.no_grad():
                attention(x, relations, None)
        attention(x, relations, None)
    assert plain.call_count == 1
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("task", [Coloring(), Coloring(n=6, layout="tokens")])
def test_a_problem_does_not_see_the_others(task: Coloring) -> None:
    model, batch = network(task), problems(task=task)
    given = noise(*batch.tokens.shape, 2)
    together = run(model, batch, given, steps=2)
    for b in range(3):
        alone = batch.select(torch.tensor([b]))
        logits = run(model, alone, {name: value[b : b + 1] for name, value in given.items()}, steps=2)
        torch.testing.assert_close(logits, together[b : b + 1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("n", [1, 5, 23])
def test_any_length_runs(core: str, n: int) -> None:
    assert network(core=core)(problems(batch=2, n=n)).logits.shape == (2, n, 3)


@pytest.mark.parametrize("core", CORES)
def test_sixty_four_steps_stay_finite(core: str) -> None:
    model, batch = network(core=core, transitions=2), problems()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
        state, logits, _ = model(batch, steps=64)
    assert logits.isfinite().all() and state.high.isfinite().all() and state.low.isfinite().all()
    sites = poutine.trace(model).get_trace(batch, steps=8).nodes
    for t in (1, 16):  # the core ends in a norm
        size = sites[f"proposal_{t}"]["value"].square().mean(-1)
        torch.testing.assert_close(size, torch.ones_like(size), rtol=0, atol=1e-3)


@pytest.mark.parametrize("core", CORES)
def test_without_guidance_nothing_is_random(core: str) -> None:
    model, batch = network(core=core, guidance=False), problems()
    logits = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        trace = poutine.trace(model).get_trace(batch, steps=2)
        logits.append(trace.nodes["_RETURN"]["value"].logits)
        assert not any(name.startswith(("guidance", "proposal")) for name in trace.nodes)
    assert torch.equal(*logits)
    assert model.guidance_head is None


@pytest.mark.parametrize("core", CORES)
def test_a_trajectory_can_be_carried_on(core: str) -> None:
    model, batch = network(core=core, transitions=2), problems()
    given = noise(3, 6, 4)
    whole = run(model, batch, given, steps=2)
    later = {"guidance_1": given["guidance_3"], "guidance_2": given["guidance_4"]}
    state = poutine.condition(model, given)(batch, steps=1).state
    carried = run(model, batch, later, steps=1, state=state)
    assert torch.equal(carried, whole)
    assert not torch.equal(run(model, batch, later, steps=1), whole)


@pytest.mark.parametrize("wrong", [{"width": 12, "heads": 4}, {"transitions": 0}, {"refinements": 0}, {"layers": 0}])
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match="model"):
        GramConfig(**wrong)  # type: ignore[arg-type]


def test_answers_are_independent_categoricals() -> None:
    logits = 2 * torch.randn(2, 3, 4)
    answers, plain = Answers(logits), torch.distributions.Categorical(logits=logits)
    drawn = answers.sample((20_000,))
    assert drawn.shape == (20_000, 2, 3) and answers.support.check(drawn).all()
    torch.testing.assert_close(answers.log_prob(drawn), plain.log_prob(drawn).sum(-1))
    frequency = torch.nn.functional.one_hot(drawn, 4).float().mean(0)
    torch.testing.assert_close(frequency, logits.softmax(-1), rtol=0, atol=0.02)
    wide = answers.expand((5, 2))
    assert wide.batch_shape == (5, 2) and wide.event_shape == (3,)
    torch.testing.assert_close(wide.log_prob(drawn[:5]), answers.log_prob(drawn[:5]))


def test_of_several_relations_each_head_starts_with_one() -> None:
    gain = initial_gain(8, 3)
    assert [[place for place, value in enumerate(row) if value > 1] for row in gain.tolist()] == 2 * [[0], [1], [2], []]
    assert len(set(initial_gain(4, 1).flatten().tolist())) == 4
    attention = RelationAttention(16, 4, 4)
    assert attention.gain is not None and torch.equal(attention.gain.detach(), initial_gain(4, 4))
