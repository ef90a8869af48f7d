"""Trajectories in depth and in width: halting, chunks, and samples that keep apart."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import networkx as nx
import numpy as np
import pyro
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.evaluation.inspect import inspect
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.inference import sampling
from gram_pyro.inference.config import AUTO, AUTO_HALT, INDEPENDENT, SEARCH_HALT, Halt, SamplingConfig
from gram_pyro.inference.judge import Judged, judge
from gram_pyro.inference.sampling import halting, sample
from gram_pyro.inference.selection import SELECTIONS, select
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.models.trm import Trm
from gram_pyro.reasoner import Reasoner, Samples
from gram_pyro.runs.store import Run
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.coloring.task import Coloring
from gram_pyro.tasks.sudoku.task import Sudoku, relations_of

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


class Fickle(Heads):
    """Heads that change their mind from step to step."""

    def forward(self, high: Tensor, problems: Problems) -> HeadLogits:
        sure = (200 * high[:, 0, 0]).sin()
        return HeadLogits(sure, sure, torch.zeros_like(sure))


@pytest.mark.parametrize("halt", ["simple", "q"])
@pytest.mark.parametrize("patience", [1, 2, 4])
def test_halting_waits_for_so_many_sure_steps_in_a_row(halt: Halt, patience: int) -> None:
    """By hand, with a model that draws nothing, so that a trajectory goes the same way whoever has halted."""
    steps, heads = 10, Fickle(TASK.spec, MODEL)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1, guidance=False))
    x = TASK.encode(TASK.generate("test", 30, 0))
    torch.manual_seed(0)
    state, sure = model.initial_state(*x.tokens.shape).map(torch.randn_like), []
    for _ in range(steps):
        state = model(x, steps=1, state=state, supervise="none").state
        sure.append(heads(state.high, x).halt > 0)
    expected = [steps] * len(x.tokens)
    for row, wishes in enumerate(torch.stack(sure).T.tolist()):
        for step in range(steps, patience - 1, -1):
            if all(wishes[step - patience : step]):
                expected[row] = step
    method = SamplingConfig(halt=halt, halt_patience=patience, random_start=True)
    assert sample(model, x, 1, [steps], 0, method=method, heads=heads).spent.flatten().tolist() == expected
    assert len({*expected}) > 2


def test_auto_halts_where_there_are_heads_and_nothing_else_acts_on_trajectories() -> None:
    assert AUTO.resolved(MODEL, HEADS) == SamplingConfig(**AUTO_HALT)
    plain = AUTO.resolved(MODEL, None)
    assert plain == INDEPENDENT and INDEPENDENT.resolved(MODEL, HEADS) == INDEPENDENT
    for other in ({"repel": 1.0}, {"resample": True}, {"noise": 1.0}, {"random_start": True}):
        assert SamplingConfig(halt="auto", **other).resolved(MODEL, HEADS) == SamplingConfig(**other)
    drawn = [sample(MODEL, X, 3, [20], 7, method=method, heads=HEADS) for method in (AUTO, SamplingConfig(**AUTO_HALT))]
    assert torch.equal(drawn[0].decoded, drawn[1].decoded) and torch.equal(drawn[0].spent, drawn[1].spent)
    assert drawn[0].spent.min() < 20


def test_auto_halts_a_search_where_it_settles() -> None:
    searching, annealed = (Gram(TASK.spec, GramConfig(width=16, draft=draft)) for draft in ("constant", "cosine"))
    for heads in (None, HEADS):
        assert AUTO.resolved(searching, heads) == SamplingConfig(**SEARCH_HALT)
        assert AUTO.resolved(annealed, heads) == INDEPENDENT
    assert SamplingConfig(halt="auto", noise=1.0).resolved(searching, None) == SamplingConfig(noise=1.0)
    steps = [Reasoner.of(TASK, model, depth=3).steps for model in (searching, annealed, MODEL)]
    assert steps == [48, 3, 12]


METHODS = [
    *(SamplingConfig(), SamplingConfig(halt="simple"), SamplingConfig(halt="q", halt_patience=2)),
    *(SamplingConfig(repel=1.0, repel_steps=3), SamplingConfig(resample=True), SamplingConfig(categorical=True)),
    *(SamplingConfig(noise=0.5), SamplingConfig(random_start=True)),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("positions", [20, 1000])
def test_progress_changes_nothing_and_ends_at_all_steps(
    method: SamplingConfig, positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "CPU_POSITIONS", positions)
    plain = sample(MODEL, X, 3, [2, 6], 7, method=method, heads=HEADS)
    done: list[int] = []
    seen = sample(MODEL, X, 3, [2, 6], 7, method=method, heads=HEADS, progress=done.append)
    assert sum(done) == 6 * 12 and len(done) >= (6 if method.halt == "never" else 2)
    for one, other in zip(plain, seen, strict=True):
        assert one is other is None or torch.equal(one, other)


def test_progress_of_a_model_that_draws_nothing_counts_all_samples() -> None:
    done: list[int] = []
    model = Trm(TASK.spec, Trm.Config(width=16, heads=2, layers=1, hidden=16, refinements=1))
    sample(model, X, 5, [3], 0, progress=done.append)
    assert sum(done) == 4 * 5 * 3


# Calls from Python


RUN = Run("tiny", TASK, MODEL, GaussianGuide(TASK.spec, MODEL), 4, torch.device("cpu"), HEADS)
REASONER = Reasoner(RUN)
PROBLEM = TASK.generate("test", 1, 1)[0]


def test_threads_get_the_answers_of_one_thread() -> None:
    """Beside each other: samples, repelled samples (gradients), a look inside."""
    state = torch.get_rng_state()

    def ask(number: int) -> Samples | list[Any]:
        if number % 3 == 2:
            seen = inspect(RUN, PROBLEM, steps=2, samples=2, draws=2, seed=number)
            return [seen.prior.high.tolist(), seen.posterior.high.tolist(), seen.divergence.nats.tolist()]
        method = SamplingConfig(repel=1.0, repel_steps=2) if number % 3 else AUTO
        return REASONER.sample(PROBLEM, 4, 4, number, method=method)

    alone = [ask(number) for number in range(20)]
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(ask, range(20))] == alone
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, torch.tensor])
def test_numbers_of_any_integer_type(kind: Any) -> None:
    assert REASONER.sample(PROBLEM, kind(3), kind(2), kind(5)) == REASONER.sample(PROBLEM, 3, 2, 5)


@pytest.mark.parametrize("wrong", [True, False, np.True_, 2.0, np.float64(2), "2", None, 0, -1, 10**7])
@pytest.mark.parametrize("name", ["num_samples", "steps"])
def test_what_is_no_number_is_refused(wrong: Any, name: str) -> None:
    if (name, wrong) == ("steps", None):
        return
    with pytest.raises(UserError, match=r"must be a whole number from 1 to 1,000,000, not "):
        REASONER.sample(PROBLEM, **{name: wrong})


def test_a_look_inside_and_an_evaluation_take_the_same_numbers() -> None:
    seen = inspect(RUN, PROBLEM, steps=np.int64(2), samples=np.int32(2), draws=np.uint8(2), seed=np.int64(1))
    assert seen.prior.high.shape[:2] == (2, 2)
    measured = REASONER.evaluate(np.int64(2), samples=[1], steps=[1], bound=False)
    assert (measured["problems"], measured["data_seed"]) == (2, 7)
    for wrong in ({"steps": 0}, {"samples": True}, {"draws": 1.5}, {"seed": -1}):
        with pytest.raises(UserError, match="must be a whole number"):
            inspect(RUN, PROBLEM, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_inference_mode_changes_nothing(method: SamplingConfig) -> None:
    outside = REASONER.sample(PROBLEM, 4, 4, method=method)
    with torch.inference_mode():
        inside = REASONER.sample(PROBLEM, 4, 4, method=method)
        drawn = sample(MODEL, TASK.encode([PROBLEM]), 4, [16], 0, method=method, heads=HEADS)
    assert inside == outside
    assert torch.equal(
        drawn.decoded, sample(MODEL, TASK.encode([PROBLEM]), 4, [16], 0, method=method, heads=HEADS).decoded
    )


def test_nothing_of_inference_mode_is_kept() -> None:
    """Relations of a grid are made once; made in inference mode, they could not take part in a training later."""
    task = Sudoku(box=2)
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1))
    relations_of.cache_clear()
    with torch.inference_mode():
        Reasoner(Run("tiny", task, model, GaussianGuide(task.spec, model), 1, torch.device("cpu"))).sample("." * 16, 1)
    assert not relations_of(2).is_inference()


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
    x = X.select(torch.arange(4).repeat_interleave(5))
    torch.manual_seed(2)
    plain = pyro.poutine.trace(MODEL).get_trace(x, steps=1, supervise="last")
    torch.manual_seed(2)
    handler = sampling.RepelMessenger(MODEL.decode, TASK.equivalence_probs, 5, method.repel, method.repel_iterations)
    with handler:
        pushed = pyro.poutine.trace(MODEL).get_trace(x, steps=1, supervise="last")
    scale = plain.nodes[names[0]]["fn"].base_dist.scale
    moved = ((pushed.nodes[names[0]]["value"] - plain.nodes[names[0]]["value"]) / scale).flatten(1).norm(dim=1)
    assert torch.equal(pushed.nodes[names[1]]["value"], plain.nodes[names[1]]["value"])
    assert moved.max() <= 1.5 + 1e-4 and moved.min() > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"halt": "soon"}, "auto, never, simple, q or settled"),
        ({"halt_patience": 0}, "halt_patience"),
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
    assert chosen["majority"] == max(range(len(same)), key=lambda place: (same.count(same[place]), -place))
    assert values[chosen["value"]] == max(values) and violations[chosen["checker"]] == min(violations)


def test_selection_needs_what_it_selects_by() -> None:
    with pytest.raises(UserError, match="has none"):
        select("value", judge(TASK, nx.path_graph(2), [[0, 1]]), None)
    with pytest.raises(UserError, match="known are first, majority, value, checker"):
        select("best", judge(TASK, nx.path_graph(2), [[0, 1]]), None)


@pytest.mark.parametrize("patience", [1, 3])
def test_trajectories_halt_where_their_answer_settles(patience: int) -> None:
    """They end with an answer that had not changed for so many steps, at the first place where that is so."""
    torch.manual_seed(0)
    task = Coloring(n=6)
    model = Gram(task.spec, GramConfig(width=16, heads=2))
    x = task.encode(task.generate("test", 8, 0))
    method = SamplingConfig(halt="settled", halt_patience=patience)
    steps = list(range(1, 25))
    halted = sample(model, x, 1, steps, 3, method=method)
    spent, decoded = halted.spent[-1, :, 0], halted.decoded[:, :, 0]
    assert len({*spent.tolist()}) > 1
    for row, end in enumerate(spent.tolist()):
        answers = [tuple(answer) for answer in decoded[:end, row].tolist()]
        runs = [len({*answers[at - patience : at + 1]}) == 1 for at in range(patience, end)]
        assert runs[-1] == (end < 24 or runs[-1]) and not any(runs[:-1])
        assert (decoded[end - 1 :, row] == decoded[end - 1, row]).all()
    with pytest.raises(UserError, match="planned to the last step"):
        annealed = Gram(task.spec, GramConfig(width=16, heads=2, draft="cosine"))
        sample(annealed, x, 1, [4], 3, method=method)
