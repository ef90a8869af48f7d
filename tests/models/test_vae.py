"""The variational autoencoder and its encoder: bounds against an integral, and what z can say."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.evaluation.bound import bound
from gram_pyro.evaluation.likelihood import mixture_log_weights
from gram_pyro.guides import EncoderGuide
from gram_pyro.models import Direct, Vae
from gram_pyro.models.transformer import TransformerConfig
from gram_pyro.models.vae import VaeConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO, traces_of
from gram_pyro.runs.recipes import recipe
from gram_pyro.tasks import Coloring, Problems

TASK = Coloring(n=2)
EVERY = torch.tensor(list(itertools.product(range(3), repeat=2)))


def pair(seed: int = 0, latent: int = 1) -> tuple[Vae, EncoderGuide]:
    """A model that listens to z, with a guide."""
    torch.manual_seed(seed)
    model = Vae(TASK.spec, VaeConfig(16, 2, 1, 16, latent=latent))
    model.project_latent.weight.data *= 3
    model.decoder.weight.data *= 3
    return model, EncoderGuide(TASK.spec, model)


def repeated(count: int, n: int = 2) -> Problems:
    return TASK.encode([nx.path_graph(n)]).select(torch.zeros(count, dtype=torch.long))


def integral(model: Vae) -> Tensor:
    """p(y | x) of `EVERY`, by the sum over a fine grid of z, written without Pyro: `(answers,)`."""
    grid = torch.linspace(-6, 6, 1201)
    x = repeated(len(grid))
    log_probs = model.predict(model.embed(x), grid[:, None, None], x.relations)
    log_probs = log_probs.log_softmax(-1).double()
    weight = torch.exp(-(grid.double() ** 2) / 2) / math.sqrt(2 * math.pi) * (grid[1] - grid[0])
    said = torch.stack([log_probs[:, place, EVERY[:, place]] for place in range(2)]).sum(0)
    return (weight[:, None] * said.exp()).sum(0)


@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_the_bounds_lie_below_the_integral(seed: int) -> None:
    model, guide = pair(seed)
    draws = 4000
    y = EVERY.repeat_interleave(draws, 0)
    with torch.no_grad():
        exact = integral(model).log()
        assert exact.exp().sum().item() == pytest.approx(1, abs=1e-4)
        terms = TruncatedTrace_ELBO(None).terms(model, guide, repeated(len(y)), y, steps=3, supervise="last")
        found = (terms.log_likelihood - terms.kl.sum(0)).double().view(len(EVERY), draws)
        weights = mixture_log_weights(model, guide, repeated(len(y)), y, 1).exp().double().view(2, len(EVERY), draws)
    elbo, error = found.mean(1), found.std(1) / draws**0.5
    assert (elbo <= exact + 4 * error + 1e-4).all() and (elbo < exact - 4 * error).any()
    error = weights.var(2).sum(0).sqrt() / (2 * draws**0.5)
    assert ((weights.mean((0, 2)) - exact.exp()).abs() <= 6 * error + 1e-4).all()


def test_the_kl_is_that_of_gaussians_and_zero_without_an_answer() -> None:
    model, guide = pair(latent=3)
    targets = torch.tensor([[0, 1], [-1, -1], [2, 2]])
    terms = TruncatedTrace_ELBO(1).terms(model, guide, repeated(3), targets)
    assert terms.kl.shape == (1, 3) and terms.kl[0, 1] == 0
    normal = traces_of(guide, repeated(3), targets)[1].nodes["guidance_1"]["fn"].base_dist
    mu, sigma = normal.loc.flatten(1), normal.scale.flatten(1)
    by_hand = ((mu**2 + sigma**2 - 1) / 2 - sigma.log()).sum(1)
    torch.testing.assert_close(terms.kl[0], by_hand)
    assert (by_hand[[0, 2]] > 0).all()


def test_positions_without_an_answer_do_not_count_in_the_mean() -> None:
    """The decoder of the posterior sees the mean over answered positions, whatever stands elsewhere."""
    task = Coloring(n=3, layout="tokens")
    torch.manual_seed(0)
    model = Vae(task.spec, VaeConfig(16, 2, 1, 16))
    guide = EncoderGuide(task.spec, model)
    x = task.encode([nx.path_graph(3)])
    y = torch.full((1, x.tokens.shape[1]), -1)
    y[:, :3] = torch.tensor([0, 1, 0])
    features = torch.randn(1, y.shape[1], 16)
    locations = []
    for elsewhere in (0.0, 1.0):
        moved = features.where(y[..., None] >= 0, elsewhere)
        guide.features = lambda *_, moved=moved: moved  # type: ignore[method-assign, misc]
        locations.append(traces_of(guide, x, y)[1].nodes["guidance_1"]["fn"].base_dist.loc)
    torch.testing.assert_close(*locations)


def test_z_tells_positions_apart_that_nothing_else_does() -> None:
    task = Coloring(n=6)
    torch.manual_seed(0)
    model = Vae(task.spec, VaeConfig(16, 2, 2, 16))
    x = task.encode([nx.empty_graph(6)])
    for z, alike in ((torch.zeros(1, 1, 32), True), (torch.randn(1, 1, 32), False)):
        logits = model.predict(model.embed(x), z, x.relations)[0]
        assert ((logits - logits[0]).abs().max() < 1e-5) == alike
        assert torch.pdist(logits).min() > 1e-4 or alike


def test_the_bound_has_one_kl_whatever_the_depth() -> None:
    model, guide = pair()
    found = bound(TASK, model, guide, [nx.path_graph(2)], depth=16)
    assert len(found.kl) == 1 and found.kl[0] > 0


def test_the_recipe_is_the_plain_bound() -> None:
    for preset in ("cpu", "paper"):
        config = recipe("coloring", preset, "vae")
        training = config.training
        assert config.guide == "encoder" and (training.beta, training.kl_target, training.balance) == (1, None, None)
        assert training.prior_fraction == training.head_rounds == 0


def test_an_encoder_is_for_this_model_and_a_latent_has_a_size() -> None:
    with pytest.raises(UserError, match="the guide encoder is for the model vae, not for Direct"):
        EncoderGuide(TASK.spec, Direct(TASK.spec, TransformerConfig(16, 2, 1, 16)))
    with pytest.raises(UserError, match=r"model\.latent must lie between 1 and 16,384, not 0"):
        VaeConfig(latent=0)
