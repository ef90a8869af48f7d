"""A distribution that is the posterior in some rows and the prior in the others."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pyro.distributions.util import detach
from torch import Tensor
from torch.distributions import kl_divergence

from gram_pyro.guides.steered import Steered, detached, steer
from gram_pyro.objectives.elbo import divergence_of

BATCH = 4
KINDS = ("normal", "student", "low_rank")


def distribution(kind: str, parameters: Tensor, event: tuple[int, ...]) -> dist.TorchDistribution:
    """A distribution of batch shape (BATCH,) that depends on `parameters` (2, BATCH, *event)."""
    location, scale = parameters[0], parameters[1].exp()
    if kind == "normal":
        return dist.Normal(location, scale).to_event(len(event))
    if kind == "student":
        return dist.StudentT(9.0, location, scale).to_event(len(event))
    rows, columns = scale.flatten(1)[..., None], scale.flatten(1)
    flat = dist.LowRankMultivariateNormal(location.flatten(1), rows, columns)
    reshape = torch.distributions.ReshapeTransform((columns.shape[1],), event)
    return dist.TransformedDistribution(flat, [reshape])


def cases(kind: str, seed: int, event: tuple[int, ...]) -> tuple[Any, Any, Any, Tensor]:
    """Steered, its posterior, its prior and the rows that are steered."""
    generator = torch.Generator().manual_seed(seed)
    q = distribution(kind, torch.randn(2, BATCH, *event, generator=generator), event)
    p = distribution("normal", torch.randn(2, BATCH, *event, generator=generator), event)
    rows = torch.rand(BATCH, generator=generator) < 0.5
    return steer(q, p, rows), q, p, rows


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**31), event=st.sampled_from([(2,), (3, 2), (2, 2, 3)]))
def test_density_and_draws_are_row_by_row_those_of_either(kind: str, seed: int, event: tuple[int, ...]) -> None:
    steered, q, p, rows = cases(kind, seed, event)
    assert steered.batch_shape == (BATCH,) and steered.event_shape == event and steered.has_rsample
    assert isinstance(steered, Steered) == (kind != "normal")
    value = torch.randn(7, BATCH, *event)
    expected = q.log_prob(value).where(rows, p.log_prob(value))
    torch.testing.assert_close(steered.log_prob(value), expected)
    for draw in (steered.rsample((7,)), steered.sample((7,))):
        assert draw.shape == (7, BATCH, *event) and steered.log_prob(draw).isfinite().all()
    if kind == "normal":
        return
    torch.manual_seed(seed)
    draw = steered.rsample((7,))
    torch.manual_seed(seed)
    pair = q.rsample((7,)), p.rsample((7,))
    for row in range(BATCH):
        assert torch.equal(draw[:, row], pair[0 if rows[row] else 1][:, row])


@pytest.mark.parametrize("kind", ["normal", "student"])
@given(seed=st.integers(0, 2**31))
def test_expanding_repeats_it(kind: str, seed: int) -> None:
    steered, _, _, _ = cases(kind, seed, (3, 2))
    assert steered.expand((BATCH,)).log_prob(torch.zeros(3, 2)).equal(steered.log_prob(torch.zeros(3, 2)))
    wide = steered.expand((5, BATCH))
    value = torch.randn(5, BATCH, 3, 2)
    assert wide.batch_shape == (5, BATCH) and wide.rsample().shape == (5, BATCH, 3, 2)
    torch.testing.assert_close(wide.log_prob(value), steered.log_prob(value))
    assert wide.support.check(value).all() and wide.support.event_dim == 2


@given(seed=st.integers(0, 2**31))
def test_kl_is_the_posteriors_and_zero_where_nothing_is_steered(seed: int) -> None:
    easy, q, p, rows = cases("normal", seed, (3, 2))
    expected = kl_divergence(q, p).where(rows, 0)
    torch.testing.assert_close(kl_divergence(easy, p), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(kl_divergence(Steered(q, p, rows), p), expected)
    hard, q, p, rows = cases("student", seed, (3, 2))
    with pytest.raises(NotImplementedError):
        kl_divergence(hard, p)
    assert (divergence_of(hard, p, hard.rsample())[~rows] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_not_steered_has_no_gradient_of_the_posterior(kind: str) -> None:
    own = torch.randn(2, BATCH, 3, 2).requires_grad_()
    others = torch.randn(2, BATCH, 3, 2).requires_grad_()
    rows = torch.tensor([True, False, True, False])
    steered = steer(distribution(kind, own, (3, 2)), distribution("normal", others, (3, 2)), rows)
    for loss in (steered.rsample().square().sum(), steered.log_prob(torch.ones(BATCH, 3, 2)).sum()):
        mine, theirs = torch.autograd.grad(loss, (own, others), retain_graph=True)
        assert (mine[:, ~rows] == 0).all() and (mine[:, rows] != 0).any()
        assert (theirs[:, rows] == 0).all() and (theirs[:, ~rows] != 0).any()


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_detached(kind: str) -> None:
    own = torch.randn(2, BATCH, 3, 2).requires_grad_()
    rows = torch.tensor([True, False, True, False])
    steered = steer(distribution(kind, own, (3, 2)), distribution("normal", own, (3, 2)), rows)
    value = torch.ones(BATCH, 3, 2)
    for copied in (detached(steered), detach(steered)):
        assert not copied.log_prob(value).requires_grad and not copied.rsample().requires_grad
        torch.testing.assert_close(copied.log_prob(value), steered.log_prob(value).detach())


def test_a_posterior_without_gradient_is_drawn_without() -> None:
    parts = dist.Normal(torch.zeros(BATCH, 3, 2), 1)
    mixture = dist.MixtureSameFamily(dist.Categorical(torch.ones(BATCH, 3, 2)), parts)
    prior = dist.Normal(torch.full((BATCH, 3), 50.0), 1).to_event(1)
    steered = steer(mixture.to_event(1), prior, torch.tensor([True, False, True, False]))
    assert not steered.has_rsample
    assert (steered().mean(1) > 25).tolist() == [False, True, False, True]
