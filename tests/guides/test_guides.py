"""What every guide promises, whichever posterior it is."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import networkx as nx
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine
from pyro.distributions import TorchDistribution
from pyro.poutine.messenger import Messenger
from torch import Tensor, nn
from torch.distributions import kl_divergence

from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.errors import UserError
from gram_pyro.guides import (
    GUIDES,
    DiffusionGuide,
    EmptyGuide,
    EncoderGuide,
    FieldsGuide,
    FlowGuide,
    ForwardGuide,
    GaussianGuide,
    Guide,
    LookaheadGuide,
    LowRankGuide,
    MeanOnlyGuide,
    PriorGuide,
    RelationalGuide,
    RevealedGuide,
    ScaleOnlyGuide,
    SolutionSetGuide,
)
from gram_pyro.guides.lookahead import LOOKAHEAD
from gram_pyro.guides.solution_set import votes
from gram_pyro.models.base import State
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.sites import mark
from gram_pyro.objectives.elbo import Terms, TruncatedTrace_ELBO
from gram_pyro.tasks import Coloring, NQueens, Problems, Task
from gram_pyro.testing import check_guide

TASK = Coloring()
STEERING = [
    kind
    for kind in GUIDES.values()
    if kind not in (EmptyGuide, FieldsGuide, DiffusionGuide, EncoderGuide, ForwardGuide)
]
LEARNED = [kind for kind in STEERING if kind is not PriorGuide]
PROBLEMS = TASK.encode([nx.gnp_random_graph(5, 0.5, seed=seed) for seed in range(3)])
TARGETS = torch.tensor([[0, 1, 2, 0, 1], [0, 0, 1, 1, 2], [2, 1, 0, 2, -1]])
MIXED = TARGETS.where(torch.tensor([[True], [False], [True]]), -1)
"""The same, the second problem without an answer."""
over_guides = pytest.mark.parametrize("kind", STEERING)


def pair(kind: type[Guide], seed: int = 0, spread: float = 0.0, core: str = "hierarchical") -> tuple[Gram, Guide]:
    """Model and guide of two transitions; `spread` moves the guide's parameters from where they start."""
    torch.manual_seed(seed)
    config = GramConfig(width=16, heads=2, layers=1, hidden=16, transitions=2, core=core)  # type: ignore[arg-type]
    model = Gram(TASK.spec, config)
    guide = kind(TASK.spec, model)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return model, guide


def terms(model: Gram, guide: Guide, targets: Tensor | None = TARGETS, seed: int = 1) -> Terms:
    torch.manual_seed(seed)
    return TruncatedTrace_ELBO(None).terms(model, guide, PROBLEMS, targets, steps=2)


def seen_by(posterior: TorchDistribution) -> Tensor:
    """A draw from fixed noise: it moves with everything of the posterior that the answer moves."""
    torch.manual_seed(5)
    draw: Tensor = posterior.rsample()
    return draw


def divergence(posterior: TorchDistribution, prior: TorchDistribution) -> Tensor:
    """KL(q || p) `(batch,)`, from a thousand draws where there is no closed form."""
    try:
        return kl_divergence(posterior, prior)
    except NotImplementedError:
        torch.manual_seed(5)
        value = posterior.rsample(torch.Size([1000]))
        return (posterior.log_prob(value) - prior.log_prob(value)).mean(0)


def posteriors(guide: Guide, targets: Tensor | None) -> dict[str, tuple[TorchDistribution, TorchDistribution]]:
    """What `get_posterior` returns at each site, with the prior of that site."""
    asked = {}

    def record(name: str, prior: TorchDistribution) -> TorchDistribution:
        asked[name] = (type(guide).get_posterior(guide, name, prior), prior)
        return asked[name][0]

    guide.get_posterior = record  # type: ignore[method-assign]
    torch.manual_seed(1)
    guide(PROBLEMS, targets, steps=2)
    del guide.get_posterior
    return asked


@over_guides
def test_a_guide_prints_itself(kind: type[Guide]) -> None:
    _, guide = pair(kind)
    assert repr(guide).startswith(f"{kind.__name__}(")
    assert all(name in repr(guide) for name, _ in guide.named_children())


@over_guides
@pytest.mark.parametrize("task", [TASK, NQueens(n=5)], ids=lambda task: task.name)
def test_the_contract_is_kept(kind: type[Guide], task: Task) -> None:
    check_guide(kind, task)


@over_guides
@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), spread=st.floats(0, 2))
def test_kl_is_never_negative_and_gradients_are_finite(kind: type[Guide], seed: int, spread: float) -> None:
    model, guide = pair(kind, seed, spread)
    found = terms(model, guide, seed=seed)
    assert found.kl.shape == (4, 3) and found.kl.isfinite().all()
    assert not kind.closed_form or (found.kl >= -1e-4).all()
    found.loss.backward()
    for parameter in [*model.parameters(), *guide.parameters()]:
        assert parameter.grad is None or parameter.grad.isfinite().all()


@over_guides
def test_a_fresh_guide_starts_as_the_prior(kind: type[Guide]) -> None:
    for posterior, prior in posteriors(pair(kind)[1], TARGETS).values():
        apart = 1e-6 if kind.closed_form else 0.2
        torch.testing.assert_close(divergence(posterior, prior), torch.zeros(3), rtol=0, atol=apart)


@over_guides
def test_without_targets_the_guide_runs_the_prior(kind: type[Guide]) -> None:
    """Its `get_posterior` is not called at all."""
    model, guide = pair(kind, spread=0.5)
    assert posteriors(guide, None) == {}
    model_trace, guide_trace = guide.get_traces()
    assert all(site["fn"] is model_trace.nodes[name]["fn"] for name, site in guide_trace.nodes.items())
    torch.manual_seed(1)
    alone = poutine.trace(model).get_trace(PROBLEMS, steps=2, supervise="last").nodes["guidance_1"]["value"]
    torch.manual_seed(1)
    assert torch.equal(guide(PROBLEMS, None, steps=2, supervise="last")["guidance_1"], alone)
    torch.manual_seed(1)
    assert torch.equal(guide(PROBLEMS, targets=None, steps=2, supervise="last")["guidance_1"], alone)


@pytest.mark.parametrize("kind", LEARNED)
def test_a_learned_guide_sees_the_answer_and_the_model_does_not(kind: type[Guide]) -> None:
    _, guide = pair(kind, spread=0.5)
    here, there = posteriors(guide, TARGETS), posteriors(guide, TARGETS[[2, 0, 1]])
    first, second = here["guidance_1"], there["guidance_1"]
    assert torch.equal(first[1].mean, second[1].mean) and torch.equal(first[1].variance, second[1].variance)
    assert (seen_by(first[0]) - seen_by(second[0])).abs().max() > 1e-2
    draws = []
    for args, kwargs in (((PROBLEMS, TARGETS), {}), ((PROBLEMS,), {"targets": TARGETS}), ((), {"targets": TARGETS})):
        torch.manual_seed(1)
        draws.append(guide(*args, **kwargs, **({} if args else {"problems": PROBLEMS}))["guidance_1"])
    assert torch.equal(draws[0], draws[1]) and torch.equal(draws[0], draws[2])
    alike = posteriors(guide, torch.where(torch.arange(5) == 0, (TARGETS + 1) % 3, TARGETS))["guidance_1"]
    moved = (seen_by(alike[0]) - seen_by(first[0])).abs().amax((0, 2))
    assert moved[0] > 1e-2
    assert (moved[1:] < 1e-6).all() == (kind is not RelationalGuide)  # each position sees its own


@over_guides
def test_a_problem_without_an_answer_runs_under_the_prior(kind: type[Guide]) -> None:
    """Its density and its draws are the prior's, whatever `get_posterior` returns for the others."""
    model, guide = pair(kind, spread=0.5)
    torch.manual_seed(1)
    guide(PROBLEMS, MIXED, steps=2)
    model_trace, guide_trace = guide.get_traces()
    assert len(guide_trace.nodes) == 4
    for name, site in guide_trace.nodes.items():
        q, p, value = site["fn"], model_trace.nodes[name]["fn"], site["value"]
        apart = divergence(q, p)
        assert apart[1].abs() < 1e-4 and (apart[[0, 2]] > 0.1).all() == (kind in LEARNED)
        assert torch.equal(q.log_prob(value)[1], p.log_prob(value)[1])
        assert torch.equal(q.mask(site["mask"]).log_prob(value)[1], torch.zeros(()))
    found = terms(model, guide, MIXED)
    assert (found.kl[:, 1] == 0).all() and found.log_likelihood[1] == 0


@pytest.mark.parametrize("kind", LEARNED)
def test_draws_without_an_answer_are_the_priors(kind: type[Guide]) -> None:
    """Mean and spread over many equal problems, every second of them without an answer."""
    _, guide = pair(kind, spread=0.5)
    many = 4000
    x = PROBLEMS.select(torch.zeros(many, dtype=torch.long))
    targets = TARGETS[:1].repeat(many, 1)
    targets[::2] = -1
    torch.manual_seed(1)
    with torch.no_grad():
        guide(x, targets)
    model_trace, guide_trace = guide.get_traces()
    prior, value = model_trace.nodes["guidance_1"]["fn"].base_dist, guide_trace.nodes["guidance_1"]["value"]
    standard = (value - prior.loc) / prior.scale
    free, steered = standard[::2], standard[1::2]
    assert free.mean(0).abs().max() < 5 / (many / 2) ** 0.5 and (free.std(0) - 1).abs().max() < 0.1
    assert steered.mean(0).abs().max() > 0.2 or (steered.std(0) - 1).abs().max() > 0.2


class Strict(PriorGuide):
    """Looks y up in a table that has no row for -1, and notes what it sees."""

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        assert self.targets is not None
        self.seen = self.targets
        table = torch.eye(3, 16)[self.targets[:, : self.problems.answered]]
        if (self.targets[:, : self.problems.answered] < 0).any():
            raise IndexError("no row for -1")
        return dist.Normal(prior.base_dist.loc.clone(), prior.base_dist.scale).to_event(2) if table.any() else prior


def test_a_guide_never_sees_a_missing_answer() -> None:
    """Targets of problems without one are filled at the positions that an answer has."""
    _, guide = pair(Strict)
    assert isinstance(guide, Strict)
    complete = TARGETS.clamp(min=0)
    targets = complete.where(torch.tensor([[True], [False], [True]]), -1)
    guide(PROBLEMS, targets)
    assert torch.equal(guide.seen[[0, 2]], complete[[0, 2]]) and (guide.seen[1] >= 0).all()
    guide(PROBLEMS, torch.full_like(targets, -1))
    assert (guide.seen >= 0).all()
    guide(PROBLEMS._replace(answer_length=4), torch.nn.functional.pad(targets[:, :4], (0, 1), value=-1))
    assert (guide.seen[:, :4] >= 0).all() and (guide.seen[:, 4] == -1).all()
    assert guide.targets is None and guide.steered is None


def test_a_mean_of_one_problem_serves_all() -> None:
    """A posterior of batch shape (1,) is expanded, as in `pyro.poutine.GuideMessenger`."""
    _, guide = pair(PriorGuide)

    def one(name: str, prior: TorchDistribution) -> TorchDistribution:
        return dist.StudentT(9.0, prior.base_dist.loc[:1], 1.0).to_event(2)

    guide.get_posterior = one  # type: ignore[method-assign]
    guide(PROBLEMS, MIXED)
    _, guide_trace = guide.get_traces()
    posterior = guide_trace.nodes["guidance_1"]["fn"]
    assert posterior.batch_shape == (3,) and posterior.log_prob(torch.zeros(3, 5, 16)).shape == (3,)


@pytest.mark.parametrize("kind", LEARNED)
@pytest.mark.parametrize("balance", [None, 0.8])
def test_a_problem_without_an_answer_teaches_the_guide_nothing(kind: type[Guide], balance: float | None) -> None:
    """With one more free problem the posterior's gradient stays, and with free problems alone it is zero."""
    if balance is not None and not kind.closed_form:
        pytest.skip("a sampled KL cannot be balanced")
    gradients = []
    for targets, rows in ((torch.full_like(TARGETS, -1), [0, 1, 2]), (MIXED, [0, 1, 2]), (MIXED, [0, 2])):
        model, guide = pair(kind, spread=0.3)
        noise = {f"guidance_{t}": torch.randn(3, 5, 16)[rows] for t in (1, 2, 3, 4)}
        torch.manual_seed(1)
        with SubstituteMessenger(noise):
            elbo = TruncatedTrace_ELBO(None, balance=balance)
            loss = elbo.terms(model, guide, PROBLEMS.select(torch.tensor(rows)), targets[rows], steps=2).loss
        if loss.requires_grad:
            loss.backward()
        gradients.append([torch.zeros_like(p) if p.grad is None else p.grad for p in guide.parameters()])
    assert all((part == 0).all() for part in gradients[0])
    assert any((part != 0).any() for part in gradients[1])
    if kind.closed_form and kind not in (LookaheadGuide, RevealedGuide):  # others draw by themselves
        torch.testing.assert_close(gradients[1], gradients[2], rtol=1e-4, atol=1e-5)


@over_guides
def test_the_answer_reaches_the_model_only_through_the_guidance(kind: type[Guide]) -> None:
    """With the noise held, priors, states and logits are the same whatever y is, or without one."""
    model, guide = pair(kind, spread=0.5)
    noise = {f"guidance_{t}": torch.randn(3, 5, 16) for t in (1, 2, 3, 4)}
    nodes = []
    for targets in (TARGETS, TARGETS[[1, 2, 0]], None):
        with poutine.trace() as tracer, poutine.condition(data=noise):
            guide(PROBLEMS, targets, steps=2)
        nodes.append(tracer.trace.nodes)
    for name, site in nodes[0].items():
        for other in nodes[1:]:
            if name.startswith("guidance"):
                left, right = site["infer"]["prior"], other[name]["infer"]["prior"]
                assert torch.equal(site["value"], noise[name])
                assert torch.equal(left.mean, right.mean) and torch.equal(left.variance, right.variance)
            elif not name.startswith("y") and isinstance(site.get("value"), Tensor):
                assert torch.equal(site["value"], other[name]["value"])
    before = [parameter.detach().clone() for parameter in model.parameters()]
    draws = []
    for targets in (TARGETS, TARGETS[[1, 2, 0]]):
        guide(PROBLEMS, targets)
        torch.manual_seed(3)
        draws.append(model(PROBLEMS, steps=2).logits)
    assert torch.equal(*draws)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


@over_guides
def test_every_proposal_is_computed_once(kind: type[Guide], monkeypatch: pytest.MonkeyPatch) -> None:
    model, guide = pair(kind, spread=0.5)
    propose, proposals = model.propose, list[tuple[Tensor, Tensor]]()

    def count(state: State, embedded: Tensor, relations: Tensor | None) -> tuple[Tensor, Tensor]:
        proposals.append(propose(state, embedded, relations))
        return proposals[-1]

    monkeypatch.setattr(model, "propose", count)
    found = terms(model, guide)
    if kind is LookaheadGuide:
        del proposals[: 4 + 2 * LOOKAHEAD]
    assert len(proposals) == 4
    for t, proposal in enumerate(proposals, 1):
        assert torch.equal(found.trace.nodes[f"proposal_{t}"]["value"], proposal[0])


@over_guides
def test_any_size_runs(kind: type[Guide]) -> None:
    _, guide = pair(kind, spread=0.5)
    for n in (1, 9):
        batch: Problems = TASK.encode([nx.empty_graph(n)] * 2)
        assert guide(batch, torch.zeros(2, n, dtype=torch.long))["guidance_2"].shape == (2, n, 16)


@pytest.mark.parametrize(
    ("kind", "mean", "scale"),
    [(GaussianGuide, True, True), (MeanOnlyGuide, True, False), (ScaleOnlyGuide, False, True)],
)
def test_only_what_may_see_the_answer_leaves_the_prior(kind: type[Guide], mean: bool, scale: bool) -> None:
    for posterior, prior in posteriors(pair(kind, spread=0.5)[1], TARGETS).values():
        assert torch.equal(posterior.mean, prior.mean) != mean
        assert torch.equal(posterior.stddev, prior.stddev) != scale


def test_the_empty_guide_refuses_a_model_that_draws() -> None:
    _, guide = pair(EmptyGuide)
    with pytest.raises(UserError, match="Gram draws guidance_1, and the empty guide has no posterior for it"):
        guide(PROBLEMS, TARGETS)


@pytest.mark.parametrize("kind", [kind for kind in LEARNED if not kind.closed_form])
def test_a_sampled_kl_is_positive_on_average(kind: type[Guide]) -> None:
    for posterior, prior in posteriors(pair(kind, spread=0.3)[1], TARGETS).values():
        assert (divergence(posterior, prior)[:2] > 0.1).all()


@pytest.mark.parametrize("kind", [FlowGuide, LowRankGuide])
def test_densities_integrate_to_one(kind: type[Guide]) -> None:
    """E_p[q / p] = 1: fails if the log-density forgets a Jacobian or a factor."""
    torch.manual_seed(0)
    task = Coloring(n=2)
    model = Gram(task.spec, GramConfig(width=2, heads=1, layers=1, hidden=2))
    guide = kind(task.spec, model)
    for parameter in guide.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    asked = {}

    def record(name: str, prior: TorchDistribution) -> TorchDistribution:
        asked[name] = kind.get_posterior(guide, name, prior), prior
        return asked[name][0]

    guide.get_posterior = record  # type: ignore[method-assign]
    with torch.no_grad():
        guide(task.encode([nx.empty_graph(2)]), torch.tensor([[0, 1]]), steps=1)
        posterior, prior = asked["guidance_1"]
        wide = prior.base_dist
        proposal = torch.distributions.Independent(torch.distributions.Normal(wide.loc, 2.5 * wide.scale), 2)
        value = proposal.sample(torch.Size([200_000]))
        weights = (posterior.log_prob(value) - proposal.log_prob(value)).double().exp()
    error = weights.std() / len(weights) ** 0.5
    assert abs(weights.mean() - 1) < 5 * error and error < 0.05


def test_a_low_rank_density_is_as_precise_under_autocast() -> None:
    _, guide = pair(LowRankGuide, spread=0.3)
    found = []
    for on in (False, True):
        posterior, _ = posteriors(guide, TARGETS)["guidance_1"]
        value = posterior.sample()
        with torch.autocast("cpu", torch.bfloat16, enabled=on):
            found.append(posterior.log_prob(value))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("kind", [GaussianGuide, LowRankGuide, FlowGuide, RelationalGuide])
def test_a_guide_that_does_not_hold_the_prior_has_the_whole_gradient(kind: type[Guide]) -> None:
    """Against the loss itself, a little to both sides along a random direction, on equal noise."""
    model, guide = pair(kind, spread=0.1)
    guide.detach_prior = False
    both = nn.ModuleList([model, guide]).double()
    parameters = [parameter for parameter in both.parameters() if parameter.requires_grad]

    def loss() -> Tensor:
        torch.manual_seed(1)
        elbo = TruncatedTrace_ELBO(None)
        return elbo.terms(model, guide, PROBLEMS, TARGETS, steps=3, supervise="last").loss

    loss().backward()
    torch.manual_seed(2)
    directions = [torch.randn_like(parameter) for parameter in parameters]
    along = sum((p.grad * d).sum() for p, d in zip(parameters, directions, strict=True) if p.grad is not None)
    values = []
    with torch.no_grad():
        for step in (1e-6, -2e-6):
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter.add_(step * direction)
            values.append(loss())
    assert (values[0] - values[1]).item() / 2e-6 == pytest.approx(float(along), rel=1e-3)


@pytest.mark.parametrize("kind", LEARNED)
def test_the_head_of_the_prior_learns_from_the_kl_alone(kind: type[Guide]) -> None:
    """And so learns nothing from a run whose KL is free, unless the guide does not detach the prior."""
    for detach_prior in (True, False):
        model, guide = pair(kind, spread=0.3)
        guide.detach_prior = detach_prior
        TruncatedTrace_ELBO(None, beta=0.0).terms(model, guide, PROBLEMS, TARGETS, steps=2).loss.backward()
        assert model.guidance_head is not None and model.guidance_head.weight.grad is not None
        assert (model.guidance_head.weight.grad == 0).all() == detach_prior


def test_positions_move_together_under_low_rank() -> None:
    for kind, together in ((LowRankGuide, True), (GaussianGuide, False)):
        posterior, _ = posteriors(pair(kind, spread=0.5)[1], TARGETS)["guidance_1"]
        value = posterior.rsample(torch.Size([4000]))[:, 0, :, 0]
        correlation = torch.corrcoef(value.T).fill_diagonal_(0).abs().max()
        assert (correlation > 0.2) == together


def test_the_rollout_runs_ahead_without_gradient_and_leaves_no_trace() -> None:
    model, guide = pair(LookaheadGuide, spread=0.3)
    assert isinstance(guide, LookaheadGuide)
    courses: list[dict[str, Any]] = []
    run = model.forward

    def watched(problems: Problems, targets: Tensor | None = None, **run_kwargs: Any) -> Any:
        courses.append(run_kwargs | {"targets": targets, "gradient": torch.is_grad_enabled()})
        return run(problems, targets, **run_kwargs)

    model.forward = watched  # type: ignore[method-assign]
    found = terms(model, guide)
    rollout, steered = courses
    assert rollout["steps"] == 2 + LOOKAHEAD and rollout["targets"] is None and not rollout["gradient"]
    assert steered["steps"] == 2 and steered["gradient"] and guide.rollout == {}
    assert [name for name in found.trace.nodes if name.startswith("guidance")] == [
        f"guidance_{t}" for t in (1, 2, 3, 4)
    ]
    found.loss.backward()
    assert guide.project_pilot.weight.grad is not None
    guide(PROBLEMS, None, steps=2)
    assert len(courses) == 3


class Shift(Messenger):
    """Move the guidance of one transition."""

    transition = -1

    def _pyro_post_sample(self, msg: Any) -> None:
        if mark(msg, "role") == "guidance" and mark(msg, "transition") == self.transition:
            msg["value"] = msg["value"] + 1


@pytest.mark.parametrize("ahead", range(4))
def test_a_posterior_sees_the_rollout_so_many_steps_later(ahead: int) -> None:
    """What moves in a later transition of the rollout moves the posteriors from so many steps before it on."""
    model, guide = pair(LookaheadGuide, spread=0.3)
    run = model.forward
    shift = Shift()

    def forward(problems: Problems, targets: Tensor | None = None, **run_kwargs: Any) -> Any:
        with shift if targets is None else nullcontext():
            return run(problems, targets, **run_kwargs)

    model.forward = forward  # type: ignore[method-assign]
    found = []
    for shift.transition in (-1, 1 + ahead + LOOKAHEAD * model.transitions):
        torch.manual_seed(0)
        guide(PROBLEMS, TARGETS, steps=2)
        nodes = guide.get_traces()[1].nodes
        found.append([seen_by(nodes[f"guidance_{t}"]["fn"]) for t in (1, 2, 3, 4)])
    assert [torch.equal(*each) for each in zip(*found, strict=True)] == [t < ahead for t in range(4)]


@pytest.mark.parametrize("kind", STEERING)
def test_a_pooled_guidance_is_one_vector_a_problem(kind: type[Guide]) -> None:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, pooled=True))
    guide = kind(TASK.spec, model)
    found = terms(model, guide)
    site = found.trace.nodes["guidance_1"]
    assert site["value"].shape == (3, 1, 16)
    moved = found.trace.nodes["high_1"]["value"] - found.trace.nodes["proposal_1"]["value"]
    torch.testing.assert_close(moved, site["value"].expand(3, 5, 16))
    found.loss.backward()
    assert model.guidance_head is not None and model.guidance_head.weight.grad is not None


def test_the_solution_set_moves_the_posterior_and_nothing_else() -> None:
    _, guide = pair(SolutionSetGuide, spread=0.5)
    near = TARGETS.clone()
    near[:, 1] = (near[:, 1] + 1) % 3
    padding = torch.full((3, 2, 5), -1)
    found = {}
    for name, solutions in {
        "none": None,
        "itself": TARGETS[:, None],
        "near": torch.stack((TARGETS, near), 1),
        "padded": torch.cat((TARGETS[:, None], padding, near[:, None]), 1),
    }.items():
        torch.manual_seed(1)
        guide(PROBLEMS, TARGETS, solutions=solutions)
        model_trace, guide_trace = guide.get_traces()
        found[name] = guide_trace.nodes["guidance_1"]["fn"].mean, model_trace.nodes["guidance_1"]["fn"].mean
        assert guide.solutions is None
    assert all(torch.equal(prior, found["none"][1]) for _, prior in found.values())
    assert torch.equal(found["itself"][0], found["none"][0]) and torch.equal(found["padded"][0], found["near"][0])
    moved = (found["near"][0] - found["none"][0]).abs().amax(-1)
    assert (moved[:, 1] > 1e-3).all()


@given(seed=st.integers(0, 2**31), nearness=st.floats(-3, 3))
def test_votes_are_shares_and_the_nearest_has_most(seed: int, nearness: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    solutions = torch.randint(0, 3, (2, 6, 5), generator=generator)
    targets = torch.randint(-1, 3, (2, 5), generator=generator)
    found = votes(solutions, targets, torch.tensor(nearness), 3)
    assert (found >= 0).all() and (found.sum(-1) < 1).all()
    torch.testing.assert_close(found, votes(solutions.flip(1), targets, torch.tensor(nearness), 3))
    near, far = targets.clamp(min=0).clone(), (targets.clamp(min=0) + 1) % 3
    near[:, 0] = (near[:, 0] + 1) % 3
    shares = votes(torch.stack((near, far), 1), torch.where(targets < 0, 0, targets), torch.tensor(nearness), 3)
    assert (shares[:, 1].gather(1, near[:, 1:2]) > shares[:, 1].gather(1, far[:, 1:2])).all()
