"""Trajectories in depth and in width: halting, chunks, and samples that keep apart."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.inference import sampling
from gram_pyro.inference.config import INDEPENDENT, Halt, SamplingConfig
from gram_pyro.inference.judge import Judged, judge
from gram_pyro.inference.sampling import halting, sample
from gram_pyro.inference.selection import SELECTIONS, select
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.coloring.task import Coloring

torch.set_num_threads(1)
TASK = Coloring(n=5)
X = TASK.encode(TASK.generate("test", 4, 0))
torch.manual_seed(3)
MODEL = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1)).requires_grad_(False)
MODEL.decoder.weight *= 10  # as sure of its answers as a trained one


class Fixed(Heads):
    """Heads that are sure once the first feature of h is large enough, whatever the problem."""

    def forward(self, high: Tensor, problems: Problems) -> HeadLogits:
        assert len(high) == len(problems.tokens)
        sure = 50 * (high[:, 0, 0] - 0.5)
        return HeadLogits(sure, sure, -sure)


HEADS = Fixed(TASK.spec, MODEL)


def trajectories(steps: int, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Decodes and what `Fixed` says of them after every step, run by hand: `(steps, rows, ...)`."""
    torch.manual_seed(seed)
    x = X.select(torch.arange(4).repeat_interleave(samples))
    state, decodes, sure = None, [], []
    for _ in range(steps):
        state, logits, _ = MODEL(x, steps=1, state=state, supervise="last")
        decodes.append(logits.argmax(-1))
        sure.append(HEADS(state.high, x).halt > 0)
    return torch.stack(decodes), torch.stack(sure)


def test_without_a_method_every_sample_costs_its_depth() -> None:
    drawn = sample(MODEL, X, 3, [1, 2, 3], 7)
    decodes, _ = trajectories(3, 3, 7)
    assert torch.equal(drawn.decoded.flatten(1, 2), decodes)
    assert drawn.values is None
    assert drawn.spent.unique(dim=1).squeeze().tolist() == [[1, 1, 1], [2, 2, 2], [3, 3, 3]]


@pytest.mark.parametrize("halt", ["simple", "q"])
def test_a_trajectory_that_halts_keeps_its_answer_and_costs_no_more(halt: Halt) -> None:
    drawn = sample(MODEL, X, 3, [1, 4, 8], 7, method=SamplingConfig(halt=halt), heads=HEADS)
    spent, decoded = drawn.spent.flatten(1), drawn.decoded.flatten(1, 2)
    first, sure = trajectories(1, 3, 7)
    assert torch.equal(decoded[0], first[0]) and set(spent[0].tolist()) == {1}
    assert 0 < sure[0].sum() < len(sure[0])
    for row, stops in enumerate(sure[0].tolist()):
        if stops:
            assert spent[:, row].tolist() == [1, 1, 1] and torch.equal(decoded[2, row], first[0, row])
        else:
            assert spent[1, row] > 1
    assert (spent[1] <= 4).all() and (spent[2] <= 8).all() and (spent[1:] >= spent[:-1]).all()


def test_network_evaluations_are_what_halting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """`spent` counts the rows that the network really saw."""
    seen = []
    propose = MODEL.propose
    monkeypatch.setattr(MODEL, "propose", lambda state, *rest: seen.append(len(state.high)) or propose(state, *rest))
    drawn = sample(MODEL, X, 3, [8], 7, method=SamplingConfig(halt="simple"), heads=HEADS)
    assert sum(seen) == drawn.spent.sum() < 8 * 12


@given(st.integers(3, 40))
def test_chunks_do_not_change_what_is_counted(positions: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "MAX_POSITIONS", 5 * positions)
        patch.setattr(sampling, "MAX_COUPLED", 5 * positions * 9)
        for method in (INDEPENDENT, SamplingConfig(resample=True), SamplingConfig(repel=1.0), SamplingConfig(halt="q")):
            drawn = sample(MODEL, X, 3, [2, 3], 7, method=method, heads=HEADS)
            assert drawn.decoded.shape == (2, 4, 3, 5) and drawn.values is not None
            assert drawn.spent.max() <= 3 and drawn.decoded.min() >= 0 and drawn.decoded.max() < 3


def test_samples_that_repel_repeat_themselves_less() -> None:
    """One step of an untrained model: the number of pairs of equal colorings falls."""

    def repeats(method: SamplingConfig) -> int:
        drawn = sample(MODEL, X, 30, [1], 1, method=method, equivalence_probs=TASK.equivalence_probs)
        answers = [[TASK.canonical(tuple(row)) for row in rows] for rows in drawn.decoded[0].tolist()]
        return sum(count * (count - 1) for rows in answers for count in Counter(rows).values())

    assert repeats(SamplingConfig(repel=3.0)) < 0.6 * repeats(INDEPENDENT)


@pytest.mark.parametrize("method", [INDEPENDENT, SamplingConfig(repel=2.0), SamplingConfig(resample=True)])
def test_methods_cost_the_same_network_evaluations_and_ask_no_checker(
    method: SamplingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    propose = MODEL.propose
    monkeypatch.setattr(MODEL, "propose", lambda state, *rest: seen.append(len(state.high)) or propose(state, *rest))
    monkeypatch.setattr(Coloring, "violations", None)
    drawn = sample(MODEL, X, 3, [6], 7, method=method, heads=HEADS, equivalence_probs=TASK.equivalence_probs)
    assert sum(seen) == drawn.spent.sum() == 6 * 12 and drawn.decoded.shape == (1, 4, 3, 5)


def test_repelling_needs_guidance() -> None:
    plain = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1, guidance=False))
    with pytest.raises(UserError, match="no guidance"):
        sample(plain, X, 3, [2], 0, method=SamplingConfig(repel=1.0))


@pytest.mark.parametrize("method", [SamplingConfig(repel=1.0), SamplingConfig(resample=True)])
def test_too_many_samples_that_know_of_each_other(method: SamplingConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MAX_POSITIONS", 50)
    with pytest.raises(UserError, match="at most 10 samples"):
        sample(MODEL, X, 11, [2], 0, method=method, heads=HEADS)


def test_a_single_sample_has_nothing_to_repel() -> None:
    assert torch.equal(
        sample(MODEL, X, 1, [3], 1, method=SamplingConfig(repel=3.0)).decoded, sample(MODEL, X, 1, [3], 1).decoded
    )


def test_repelled_noise_stays_as_likely_as_noise_is() -> None:
    """The pushes are bounded: repelling never moves the noise of a sample further than iterations * push."""
    method = SamplingConfig(repel=0.5, repel_iterations=3, repel_steps=1)
    names = ("guidance_1", "proposal_1")
    import pyro.poutine as poutine

    x = X.select(torch.arange(4).repeat_interleave(5))
    torch.manual_seed(2)
    plain = poutine.trace(MODEL).get_trace(x, steps=1, supervise="last")
    torch.manual_seed(2)
    handler = sampling.RepelMessenger(MODEL.decode, TASK.equivalence_probs, 5, method.repel, method.repel_iterations)
    with handler:
        pushed = poutine.trace(MODEL).get_trace(x, steps=1, supervise="last")
    scale = plain.nodes[names[0]]["fn"].base_dist.scale
    moved = ((pushed.nodes[names[0]]["value"] - plain.nodes[names[0]]["value"]) / scale).flatten(1).norm(dim=1)
    assert torch.equal(pushed.nodes[names[1]]["value"], plain.nodes[names[1]]["value"])
    assert moved.max() <= 1.5 + 1e-4 and moved.min() > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"halt": "soon"}, "never, simple or q"),
        ({"halt": "q", "resample": True}, "choose halt, or"),
        ({"halt_threshold": 1.0}, "between 0 and 1"),
        ({"repel": -1.0}, "repel"),
        ({"repel_steps": 0}, "from 1 to"),
    ],
)
def test_methods_that_make_no_sense(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        SamplingConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [SamplingConfig(halt="simple"), SamplingConfig(resample=True)])
def test_heads_are_needed_where_they_decide(method: SamplingConfig) -> None:
    with pytest.raises(UserError, match="need value and halt heads"):
        sample(MODEL, X, 2, [2], 0, method=method)


def test_halting_rules() -> None:
    verdict = HeadLogits(torch.zeros(3), torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([0.0, 1.0, 1.0]))
    assert halting(verdict, SamplingConfig(halt="simple")).tolist() == [False, True, True]
    assert halting(verdict, SamplingConfig(halt="simple", halt_threshold=0.8)).tolist() == [False, False, True]
    assert halting(verdict, SamplingConfig(halt="q")).tolist() == [False, False, True]
    assert not halting(verdict, INDEPENDENT).any()


# Selection


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 1)), min_size=1, max_size=12))
def test_selections(samples: list[tuple[int, int, float]]) -> None:
    """Two vertices without an edge: (0, 0), (1, 1) and (2, 2) are one answer, all else another."""
    answers = [(a, b) for a, b, _ in samples]
    values = [v for *_, v in samples]
    violations = [a for a, *_ in samples]
    same = [a == b for a, b in answers]
    judged = Judged(answers, violations, [TASK.canonical(answer) for answer in answers])
    chosen = {name: select(name, judged, values) for name in SELECTIONS}
    assert chosen["first"] == 0
    assert same.count(same[chosen["majority"]]) == max(same.count(True), same.count(False))
    assert values[chosen["value"]] == max(values) and violations[chosen["checker"]] == min(violations)


def test_selection_needs_what_it_selects_by() -> None:
    with pytest.raises(UserError, match="has none"):
        select("value", judge(TASK, nx.path_graph(2), [[0, 1]]), None)
    with pytest.raises(UserError, match="known are first, majority, value, checker"):
        select("best", judge(TASK, nx.path_graph(2), [[0, 1]]), None)
