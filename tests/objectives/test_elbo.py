"""The truncated bound against Pyro's own, against the paper's formulas by hand, and under every way to train."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import networkx as nx
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO, TraceMeanField_ELBO
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.guides.prior import PriorGuide
from gram_pyro.models.base import Phase
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.coloring.task import Coloring

TASK = Coloring()
PROBLEMS = TASK.encode([nx.gnp_random_graph(6, 0.5, seed=seed) for seed in range(4)])
TARGETS = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 0, 1, 1, 2, 2], [2, 1, 0, 2, 1, 0], [1, 1, 1, 0, 0, -1]])


def pair(transitions: int = 1, trained: bool = True) -> tuple[Gram, GaussianGuide]:
    """Model and guide; `trained` moves the guide away from the prior."""
    torch.manual_seed(5)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, transitions=transitions))
    guide = GaussianGuide(TASK.spec, model)
    if trained:
        nn.init.normal_(guide.project_out.weight, std=0.2)
        nn.init.normal_(guide.project_out.bias, std=0.2)
    return model, guide


def gradients(loss: Tensor, *modules: nn.Module) -> dict[str, Tensor]:
    for module in modules:
        module.zero_grad()
    loss.backward()
    return {
        f"{type(module).__name__}.{name}": torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for module in modules
        for name, p in module.named_parameters()
    }


def loss_and_gradients(
    elbo: TruncatedTrace_ELBO, model: Gram, guide: Any, **arguments: Any
) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(1)
    loss = elbo.terms(model, guide, PROBLEMS, TARGETS, **arguments).loss
    return loss.detach(), gradients(loss, model, guide)


def assert_equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


# The paper by hand


def posterior(guide: GaussianGuide, proposal: Tensor, prior: Normal) -> Normal:
    hidden = functional.silu(guide.project_in(proposal + guide.embedding.weight[TARGETS + 1]))
    shift, ratio = guide.project_out(hidden).chunk(2, -1)
    scale = prior.scale.detach()
    return Normal(prior.loc.detach() + scale * shift, scale * torch.exp(2 * torch.tanh(ratio / 2)))


def likelihood(model: Gram, high: Tensor) -> Tensor:
    losses = functional.cross_entropy(model.decode(high).transpose(1, 2), TARGETS, ignore_index=-1, reduction="sum")
    return -losses


def by_hand(model: Gram, guide: GaussianGuide, transitions: int, kl_transitions: str, horizon: int = 1) -> Tensor:
    """The negative of (14): only the last transitions have a graph; with `all`, every one pays KL locally."""
    embedded = model.embed(PROBLEMS)
    state = model.initial_state(4, 6)
    divergence = torch.zeros(())
    for t in range(1, transitions + 1):
        inside = t > transitions - horizon
        with torch.set_grad_enabled(inside):
            proposal, low = model.propose(state, embedded, PROBLEMS.relations)
        prior = Normal(*model.guidance(proposal))
        q = posterior(guide, proposal, prior)
        draw = q.rsample()
        if inside or kl_transitions == "all":
            divergence = divergence + kl_divergence(q, prior).sum()
        high = proposal + draw
        state = type(state)(high, low) if inside else type(state)(high.detach(), low.detach())
    return divergence - likelihood(model, state.high)


@pytest.mark.parametrize("horizon", [1, 2])
@pytest.mark.parametrize("kl_transitions", ["last", "all"])
def test_truncated_bound_is_the_papers(kl_transitions: str, horizon: int) -> None:
    model, guide = pair(transitions=3)
    elbo = TruncatedTrace_ELBO(horizon, kl_transitions=kl_transitions)  # type: ignore[arg-type]
    loss, found = loss_and_gradients(elbo, model, guide)
    torch.manual_seed(1)
    expected = by_hand(model, guide, 3, kl_transitions, horizon)
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-5, atol=1e-5)
    assert_equal(found, gradients(expected, model, guide))
    assert all(gradient.abs().max() > 0 for gradient in found.values())


def test_charging_every_transition_trains_the_prior_head_more() -> None:
    model, guide = pair(transitions=3)
    last, every = (loss_and_gradients(TruncatedTrace_ELBO(1, kl_transitions=c), model, guide) for c in ("last", "all"))
    assert every[0] > last[0] + 0.1
    for name in last[1]:
        heads = "guidance_head" in name or name.startswith("GaussianGuide")
        assert torch.allclose(last[1][name], every[1][name], rtol=1e-4, atol=1e-5) != heads, name


# Pyro's own


def test_the_whole_horizon_is_pyros_elbo() -> None:
    model, guide = pair(transitions=2)
    arguments = {"steps": 2, "supervise": "last"}
    loss, found = loss_and_gradients(TruncatedTrace_ELBO(None), model, guide, **arguments)
    torch.manual_seed(1)
    stock = TraceMeanField_ELBO().differentiable_loss(model, guide, PROBLEMS, TARGETS, **arguments)
    torch.testing.assert_close(loss, stock.detach(), rtol=1e-5, atol=1e-5)
    assert_equal(found, gradients(stock, model, guide))
    long = loss_and_gradients(TruncatedTrace_ELBO(99), model, guide, **arguments)
    assert long[0] == loss
    assert_equal(long[1], found)
    short = loss_and_gradients(TruncatedTrace_ELBO(3, kl_transitions="all"), model, guide, **arguments)
    torch.testing.assert_close(short[0], loss)
    assert (short[1]["Gram.decoder.weight"] - found["Gram.decoder.weight"]).abs().max() < 1e-4
    assert (short[1]["Gram.embedding.weight"] - found["Gram.embedding.weight"]).abs().max() > 1e-3


@pytest.mark.parametrize("stock", [Trace_ELBO, TraceMeanField_ELBO])
def test_stock_objectives_train_model_and_guide(stock: Callable[[], Any]) -> None:
    model, guide = pair(transitions=2, trained=False)
    before = copy.deepcopy([*model.parameters(), *guide.parameters()])
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-2}), stock())
    for _ in range(3):
        loss = svi.step(PROBLEMS, TARGETS)
    assert 0 < loss < 1e3
    after = [*model.parameters(), *guide.parameters()]
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


# Ways to train


def test_svi_and_module_form_are_the_same_training() -> None:
    """Equal losses, equal weights, and every parameter of both moves (from a guide that starts as the prior)."""
    model, guide = pair(transitions=2, trained=False)
    first = copy.deepcopy({**model.state_dict(), **guide.state_dict()})
    elbo = TruncatedTrace_ELBO(1, beta=0.5, balance=0.8)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-2}), elbo)
    torch.manual_seed(2)
    svi_losses = [svi.step(PROBLEMS, TARGETS, steps=2) for _ in range(3)]

    other_model, other_guide = pair(transitions=2, trained=False)
    module = elbo(other_model, other_guide)
    names = {name for name, _ in module.named_parameters()}
    assert {"model.decoder.weight", "guide.project_in.weight"} <= names
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    torch.manual_seed(2)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = module(PROBLEMS, TARGETS, steps=2)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses == pytest.approx(svi_losses, rel=1e-5)
    for mine, theirs in ((model, other_model), (guide, other_guide)):
        for (name, left), right in zip(mine.named_parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
            assert not torch.equal(left, first[name]), name
            assert not torch.equal(right, first[name]), name


def test_loss_forms_agree() -> None:
    model, guide = pair(transitions=2)
    elbo, values = TruncatedTrace_ELBO(1, kl_transitions="all"), []
    for form in (elbo.loss, elbo.loss_and_grads, elbo.differentiable_loss):
        torch.manual_seed(1)
        values.append(float(torch.as_tensor(form(model, guide, PROBLEMS, TARGETS)).detach()))
    torch.manual_seed(1)
    values.append(SVI(model, guide, pyro.optim.Adam({}), elbo).evaluate_loss(PROBLEMS, TARGETS))
    assert values == pytest.approx([values[0]] * 4, rel=1e-6)
    assert model.decoder.weight.grad is not None


def ordinary(model: Gram, guide: GaussianGuide) -> Callable[..., None]:
    """The same posterior as a plain Pyro guide, which has to run the recursion once more."""

    def run(problems: Problems, targets: Tensor, steps: int = 1, **_: Any) -> None:
        state, embedded = model.initial_state(*targets.shape), model.embed(problems)
        with pyro.plate("problems", len(targets), dim=-1):
            for t in range(1, steps * model.config.transitions + 1):
                proposal, low = model.propose(state, embedded, problems.relations)
                q = posterior(guide, proposal, Normal(*model.guidance(proposal)))
                draw = pyro.sample(f"guidance_{t}", dist.Normal(q.loc, q.scale).to_event(2))
                state = type(state)(proposal + draw, low)

    return run


def test_an_ordinary_guide_gives_the_same_bound() -> None:
    model, guide = pair(transitions=2)
    plain = ordinary(model, guide)
    for horizon in (None, 1):
        elbo = TruncatedTrace_ELBO(horizon)
        values = []
        for q in (guide, plain):
            torch.manual_seed(1)
            values.append(elbo.terms(model, q, PROBLEMS, TARGETS, steps=2))
        torch.testing.assert_close(values[0].loss, values[1].loss, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(values[0].kl, values[1].kl, rtol=1e-5, atol=1e-5)
        if horizon is None:
            assert_equal(gradients(values[0].loss, model, guide), gradients(values[1].loss, model, guide))


# KL: coefficient, balance, and where there is no formula


@pytest.mark.parametrize("balance", [0.8, 0.0, 1.0])
def test_balance_splits_the_gradient_and_not_the_value(balance: float) -> None:
    """At one transition the posterior's heads touch only q, and the prior's only p."""
    model, guide = pair()
    whole, split, free = (
        loss_and_gradients(TruncatedTrace_ELBO(1, **arguments), model, guide)  # type: ignore[arg-type]
        for arguments in ({}, {"balance": balance}, {"beta": 0.0})
    )
    torch.testing.assert_close(split[0], whole[0])
    assert whole[0] > free[0] + 0.1
    for name in whole[1]:
        share = balance if "guidance_head" in name else 1 - balance if name.startswith("GaussianGuide") else None
        if share is not None:
            divergence = whole[1][name] - free[1][name]
            assert divergence.abs().max() > 1e-3
            torch.testing.assert_close(split[1][name] - free[1][name], share * divergence, rtol=1e-3, atol=1e-4)


def test_beta_weighs_the_kl_of_each_problem() -> None:
    model, guide = pair(transitions=2)
    beta = torch.tensor([0.0, 1.0, 2.0, 0.5])
    torch.manual_seed(1)
    terms = TruncatedTrace_ELBO(None, beta=beta).terms(model, guide, PROBLEMS, TARGETS)
    assert terms.kl.shape == (2, 4) and terms.log_likelihood.shape == (4,)
    torch.testing.assert_close(terms.loss, (beta * terms.kl).sum() - terms.log_likelihood.sum())
    assert not terms.kl.requires_grad and not terms.log_likelihood.requires_grad


def test_neither_beta_nor_balance_weighs_the_kl_of_drafts() -> None:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, draft="cosine"))
    guide = GaussianGuide(TASK.spec, model)
    nn.init.normal_(guide.project_out.weight, std=0.2)
    torch.manual_seed(1)
    elbo = TruncatedTrace_ELBO(None, beta=3.0, balance=0.8, draft_weight=0.1)
    terms = elbo.terms(model, guide, PROBLEMS, TARGETS, steps=2)
    cost = 3 * terms.kl.sum() + 0.1 * terms.draft_kl.sum()
    torch.testing.assert_close(terms.loss, cost - terms.log_likelihood.sum())
    assert min(terms.kl.sum(), terms.draft_kl.sum()) > 0.1


class Student(GaussianGuide):
    """A posterior whose KL to a Gaussian nobody has registered."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> dist.TorchDistribution:
        normal = super().get_posterior(name, prior).base_dist
        return dist.StudentT(torch.tensor(8.0), normal.loc, normal.scale).to_event(2)


@pytest.mark.parametrize("balance", [None, 0.8])
def test_a_kl_without_formula_is_sampled(balance: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gram_pyro.objectives.elbo.KL_DRAWS", 1)
    model, _ = pair()
    guide = Student(TASK.spec, model)
    torch.manual_seed(1)
    terms = TruncatedTrace_ELBO(1, balance=balance).terms(model, guide, PROBLEMS, TARGETS)
    p, value = terms.trace.nodes["guidance_1"]["fn"], terms.trace.nodes["guidance_1"]["value"]
    q = dist.StudentT(torch.tensor(8.0), p.base_dist.loc, p.base_dist.scale).to_event(2)
    torch.testing.assert_close(terms.kl[0], (q.log_prob(value) - p.log_prob(value)).detach(), rtol=1e-4, atol=1e-4)
    terms.loss.backward()
    assert guide.project_out.weight.grad.isfinite().all() and guide.project_out.weight.grad.abs().max() > 0


def test_more_draws_of_a_sampled_kl_are_less_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = pair()
    guide = Student(TASK.spec, model)
    means, spreads = [], []
    for draws in (1, 16):
        monkeypatch.setattr("gram_pyro.objectives.elbo.KL_DRAWS", draws)
        torch.manual_seed(1)
        with torch.no_grad():
            found = torch.stack([TruncatedTrace_ELBO(1).terms(model, guide, PROBLEMS, TARGETS).kl for _ in range(200)])
        means.append(found.mean(0))
        spreads.append(found.std(0))
    torch.testing.assert_close(means[0], means[1], rtol=0, atol=4 * float(spreads[0].max()) / 200**0.5)
    assert (spreads[1] < 0.5 * spreads[0]).all()


def test_the_prior_as_guide_costs_nothing() -> None:
    model, _ = pair(transitions=2)
    terms = TruncatedTrace_ELBO(None).terms(model, PriorGuide(TASK.spec, model), PROBLEMS, TARGETS, steps=2)
    assert terms.kl.shape == (4, 4) and (terms.kl == 0).all()
    assert terms.loss == -terms.log_likelihood.sum()


class Point(GaussianGuide):
    """A guide that knows no doubt."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        return prior.mean


@pytest.mark.parametrize("balance", [None, 0.8])
def test_a_point_mass_is_refused(balance: float | None) -> None:
    model, _ = pair()
    with pytest.raises(ValueError, match="point mass on 'guidance_1'"):
        TruncatedTrace_ELBO(1, balance=balance).terms(model, Point(TASK.spec, model), PROBLEMS, TARGETS)


class Mixed(GaussianGuide):
    """A posterior that cannot be reparameterised."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        normal = super().get_posterior(name, prior).base_dist
        both = dist.Normal(torch.stack((normal.loc, -normal.loc), -1), normal.scale[..., None])
        return dist.MixtureSameFamily(dist.Categorical(torch.ones(*normal.loc.shape, 2)), both).to_event(2)


@pytest.mark.parametrize("balance", [None, 0.8])
def test_a_posterior_without_reparameterisation_is_refused(balance: float | None) -> None:
    model, _ = pair()
    with pytest.raises(ValueError, match="'guidance_1' cannot be reparameterised"):
        TruncatedTrace_ELBO(1, balance=balance).terms(model, Mixed(TASK.spec, model), PROBLEMS, TARGETS)


# The horizon


def saved_bytes(elbo: TruncatedTrace_ELBO, transitions: int) -> int:
    """Bytes that wait for the backward pass, each storage once."""
    model, guide = pair(transitions)
    storages: dict[int, tuple[int, Tensor]] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        elbo.terms(model, guide, PROBLEMS, TARGETS)
    return sum(size for size, _ in storages.values())


def test_memory_does_not_grow_with_depth() -> None:
    sizes = [saved_bytes(TruncatedTrace_ELBO(1), transitions) for transitions in (1, 2, 4, 8)]
    assert max(sizes) <= 1.1 * min(sizes), sizes
    assert saved_bytes(TruncatedTrace_ELBO(None), 8) > 3 * sizes[3]


@pytest.mark.parametrize("kl_transitions", ["last", "all"])
@pytest.mark.parametrize("horizon", [1, 2, 3, None])
def test_no_graph_outside_the_horizon(kl_transitions: str, horizon: int | None) -> None:
    model, guide = pair(transitions=3)
    elbo = TruncatedTrace_ELBO(horizon, kl_transitions=kl_transitions)  # type: ignore[arg-type]
    terms = elbo.terms(model, guide, PROBLEMS, TARGETS)
    inside = 3 if horizon is None else horizon
    for t in (1, 2, 3):
        sites = {name: terms.trace.nodes[f"{name}_{t}"]["value"] for name in ("proposal", "guidance", "high", "low")}
        local = {"guidance"} if kl_transitions == "all" else set()
        for name, value in sites.items():
            assert (value.grad_fn is not None) == (t > 3 - inside or name in local), (t, name)
    assert terms.kl.shape == (3 if kl_transitions == "all" else inside, 4)
    assert torch.is_grad_enabled()


def test_grad_mode_is_restored_after_an_error() -> None:
    model, guide = pair(transitions=3)
    with pytest.raises(RuntimeError):
        TruncatedTrace_ELBO(1).terms(model, guide, PROBLEMS, TARGETS, state=model.initial_state(4, 5))
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert (
            not TruncatedTrace_ELBO(1, kl_transitions="all").terms(model, guide, PROBLEMS, TARGETS).loss.requires_grad
        )
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon": 0},
        {"horizon": -1},
        {"balance": 1.1},
        {"balance": -0.1},
        {"kl_transitions": "first"},
        {"kl_transitions": None},
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        TruncatedTrace_ELBO(**wrong)


# Activation checkpointing


@pytest.mark.parametrize("horizon", [1, 3, 4, 5, None])
@pytest.mark.parametrize("kl_transitions", ["last", "all"])
@pytest.mark.parametrize("supervise", ["every", "last"])
def test_a_step_that_is_computed_again_changes_nothing(
    horizon: int | None, kl_transitions: Any, supervise: Any
) -> None:
    found = []
    for recompute in (False, True):
        model, guide = pair(transitions=2)
        elbo = TruncatedTrace_ELBO(horizon, balance=0.8, kl_transitions=kl_transitions, recompute=recompute)
        torch.manual_seed(1)
        terms = elbo.terms(model, guide, PROBLEMS, TARGETS, steps=3, supervise=supervise)
        following = torch.rand(())
        values = [terms.loss, terms.log_likelihood, terms.kl, terms.outcome.logits, following]
        found.append((values, gradients(terms.loss, model, guide)))
    (kept, kept_gradients), (again, again_gradients) = found
    torch.testing.assert_close(again, kept)
    assert_equal(again_gradients, kept_gradients)


@pytest.mark.parametrize("draft", ["cosine", "flow", "constant"])
def test_drafts_that_are_drawn_again_change_nothing(draft: Any) -> None:
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, draft=draft))
        guide = GaussianGuide(TASK.spec, model)
        phase = Phase.start(torch.full((len(TARGETS),), 6), TARGETS.shape[1], torch.Generator().manual_seed(0))
        state = model.initial_state(*TARGETS.shape)._replace(phase=phase)
        elbo = TruncatedTrace_ELBO(4, balance=0.8, recompute=recompute, draft_weight=0.1)
        torch.manual_seed(1)
        with mock.patch.object(elbo, "_recomputed_parts", wraps=elbo._recomputed_parts) as stepwise:
            terms = elbo.terms(model, guide, PROBLEMS, TARGETS, steps=3, state=state)
        assert stepwise.called == recompute
        found.append(([terms.loss, terms.kl, terms.draft_kl], gradients(terms.loss, model, guide)))
    (kept, kept_gradients), (again, again_gradients) = found
    torch.testing.assert_close(again, kept)
    assert_equal(again_gradients, kept_gradients)


def test_a_step_that_is_computed_again_is_not_kept() -> None:
    kept = []
    for recompute in (False, True):
        model, guide = pair()
        saved: list[int] = []

        def pack(tensor: Tensor, saved: list[int] = saved) -> Tensor:
            saved.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            elbo = TruncatedTrace_ELBO(None, recompute=recompute)
            elbo.terms(model, guide, PROBLEMS, TARGETS, steps=8)
        kept.append(sum(saved))
    assert kept[1] < kept[0] / 6
