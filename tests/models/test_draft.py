"""The draft channel: its KL, its schedules, and a Bayesian flow network written by hand."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import kl_divergence

from gram_pyro.errors import UserError
from gram_pyro.guides import DiffusionGuide, GaussianGuide, PriorGuide
from gram_pyro.inference.sampling import sample
from gram_pyro.models import Fields, Gram, GramConfig
from gram_pyro.models.base import Phase
from gram_pyro.models.draft import ACCURACY, SCHEDULES, Draft, Look, Schedule, Times, cosine, diffusion, flow, pinned
from gram_pyro.models.fields import FieldsConfig
from gram_pyro.models.gram import Memory
from gram_pyro.models.sites import sites_of
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO, traces_of
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.tasks import Coloring, Problems, Spec, Sudoku
from gram_pyro.testing import check_model

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples"))

from bayesian_flow import BayesianFlow

C = 9
SPEC = Spec(1, (0,) * C)


def cells(batch: int, length: int = 1) -> Problems:
    """Problems that say nothing."""
    return Problems(torch.zeros(batch, length, dtype=torch.long))


def bayes(schedule: Schedule = "flow", receiver: str = "mean") -> BayesianFlow:
    config = GramConfig(core="flat", guidance=False, draft=schedule, receiver=receiver, memory="alone")  # type: ignore[arg-type]
    return BayesianFlow(SPEC, config)


def held() -> Gram:
    """A network whose noise does not fade."""
    return Gram(SPEC, GramConfig(width=8, heads=1, hidden=8, guidance=False, draft="constant"))


MEMORY = GramConfig(width=8, heads=1, hidden=8, layers=1, core="flat", draft="flow", guidance=False, memory="alone")


def run(model: Any, y: Tensor, steps: int, objective: TruncatedTrace_ELBO | None = None) -> Any:
    """The ELBO's terms under drafts of y."""
    objective = objective or TruncatedTrace_ELBO(None)
    with torch.no_grad():
        x = cells(*y.shape)
        return objective.terms(model, DiffusionGuide(SPEC, model), x, y, steps=steps, supervise="last")


def drafts_of(terms: Any) -> list[Tensor]:
    return [site["value"] for _, site in sites_of(terms.trace.nodes, "draft")]


def alphas(n: int) -> Tensor:
    """Accuracies of a Bayesian flow network's n looks, `beta_1 (2 i - 1) / n^2`."""
    return ACCURACY / C * (2 * torch.arange(1, n + 1) - 1) / n**2


def predictions(drafts: list[Tensor], n: int) -> list[Tensor]:
    """Probabilities before each look, by Bayes' rule on independent uniform values, written out from densities."""
    logits, found = torch.zeros_like(drafts[0]), []
    for draft, alpha in zip(drafts, alphas(n), strict=True):
        found.append(logits.softmax(-1))
        precision = C * alpha
        a, b = (precision / (1 + precision)).sqrt(), (1 / (1 + precision)).sqrt()
        names = a * torch.eye(C)
        logits = logits - (draft[..., None, :] - names).square().sum(-1) / (2 * b**2)
    return found


@given(st.integers(2, 6), st.floats(0.01, 0.99), st.integers(0, 2**20))
def test_kl_of_a_draft(classes: int, time: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(3, 4, classes, generator=generator).softmax(-1)
    y = torch.randint(classes, (3, 4), generator=generator)
    a = torch.full((3, 1, 1), math.sin(time * math.pi / 2))
    b = torch.full((3, 1, 1), math.cos(time * math.pi / 2))
    prior = Draft("cosine", "mean").prior(prediction, a, b)
    found = kl_divergence(diffusion(Look(a, b, prediction), y), prior)
    squared = (F.one_hot(y, classes) - prediction).square().sum((1, 2))
    torch.testing.assert_close(found, (a**2 / (2 * b**2)).flatten() * squared, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("levels", [cosine, flow])
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_schedules(levels: Any, n: int) -> None:
    a, b = levels(torch.arange(n), torch.tensor(n))
    torch.testing.assert_close(a**2 + b**2, torch.ones(n))
    assert (a.diff() > 0).all() and (a > 0).all() and (b > 0).all()
    after = levels(torch.tensor([n, n + 5]), torch.tensor(n))
    torch.testing.assert_close(torch.stack(after), torch.stack((a, b))[:, -1:].expand(-1, 2))
    if levels is flow:
        assert (a / b).square().sum() == pytest.approx(ACCURACY, rel=1e-4)
        torch.testing.assert_close((a / b).square(), C * alphas(n))


@pytest.mark.parametrize("n", [1, 2, 64])
@pytest.mark.parametrize("times", [(0.1, 0.4), (0.2, 0.2)])
def test_cosine_runs_between_its_times(times: Times, n: int) -> None:
    model = Gram(SPEC, GramConfig(draft="cosine", draft_times=times))
    assert model.draft is not None
    phases = [Phase(torch.tensor([step]), torch.tensor([n]), torch.tensor([0])) for step in (0, n - 1, n + 3)]
    found = [math.asin(model.draft.levels_at(1, phase)[0].item()) / (math.pi / 2) for phase in phases]
    last = times[1] if n > 1 else times[0]
    assert found == pytest.approx([times[0], last, last], rel=1e-5)


def test_a_cell_that_learns_nothing_in_closed_form() -> None:
    """One cell, probabilities that stay uniform: each look costs a^2 / (2 b^2) (1 - 1 / C), the answer log C."""
    model = bayes("cosine")
    model.draft.evidence = lambda t, phase, draft: torch.zeros_like(draft)  # type: ignore[union-attr, method-assign]
    terms = run(model, torch.tensor([[3]]), 8)
    a, b = cosine(torch.arange(8), torch.tensor(8))
    expected = a**2 / (2 * b**2) * (1 - 1 / C)
    torch.testing.assert_close(terms.draft_kl[:, 0], expected)
    assert terms.loss.item() == pytest.approx(expected.sum().item() + math.log(C), rel=1e-5)


@pytest.mark.parametrize("n", [1, 8, 50])
def test_mean_receiver_is_the_continuous_loss_of_a_bayesian_flow_network(n: int) -> None:
    torch.manual_seed(0)
    y = torch.randint(C, (6, 3))
    terms = run(bayes(), y, n)
    before = predictions(drafts_of(terms), n)
    squared = torch.stack([(F.one_hot(y, C) - p).square().sum((1, 2)) for p in before])
    torch.testing.assert_close(terms.draft_kl, C * alphas(n)[:, None] / 2 * squared, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n", [1, 8, 50])
def test_mixture_receiver_is_its_discrete_loss(n: int) -> None:
    """On the same draws: log of the sender's density over that of the receiver, a mixture over the values."""
    torch.manual_seed(0)
    y = torch.randint(C, (6, 3))
    terms = run(bayes(receiver="mixture"), y, n, ImportanceELBO(None, particles=1))
    drafts = drafts_of(terms)
    for found, draft, p, alpha in zip(terms.draft_kl, drafts, predictions(drafts, n), alphas(n), strict=True):
        precision = C * alpha
        a, b = (precision / (1 + precision)).sqrt(), (1 / (1 + precision)).sqrt()
        densities = -(draft[..., None, :] - a * torch.eye(C)).square().sum(-1) / (2 * b**2)  # (b l values)
        sender = densities.gather(-1, y[..., None])[..., 0]
        receiver = (densities + p.log()).logsumexp(-1)
        torch.testing.assert_close(found, (sender - receiver).sum(1), rtol=1e-3, atol=1e-3)


def test_receivers_meet_in_the_limit_of_many_looks() -> None:
    """On the same draws the mixture costs less, by less and less."""
    y = torch.arange(450)[:, None] % C
    gaps = []
    for n in (10, 100, 1000):
        costs = []
        for receiver in ("mean", "mixture"):
            torch.manual_seed(0)
            costs.append(run(bayes(receiver=receiver), y, n, ImportanceELBO(None, particles=1)).draft_kl.sum(0).mean())
        gaps.append((costs[0] - costs[1]).item())
    assert gaps[0] > 3 * gaps[1] > 9 * abs(gaps[2])


def test_bounds_are_in_order() -> None:
    """-ELBO, the importance-weighted bound and -log p: by symmetry p(y) = 1 / C."""
    torch.manual_seed(0)
    y = torch.randint(C, (1000, 1))
    bounds = [run(bayes(), y, 16, ImportanceELBO(None, particles=k)).loss.item() / len(y) for k in (1, 8, 128)]
    assert bounds[0] > bounds[1] + 0.05 > bounds[2] + 0.05
    assert bounds[2] == pytest.approx(math.log(C), abs=0.05) and bounds[2] > math.log(C) - 0.03


def test_pins_stay_clean_and_cost_nothing() -> None:
    torch.manual_seed(0)
    y = torch.randint(C, (4, 3))
    pins = y.where(torch.tensor([True, False, True]), -1)
    x = cells(4, 3)._replace(pins=pins)
    model, seen = bayes("cosine"), []
    draw = model.draft.draw  # type: ignore[union-attr]
    model.draft.draw = lambda *args: seen.append(draw(*args)) or seen[-1]  # type: ignore[union-attr, method-assign, func-returns-value]
    free = TruncatedTrace_ELBO(None).terms(model, DiffusionGuide(SPEC, model), x, y, steps=5).draft_kl
    alone = run(bayes("cosine"), y[:, 1:2], 5).draft_kl
    assert free[0].mean() == pytest.approx(alone[0].mean().item(), rel=1e-4)
    for look in seen:
        torch.testing.assert_close(look[:, [0, 2]], F.one_hot(y, C).float()[:, [0, 2]])
        assert (look[:, 1] != F.one_hot(y, C)[:, 1]).all()


def test_pinned() -> None:
    values = torch.full((1, 3, 2), 0.5)
    assert pinned(values, None) is values
    assert pinned(values, torch.tensor([[0, -1, 1]])).tolist() == [[[1, 0], [0.5, 0.5], [0, 1]]]


SMALL = FieldsConfig(width=8, hidden=16, refinements=2)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("receiver", ["mean", "mixture"])
@pytest.mark.parametrize("guidance", [True, False])
def test_models_with_drafts_keep_the_contract(schedule: Schedule, receiver: str, guidance: bool) -> None:
    own: dict[str, Any] = {"draft": schedule, "receiver": receiver, "guidance": guidance}

    def make(kind: Callable[..., Gram], config: GramConfig) -> Callable[[Spec], Gram]:
        def made(spec: Spec) -> Gram:
            model = kind(spec, config)
            model.guide = "gaussian" if guidance else "diffusion"  # type: ignore[misc]
            return model

        return made

    check_model(make(Gram, GramConfig(width=16, **own)), Coloring(n=5))
    check_model(make(Fields, FieldsConfig(width=8, hidden=16, **own)), Coloring(n=5))


@pytest.mark.parametrize("transitions", [1, 2])
def test_a_run_goes_on_in_its_phase(transitions: int) -> None:
    """Two updates of two transitions each see the levels of four."""
    task = Coloring(n=5)
    config = FieldsConfig(width=8, hidden=16, guidance=False, draft="cosine", transitions=transitions)
    model = Fields(task.spec, config)
    x = task.encode(task.generate("train", 3, 0))
    y = torch.stack([task.targets(problem)[0] for problem in task.generate("train", 3, 0)])
    order = torch.zeros_like(y)
    state = model.initial_state(3, 5)._replace(phase=Phase(torch.tensor([0, 2, 0]), torch.tensor([4, 4, 9]), order))
    found = []
    for _ in range(2):
        trace, guide_trace = traces_of(DiffusionGuide(task.spec, model), x, y, steps=2 // transitions, state=state)
        found += [site["infer"]["look"].a.flatten() for _, site in sites_of(guide_trace.nodes, "draft")]
        state = trace.nodes["_RETURN"]["value"].state
    expected = [cosine(torch.tensor([k, k + 2, k]), torch.tensor([4, 4, 9]))[0] for k in range(4)]
    torch.testing.assert_close(torch.stack(found), torch.stack(expected))
    assert state.phase.step.tolist() == [4, 6, 4]


def test_a_constant_schedule_samples_from_noise_alone() -> None:
    """What its prior draws does not depend on the depth, so that a trajectory goes on; an annealed one is planned."""
    task = Coloring(n=5)
    x = task.encode(task.generate("train", 2, 0))
    held, annealed = (Fields(task.spec, FieldsConfig(width=8, draft=draft)) for draft in ("constant", "cosine"))  # type: ignore[arg-type]
    assert held.recursion == "carried" and annealed.recursion == "planned" and annealed.carries
    kinds = [torch.randn(2, 5, 3) for _ in range(2)]
    prior = [Draft("constant", "mean").draw(1, 1, Phase.start(torch.ones(2), 5), logits, None) for logits in kinds]
    assert all(each.std() < 1.5 for each in prior)
    both = sample(annealed, x, 3, [2, 5], 0)
    alone = sample(annealed, x, 3, [5], 0)
    assert both.decoded.shape == (2, 2, 3, 5) and both.spent[1].eq(5).all() and alone.decoded.shape == (1, 2, 3, 5)


def test_the_prior_as_a_guide_costs_nothing() -> None:
    model = held()
    y = torch.zeros(3, 1).long()
    with torch.no_grad():
        terms = TruncatedTrace_ELBO(None).terms(model, PriorGuide(SPEC, model), cells(3), y, steps=4)
    assert terms.draft_kl.shape == (4, 3) and (terms.draft_kl == 0).all()


def test_weight_of_drafts() -> None:
    torch.manual_seed(0)
    y = torch.randint(C, (5, 2))
    torch.manual_seed(1)
    whole = run(bayes(), y, 4, TruncatedTrace_ELBO(None, beta=7.0))
    torch.manual_seed(1)
    half = run(bayes(), y, 4, TruncatedTrace_ELBO(None, draft_weight=0.5))
    torch.manual_seed(1)
    none = run(bayes(), y, 4, TruncatedTrace_ELBO(None, draft_weight=0.0))
    assert len(none.draft_kl) == 0 and none.loss == -none.log_likelihood.sum()
    torch.testing.assert_close(whole.loss - none.loss, whole.draft_kl.sum())
    torch.testing.assert_close(half.loss - none.loss, whole.draft_kl.sum() / 2)


def test_drafts_have_their_posterior_beside_a_learned_one() -> None:
    task = Sudoku(box=2)
    model = Fields(task.spec, FieldsConfig(width=8, hidden=16, draft="cosine"))
    problems = task.generate("train", 3, 0)
    y = torch.stack([task.targets(problem)[0] for problem in problems])
    y[2] = -1
    terms = TruncatedTrace_ELBO(None).terms(model, GaussianGuide(task.spec, model), task.encode(problems), y, steps=3)
    assert terms.kl.shape == terms.draft_kl.shape == (3, 3)
    assert (terms.draft_kl[:, :2] > 0).all() and (terms.draft_kl[:, 2] == 0).all()


def test_what_cannot_be() -> None:
    with pytest.raises(UserError, match=r"steers drafts, and the model draws none; add --model\.draft cosine"):
        DiffusionGuide(SPEC, Gram(SPEC))
    with pytest.raises(UserError, match="draft must be none, cosine, flow or constant"):
        Gram(SPEC, GramConfig(draft="linear"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="receiver"):
        Gram(SPEC, GramConfig(draft="flow", receiver="median"))  # type: ignore[arg-type]
    for times in ((0.0, 0.5), (0.5, 1.0), (0.4, 0.2)):
        with pytest.raises(UserError, match="times of drafts lie between 0 and 1, the first before the last"):
            Gram(SPEC, GramConfig(draft="cosine", draft_times=times))
    with pytest.raises(UserError, match="drafts of the schedule flow have no times"):
        Gram(SPEC, GramConfig(draft="flow", draft_times=(0.1, 0.4)))
    for config in ({"draft": "flow"}, {"core": "flat"}, {"core": "flat", "draft": "constant"}):
        with pytest.raises(UserError, match=r"memory needs model\.core flat, and model\.draft cosine or flow"):
            GramConfig(memory="alone", **config)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"memory must be none, beside or alone, not 'all'"):
        GramConfig(memory="all")  # type: ignore[arg-type]


@pytest.mark.parametrize("memory", ["beside", "alone"])
def test_memory_is_what_all_drafts_say_together(memory: Memory) -> None:
    """After n looks at once, or in two runs of which the second goes on: the sum of their evidence, pins aside."""
    torch.manual_seed(0)
    task = Sudoku(box=2)
    config = FieldsConfig(width=8, hidden=16, draft="flow", guidance=False, memory=memory)
    model = Fields(task.spec, config)
    problem = task.generate("train", 1, 0)
    y, x = task.targets(problem[0])[:1], task.encode(problem)
    free = x.pins < 0  # type: ignore[operator]
    terms = TruncatedTrace_ELBO(None).terms(model, DiffusionGuide(task.spec, model), x, y, steps=6)
    a, b = flow(torch.arange(6), torch.tensor(6))
    said = sum(a[i] / b[i] ** 2 * draft for i, draft in enumerate(drafts_of(terms)))
    torch.testing.assert_close(terms.outcome.state.low[free], said[free], rtol=1e-4, atol=1e-4)  # type: ignore[index]
    phase = Phase.start(torch.tensor([6]), 16)
    halfway = model(x, steps=2, state=model.initial_state(1, 16)._replace(phase=phase)).state
    torch.manual_seed(1)
    whole = model(x, steps=4, state=halfway).state
    torch.manual_seed(1)
    half = model(x, steps=2, state=halfway).state
    parts = model(x, steps=2, state=half).state
    torch.testing.assert_close(parts.low, whole.low)
    torch.testing.assert_close(parts.high, whole.high)
    ends = []
    for high in (halfway.high, torch.randn_like(halfway.high)):
        torch.manual_seed(1)
        guide, state = DiffusionGuide(task.spec, model), halfway._replace(high=high)
        ends.append(TruncatedTrace_ELBO(None).terms(model, guide, x, y, steps=2, state=state).outcome.state)
    assert torch.equal(ends[0].low, ends[1].low) and torch.equal(ends[0].high, ends[1].high) == (memory == "alone")


@pytest.mark.parametrize("levels", ["flow", "cosine"])
def test_a_jump_draws_what_a_walk_leads_to(levels: Schedule) -> None:
    """Mean and variance of the memory after 3 of 5 looks and 5 of 8, and none of 4: those of many walks."""
    torch.manual_seed(0)
    model = bayes(levels)
    totals, steps = torch.tensor([5, 8, 4]), torch.tensor([3, 5, 0])
    y = torch.tensor([[2, 0], [1, 1], [4, 8]])
    walks = []
    for total, count, row in zip(totals, steps, y, strict=True):
        many = row.expand(4000, -1)
        state = model.initial_state(4000, 2)._replace(phase=Phase.start(total.expand(4000), 2))
        if count:
            guide = DiffusionGuide(SPEC, model)
            run_kwargs = {"steps": int(count), "state": state, "supervise": "none"}
            state = TruncatedTrace_ELBO(None).terms(model, guide, cells(4000, 2), many, **run_kwargs).outcome.state
        walks.append(state.low)
    phase = Phase(steps, totals, torch.zeros(3, 2).long())
    jumps = [
        model.jump(model.initial_state(3, 2)._replace(phase=phase), y, torch.randn(3, 2, C)).low for _ in range(4000)
    ]
    walked, jumped = torch.stack(walks), torch.stack(jumps, 1)
    scale = walked.std(1).clamp(min=1e-6)
    assert ((walked.mean(1) - jumped.mean(1)) / scale).abs().max() < 0.12
    torch.testing.assert_close(walked.std(1), jumped.std(1), rtol=0.08, atol=1e-5)
    assert jumped[2].abs().max() == 0


def test_a_fresh_run_with_memory_looks_before_its_first_draft() -> None:
    """y_hat of the first draft is the network's guess without any, not the decoder's of the start of h."""
    torch.manual_seed(0)
    model = Gram(SPEC._replace(vocabulary=4), MEMORY)
    x = Problems(torch.arange(4)[None])
    terms = TruncatedTrace_ELBO(None).terms(model, DiffusionGuide(SPEC, model), x, torch.zeros(1, 4).long(), steps=1)
    with torch.no_grad():
        here = model.remembered(model.embed(x), model.initial_state(1, 4), None)
        guess = model.decode(model.propose(model.initial_state(1, 4), here, None)[0]).softmax(-1)
    a, b = flow(torch.tensor([0]), torch.tensor([1]))
    squared = (F.one_hot(torch.zeros(1, 4).long(), C) - guess).square().sum()
    torch.testing.assert_close(terms.draft_kl[0], a**2 / (2 * b**2) * squared)


def test_noise_that_is_held_teaches_in_training_alone() -> None:
    """The bound of a trained model is that of its samples: E log p(y | h) over the prior, drafts of noise included."""
    y = torch.zeros(3, 1).long()
    model = held()
    assert (run(model, y, 4).draft_kl > 0).all()
    model.eval()
    assert (run(model, y, 4).draft_kl == 0).all()
    assert (run(bayes("cosine").eval(), y, 4).draft_kl > 0).all()
