"""Laws that no implementation can pass by luck: probabilities that sum to one, bounds in order, a known posterior."""

from __future__ import annotations

import itertools
import math
from typing import Any

import networkx as nx
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI
from pyro.optim import ClippedAdam
from torch import Tensor, nn

from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.guides import GUIDES, GaussianGuide, Guide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.models.base import State
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.base import Problems

TASK = Coloring(n=3)
GRAPH = nx.path_graph(3)
STEPS = 2
EVERY = torch.tensor(list(itertools.product(range(3), repeat=3)))
STEERING = [name for name in GUIDES if name not in ("empty", "prior", "fields", "diffusion", "encoder", "forward")]


def pair(name: str = "gaussian") -> tuple[Gram, Guide]:
    """A model that is sure of some answers, and a guide that knows some of them."""
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    model.decoder.weight.data *= 3
    guide: Guide = GUIDES[name](TASK.spec, model)
    for parameter in guide.parameters():
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    return model, guide


def repeated(count: int) -> Problems:
    return TASK.encode([GRAPH]).select(torch.zeros(count, dtype=torch.long))


class Perturbed(dist.Normal):
    """A Normal that gives itself more density than it has."""

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) + 0.3 / value[0].numel()


def weigh(guide: Guide, x: Problems, y: Tensor, sites: dict[str, Any] | None) -> tuple[Tensor, Tensor, Tensor]:
    """log p(y | z), log p(z), log q(z | x, y), each `(batch,)`, of trajectories given or drawn by the guide."""
    with SubstituteMessenger(sites or {}):
        guide(x, y, steps=STEPS, supervise="last")
    model_trace, guide_trace = guide.get_traces()
    names = [name for name in guide_trace.nodes if name.startswith("guidance")]
    likelihood = model_trace.nodes[f"y_{STEPS}"]
    values = {name: model_trace.nodes[name]["value"] for name in names}
    prior = sum(model_trace.nodes[name]["fn"].log_prob(value) for name, value in values.items())
    posterior = sum(guide_trace.nodes[name]["fn"].log_prob(value) for name, value in values.items())
    return likelihood["fn"].log_prob(y), prior, posterior  # type: ignore[return-value]


@torch.no_grad()
def probabilities(model: Gram, guide: Guide, draws: int) -> tuple[Tensor, Tensor, Tensor]:
    """p(y | x) of every output with its standard error, and the effective sample size as a part of the draws.

    Half of the trajectories are the guide's and half the prior's, separate ones for each y, all weighed by the
    mixture of both: prior draws alone would sum to one for any density of the guide.
    """
    y = EVERY.repeat_interleave(draws, 0)
    x = repeated(len(y))
    torch.manual_seed(1)
    trace = pyro.poutine.trace(model).get_trace(x, steps=STEPS, supervise="last")
    free = {name: site["value"] for name, site in trace.nodes.items() if name.startswith("guidance")}
    logs = []
    for sites in (None, free):
        likelihood, prior, posterior = weigh(guide, x, y, sites)
        mixture = torch.logaddexp(prior, posterior) - math.log(2)
        logs.append((likelihood + prior - mixture).double().view(len(EVERY), draws))
    weights = torch.cat(logs, 1).exp()
    error = torch.stack([half.exp().var(1) for half in logs]).sum(0).sqrt() / (2 * draws**0.5)
    effective = weights.sum(1).square() / weights.square().sum(1) / (2 * draws)
    return weights.mean(1), error, effective


@pytest.mark.parametrize("name", STEERING)
def test_the_probabilities_of_all_outputs_sum_to_one(name: str) -> None:
    mean, error, effective = probabilities(*pair(name), draws=1500)
    assert effective.min() > 0.05
    spread = error.square().sum().sqrt()
    assert spread < 0.02 and abs(mean.sum() - 1) < 4 * spread


def test_a_wrong_density_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, guide = pair()
    right = GaussianGuide.get_posterior

    def wrong(self: Any, name: str, prior: Any) -> Any:
        normal = right(self, name, prior).base_dist
        return Perturbed(normal.loc, normal.scale).to_event(2)

    monkeypatch.setattr(GaussianGuide, "get_posterior", wrong)
    mean, error, _ = probabilities(model, guide, draws=1500)
    assert abs(mean.sum() - 1) > 6 * error.square().sum().sqrt()


def test_valid_mass_is_the_frequency_of_valid_draws() -> None:
    model, guide = pair()
    mean, error, _ = probabilities(model, guide, draws=1500)
    valid = torch.tensor([TASK.violations(GRAPH, tuple(row)) == 0 for row in EVERY.tolist()])
    torch.manual_seed(2)
    count = 40_000
    with torch.no_grad():
        trace = pyro.poutine.trace(model).get_trace(repeated(count), steps=STEPS, supervise="last")
    drawn = trace.nodes[f"y_{STEPS}"]["value"]
    places = (drawn * torch.tensor([9, 3, 1])).sum(1)
    frequency = valid[places].double().mean()
    spread = (error[valid].square().sum() + frequency * (1 - frequency) / count).sqrt()
    assert abs(mean[valid].sum() - frequency) < 4 * spread
    counts = torch.bincount(places, minlength=27) / count
    assert (counts - mean).abs().max() < 0.02


def test_the_bounds_are_in_order() -> None:
    model, guide = pair()
    mean, error, _ = probabilities(model, guide, draws=1500)
    x, y = repeated(27 * 400), EVERY.repeat_interleave(400, 0)
    with torch.no_grad():
        torch.manual_seed(3)
        terms = TruncatedTrace_ELBO(None).terms(model, guide, x, y, steps=STEPS, supervise="last")
        elbo = (terms.log_likelihood - terms.kl.sum(0)).view(27, 400).mean().item()
        weighted = -ImportanceELBO(None, particles=8).loss(model, guide, x, y, steps=STEPS, supervise="last") / len(y)
    assert elbo + 0.01 < weighted < mean.log().mean().item() + 4 * (error / mean).square().sum().sqrt().item() / 27


# One linear transition


class Linear(Gram):
    """The same program with an identity core, h as its own decoding, and a Normal likelihood."""

    def propose(self, state: State, embedded: Tensor, relations: Tensor | None) -> tuple[Tensor, Tensor]:
        return state.high, state.low

    def guidance(self, proposal: Tensor) -> tuple[Tensor, Tensor]:
        return torch.full_like(proposal, MEAN), torch.full_like(proposal, SCALE)

    def decode(self, high: Tensor) -> Tensor:
        return high

    def likelihood(self, logits: Tensor) -> dist.TorchDistribution:
        return dist.Normal(logits[..., 0], NOISE).to_event(1)


MEAN, SCALE, NOISE = 0.7, 1.5, 0.8


class LinearGuide(Guide):
    """q = N(a (y - u) + b, s^2) at every position."""

    def __init__(self, spec: Any, model: Any) -> None:
        super().__init__(model)
        self.slope, self.offset, self.log_scale = (nn.Parameter(torch.zeros(())) for _ in range(3))

    def get_posterior(self, name: str, prior: Any) -> Any:
        assert self.targets is not None
        location = prior.base_dist.loc.clone()
        location[..., 0] = self.slope * (self.targets - self.proposal(name)[..., 0]) + self.offset
        scale = prior.base_dist.scale.clone()
        scale[..., 0] = self.log_scale.exp()
        return dist.Normal(location, scale).to_event(2)


def test_a_linear_gaussian_posterior_is_recovered() -> None:
    torch.manual_seed(0)
    model = Linear(TASK.spec, GramConfig(width=2, heads=1, layers=1, hidden=2))
    guide = LinearGuide(TASK.spec, model)
    start = model.initial_high[0]
    x = repeated(64)
    y = start + MEAN + SCALE * torch.randn(64, 3) + NOISE * torch.randn(64, 3)
    svi = SVI(model, guide, ClippedAdam({"lr": 0.03, "lrd": 0.993}), TruncatedTrace_ELBO(None))
    for _ in range(600):
        svi.step(x, y)
    precision = 1 / SCALE**2 + 1 / NOISE**2
    assert guide.slope.item() == pytest.approx(1 / NOISE**2 / precision, abs=0.02)
    assert guide.offset.item() == pytest.approx(MEAN / SCALE**2 / precision, abs=0.04)
    assert guide.log_scale.exp().item() == pytest.approx(precision**-0.5, abs=0.02)
    evidence = dist.Normal(start + MEAN, (SCALE**2 + NOISE**2) ** 0.5).log_prob(y).sum()
    with torch.no_grad():
        bound = -sum(TruncatedTrace_ELBO(None).loss(model, guide, x, y) for _ in range(20)) / 20
    assert bound == pytest.approx(evidence.item(), abs=0.02 * 64)
