"""Objectives beside the ELBO: the importance-weighted bound, and wake-sleep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import RenyiELBO
from torch import Tensor, nn

from gram_pyro.effects.change import ChangeMessenger
from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.guides import GUIDES, GaussianGuide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.objectives.constraint import ConstraintELBO
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.objectives.wake_sleep import WakeSleepELBO
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring, NQueens, Sudoku, Task
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.objective import OBJECTIVES
from gram_pyro.training.trainer import Trainer

TASK = Coloring()
PROBLEMS = TASK.encode([nx.gnp_random_graph(5, 0.5, seed=seed) for seed in range(3)])
TARGETS = torch.tensor([[0, 1, 2, 0, 1], [0, 0, 1, 1, 2], [2, 1, 0, 2, -1]])


def pair(spread: float = 0.05, kind: type[GaussianGuide] = GaussianGuide) -> tuple[Gram, GaussianGuide]:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = kind(TASK.spec, model)
    nn.init.normal_(guide.project_out.weight, std=spread)
    return model, guide


def gradient(module: nn.Module) -> Tensor:
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    return torch.cat([part.flatten() for part in parts])


# Importance-weighted


@pytest.mark.parametrize("particles", [1, 3])
def test_the_bound_is_pyros_on_equal_noise(particles: int) -> None:
    """RenyiELBO(alpha=0) weighs whole batches: one problem."""
    model, guide = pair()
    one, y = PROBLEMS.select(torch.tensor([1])), TARGETS[1:2]
    run_kwargs: dict[str, Any] = {"steps": 3, "supervise": "last"}
    torch.manual_seed(1)
    ours = ImportanceELBO(None, particles=particles).terms(model, guide, one, y, **run_kwargs).loss
    torch.manual_seed(1)
    theirs = RenyiELBO(alpha=0, num_particles=particles).loss(model, guide, one, y, **run_kwargs)
    assert ours.item() == pytest.approx(theirs, rel=1e-5)


def test_every_problem_has_weights_of_its_own() -> None:
    model, guide = pair()
    elbo = ImportanceELBO(None, particles=4)
    torch.manual_seed(1)
    together = elbo.terms(model, guide, PROBLEMS, TARGETS)
    torch.manual_seed(1)
    singles = [ImportanceELBO(None, particles=1).terms(model, guide, PROBLEMS, TARGETS) for _ in range(4)]
    torch.manual_seed(1)
    runs = [TruncatedTrace_ELBO(None).terms(model, guide, PROBLEMS, TARGETS) for _ in range(4)]
    torch.manual_seed(1)
    weights = []
    for run in runs:
        guide(PROBLEMS, TARGETS)
        model_trace, guide_trace = guide.get_traces()
        model_trace.compute_log_prob()
        guide_trace.compute_log_prob()
        sites = model_trace.nodes
        prior = sites["guidance_1"]["log_prob"] - guide_trace.nodes["guidance_1"]["log_prob"]
        weights.append(run.log_likelihood + prior)
    expected = -(torch.stack(weights).logsumexp(0) - torch.tensor(4.0).log()).sum()
    torch.testing.assert_close(together.loss, expected)
    torch.testing.assert_close(together.kl, torch.stack([single.kl for single in singles]).mean(0))
    likelihoods = torch.stack([single.log_likelihood for single in singles])
    torch.testing.assert_close(together.log_likelihood, likelihoods.mean(0))


def test_more_particles_tighten_the_bound() -> None:
    model, guide = pair(0.2)
    losses = []
    with torch.no_grad():
        for particles in (1, 4, 32):
            torch.manual_seed(1)
            elbo = ImportanceELBO(None, particles=particles)
            losses.append(sum(elbo.loss(model, guide, PROBLEMS, TARGETS) for _ in range(256 // particles)) * particles)
    assert losses[0] > losses[1] > losses[2]


def importance(horizon: int | None, model: Gram, guide: GaussianGuide) -> Tensor:
    elbo = ImportanceELBO(horizon, particles=2, kl_transitions="last")
    return elbo.terms(model, guide, PROBLEMS, TARGETS, steps=2).loss


def constraints(horizon: int | None, model: Gram, _: GaussianGuide) -> Tensor:
    elbo = ConstraintELBO(horizon, constraint_log_prob=TASK.constraint_log_prob)
    return elbo.prior_log_prob(model, PROBLEMS, steps=2).sum()


@pytest.mark.parametrize("loss", [importance, constraints])
def test_gradients_stop_at_the_horizon(loss: Callable[[int | None, Gram, GaussianGuide], Tensor]) -> None:
    model, guide = pair()
    gradients = []
    for horizon in (1, 2, None):
        model.zero_grad()
        torch.manual_seed(1)
        loss(horizon, model, guide).backward()
        gradients.append(gradient(model))
    assert not torch.allclose(gradients[0], gradients[1])
    torch.testing.assert_close(gradients[1], gradients[2])


@pytest.mark.parametrize(("name", "message"), [("point", "a point mass on"), ("mixed", "cannot be reparameterised")])
def test_what_has_no_density_or_no_gradient_is_refused(name: str, message: str) -> None:
    class Wrong(GaussianGuide):
        def get_posterior(self, name_: str, prior: Any) -> Any:
            if name == "point":
                return prior.mean
            normal = super().get_posterior(name_, prior).base_dist
            both = dist.Normal(torch.stack((normal.loc, -normal.loc), -1), normal.scale[..., None])
            return dist.MixtureSameFamily(dist.Categorical(torch.ones(*normal.loc.shape, 2)), both).to_event(2)

    model, _ = pair()
    with pytest.raises(ValueError, match=f"{message}|'guidance_1' {message}"):
        ImportanceELBO(1).terms(model, Wrong(TASK.spec, model), PROBLEMS, TARGETS)


@pytest.mark.parametrize("name", ["gaussian", "low_rank", "flow"])
@pytest.mark.parametrize(
    "elbo", [TruncatedTrace_ELBO(1, kl_transitions="all"), ImportanceELBO(1, kl_transitions="all")]
)
def test_a_sampled_kl_is_no_noise_where_nothing_is_steered(name: str, elbo: TruncatedTrace_ELBO) -> None:
    model, _ = pair()
    guide = GUIDES[name](TASK.spec, model)
    terms = elbo.terms(model, guide, PROBLEMS, torch.full_like(TARGETS, -1), steps=2)
    assert terms.loss.item() == pytest.approx(0, abs=1e-5)
    if terms.loss.requires_grad:
        terms.loss.backward()
    assert gradient(model).abs().max() == 0 and gradient(guide).abs().max() == 0


def test_without_particles_there_is_no_bound() -> None:
    with pytest.raises(ValueError, match="particles must be at least 1, not 0"):
        ImportanceELBO(particles=0)


# Wake and sleep


class Shifts(GaussianGuide):
    """Stands on the prior as it is, gradient and all."""

    detach_prior = False


@pytest.mark.parametrize("kind", [GaussianGuide, Shifts])
def test_awake_the_model_learns_and_asleep_the_guide(kind: type[GaussianGuide]) -> None:
    model, guide = pair(kind=kind)
    elbo = WakeSleepELBO(None, beta=0.7)
    torch.manual_seed(1)
    terms = elbo.terms(model, guide, PROBLEMS, TARGETS)
    terms.loss.backward()
    found = gradient(model), gradient(guide)
    for module in (model, guide):
        module.zero_grad()
    torch.manual_seed(1)
    with ChangeMessenger("guidance", Tensor.detach):
        awake = TruncatedTrace_ELBO(None, beta=0.7, balance=1.0).terms(model, guide, PROBLEMS, TARGETS).loss
    asleep = elbo.sleep_phase(model, guide, PROBLEMS, TARGETS).sum()
    torch.testing.assert_close(terms.loss, awake - asleep)
    awake.backward()
    torch.testing.assert_close(found[0], gradient(model))
    guide.zero_grad()
    (-asleep).backward()
    torch.testing.assert_close(found[1], gradient(guide))


def test_the_guide_learns_to_find_a_dream_again() -> None:
    """Its loss is -log q of the prior's own trajectory, given the answer that came of it."""
    model, guide = pair()
    elbo = WakeSleepELBO(None)
    torch.manual_seed(2)
    dream = elbo.sleep_phase(model, guide, PROBLEMS, TARGETS, steps=2)
    torch.manual_seed(2)
    trace = poutine.trace(model).get_trace(PROBLEMS, steps=2, supervise="last")
    answer = trace.nodes["y_2"]["value"].where(TARGETS >= 0, -1)
    values = {name: site["value"] for name, site in trace.nodes.items() if name.startswith("guidance")}
    with SubstituteMessenger(values):
        guide(PROBLEMS, answer, steps=2)
        _, guide_trace = guide.get_traces()
    expected = sum(guide_trace.nodes[name]["fn"].log_prob(value) for name, value in values.items())
    torch.testing.assert_close(dream, expected)
    assert dream.shape == (3,)
    model.zero_grad()
    dream.sum().backward()
    assert gradient(model).abs().max() == 0


def test_a_posterior_that_learns_from_dreams_comes_closer_to_the_true_one() -> None:
    model, guide = pair(0.0)
    model.decoder.weight.data *= 8
    optimizer = torch.optim.Adam(guide.parameters(), lr=1e-2)
    many = PROBLEMS.select(torch.arange(3).repeat(64))
    targets = TARGETS.repeat(64, 1).clamp(min=0)
    elbo = WakeSleepELBO(None)

    def fit() -> float:
        torch.manual_seed(3)
        with torch.no_grad():
            return elbo.sleep_phase(model, guide, many, targets).mean().item()

    before = fit()
    for _ in range(60):
        optimizer.zero_grad()
        (-elbo.sleep_phase(model, guide, many, targets).mean()).backward()
        optimizer.step()
    assert fit() > before + 0.5


# Constraints


def test_the_constraints_are_an_observed_site_of_the_prior() -> None:
    model, guide = pair(0.2)
    run_kwargs: dict[str, Any] = {"steps": 2, "supervise": "every"}
    torch.manual_seed(1)
    plain = TruncatedTrace_ELBO(1).terms(model, guide, PROBLEMS, TARGETS, **run_kwargs)
    logits = model(PROBLEMS, steps=2, supervise="none").logits
    torch.manual_seed(1)
    found = ConstraintELBO(1, constraint_log_prob=TASK.constraint_log_prob, weight=0.3).terms(
        model, guide, PROBLEMS, TARGETS, **run_kwargs
    )
    held = TASK.constraint_log_prob(PROBLEMS, logits.softmax(-1))
    torch.testing.assert_close(found.loss, plain.loss - 0.3 * held.sum())
    assert torch.equal(found.kl, plain.kl)


def test_a_model_learns_from_constraints_alone() -> None:
    """No target is shown, and the prior comes to color most graphs."""
    model, _ = pair()
    elbo = ConstraintELBO(None, constraint_log_prob=TASK.constraint_log_prob)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    many = PROBLEMS.select(torch.arange(3).repeat(16))
    torch.manual_seed(1)
    held = []
    for _ in range(250):
        optimizer.zero_grad()
        log_prob = elbo.prior_log_prob(model, many, steps=2)
        (-log_prob.mean()).backward()
        optimizer.step()
        held.append(log_prob.mean().item())
    assert sum(held[-20:]) / 20 > held[0] / 3


def test_constraints_are_judged_in_full_precision() -> None:
    model, _ = pair()
    model.decoder.weight.data *= 200
    with torch.autocast("cpu", torch.bfloat16):
        elbo = ConstraintELBO(None, constraint_log_prob=TASK.constraint_log_prob)
        assert elbo.prior_log_prob(model, PROBLEMS).isfinite().all()


def test_a_weight_below_zero_is_none() -> None:
    with pytest.raises(ValueError, match="weight must be 0 or more, not -1"):
        ConstraintELBO(constraint_log_prob=TASK.constraint_log_prob, weight=-1)


@pytest.mark.parametrize("task", [Coloring(n=5), NQueens(n=5), Sudoku(box=2, max_solutions=8)], ids=lambda t: t.name)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    "guide_name", [name for name in GUIDES if name not in ("empty", "fields", "diffusion", "encoder", "forward")]
)
def test_every_guide_trains_under_every_objective_on_every_task(objective: Any, guide_name: str, task: Task) -> None:
    torch.manual_seed(0)
    model = Gram(task.spec, GramConfig(width=16, heads=4, layers=1, hidden=16))
    guide = GUIDES[guide_name](task.spec, model)
    if objective == "wake_sleep" and guide_name in ("prior", "solution_set"):
        pytest.skip("nothing to learn from dreams, or solutions that a dream has not: refused at the start")
    needs: Any = {"warmup": 0, "weight_decay": 0.0, **guide.recipe}
    config = TrainingConfig(batch=8, depth=4, updates=3, objective=objective, particles=2, **needs)
    problems = task.generate("train", 4, 0)
    trainer = Trainer(model, guide, Pool(task, problems), config, 3)
    before = [parameter.detach().clone() for parameter in trainer.parameters]
    for _ in range(3):
        assert trainer.update().loss.isfinite()
    assert not any(torch.equal(old, new) for old, new in zip(before, trainer.parameters, strict=True))
