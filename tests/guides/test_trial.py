"""A guide that does not fit is refused before training, by name and with what is expected."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES, GaussianGuide, Guide
from gram_pyro.guides.flow import FlowGuide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.tasks import Coloring, NQueens
from gram_pyro.training.trial import check_guide

TASK = Coloring(n=4)


class Misses(Guide):
    """Says nothing of the second transition."""

    def __init__(self, task: Any, model: Any) -> None:
        super().__init__(model)

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        return prior if name == "guidance_1" else None


class Pools(Misses):
    """Answers with one vector a problem."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        return dist.Normal(torch.zeros(1, 16), 1.0).to_event(1)


class Forgets(Misses):
    """Has not written its posterior."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        return Guide.get_posterior(self, name, prior)


class Fails(Misses):
    """Looks for a site that is not there."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        return self.upstream_value("thought_7")


class Flattens(Misses):
    """Takes the positions for a batch."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        return dist.Normal(torch.zeros(prior.batch_shape + prior.event_shape), 1.0).to_event(1)


class Mixes(Misses):
    """Draws what has no gradient."""

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> Any:
        shape = prior.batch_shape + prior.event_shape
        mixture = dist.Categorical(torch.ones(*shape, 2))
        parts = dist.Normal(torch.zeros(*shape, 2), 1.0)
        return dist.MixtureSameFamily(mixture, parts).to_event(2)


class Averages(Misses):
    """Says the same of all problems."""

    def get_posterior(self, name: str, prior: Any) -> Any:
        return dist.Normal(prior.base_dist.loc.mean(0, keepdim=True), 1.0).to_event(2)


class Insists(Guide):
    """Steers everything, as soon as it has learned anything."""

    def __init__(self, task: Any, model: Any) -> None:
        super().__init__(model)
        self.shift = torch.nn.Parameter(torch.zeros(model.width))

    def get_posterior(self, name: str, prior: Any) -> Any:
        return dist.Normal(prior.base_dist.loc + self.shift, prior.base_dist.scale).to_event(2)


class Narrow(Insists):
    """Has a small scale, which a stir may turn around."""

    def __init__(self, task: Any, model: Any) -> None:
        super().__init__(task, model)
        self.scale = torch.nn.Parameter(torch.full((model.width,), 1e-3))

    def get_posterior(self, name: str, prior: Any) -> Any:
        scale = prior.base_dist.scale * (1 + self.scale.log() * 0)
        return dist.Normal(prior.base_dist.loc, scale).to_event(2)


class Lazy(Misses):
    """Learns its sizes when it is first asked."""

    def __init__(self, task: Any, model: Any) -> None:
        super().__init__(task, model)
        self.network = torch.nn.LazyLinear(model.width)

    def get_posterior(self, name: str, prior: Any) -> Any:
        shift = self.network(self.proposal(name)) * self.steered
        return dist.Normal(prior.base_dist.loc + shift, prior.base_dist.scale).to_event(2)


class Averaging(Misses):
    """Keeps running means."""

    def __init__(self, task: Any, model: Any) -> None:
        super().__init__(task, model)
        self.norm = torch.nn.BatchNorm1d(model.width, affine=False)

    def get_posterior(self, name: str, prior: Any) -> Any:
        shift = self.norm(self.proposal(name).mT).mT * self.steered
        return dist.Normal(prior.base_dist.loc + shift, prior.base_dist.scale).to_event(2)


class Breaks(Misses):
    """Says nothing that is finite."""

    def get_posterior(self, name: str, prior: Any) -> Any:
        return dist.Normal(prior.base_dist.loc * torch.nan, 1.0).to_event(2)


class Mute(Misses):
    """Cannot be told anything."""

    def told(self, *_: Any) -> Any:
        raise AttributeError("nothing to tell")


def attempt(kind: type[Guide], free: bool = True) -> Guide:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = kind(TASK.spec, model)
    check_guide("mine.py:Own", guide, TASK, TASK.generate("train", 1, 0)[0], free=free)
    return guide


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Misses, "answers guidance_2 with a NoneType; give a distribution like the prior"),
        (Pools, "answers guidance_1 with the shape (1, 16); the prior has (3, 4, 16)"),
        (Averages, "answers guidance_1 with the shape (1, 4, 16); the prior has (3, 4, 16)"),
        (Flattens, "answers guidance_1 with 1 dimensions of an event, not 2: .to_event(2)"),
        (Mixes, "answers guidance_1 with a Independent that cannot be reparameterised"),
        (Insists, "steers a problem without an answer at guidance_1"),
        (Breaks, "answers guidance_1 with a distribution that is not finite"),
        (Mute, "fails on a first problem: AttributeError: nothing to tell"),
        (Forgets, "fails on a first problem: NotImplementedError"),
        (Fails, "fails on a first problem: KeyError: 'thought_7'"),
    ],
)
def test_a_guide_that_does_not_fit_is_refused(kind: type[Guide], message: str) -> None:
    with pytest.raises(UserError) as refused:
        attempt(kind)
    assert str(refused.value).startswith("the guide mine.py:Own ") and message in str(refused.value)


def test_steering_matters_where_problems_run_free() -> None:
    attempt(Insists, free=False)


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("kind", [Narrow, Lazy])
def test_a_guide_that_a_stir_does_not_suit_passes(kind: type[Guide]) -> None:
    guide = attempt(kind)
    assert all(parameter.isfinite().all() for parameter in guide.parameters())


def test_running_means_stay_as_they_were() -> None:
    guide = attempt(Averaging)
    assert isinstance(guide, Averaging) and guide.norm.num_batches_tracked == 0
    assert (guide.norm.running_mean == 0).all() and (guide.norm.running_var == 1).all()


def test_a_flow_that_steers_all_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its networks run when the density is asked for, not when the posterior is made."""
    monkeypatch.setattr(FlowGuide, "steered", property(lambda guide: torch.ones(3, 1, 1)))
    with pytest.raises(UserError, match="steers a problem without an answer"):
        attempt(FlowGuide)


def test_a_posterior_of_ones_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = GaussianGuide(TASK.spec, model)
    own = torch.no_grad()(guide.get_posterior)
    monkeypatch.setattr(guide, "get_posterior", own)
    check_guide("gaussian", guide, TASK, TASK.generate("train", 1, 0)[0])
    assert guide.get_posterior is own


def test_a_guide_that_fits_passes_and_leaves_the_common_noise_alone() -> None:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = GaussianGuide(TASK.spec, model)
    before, weights = torch.get_rng_state(), {name: part.clone() for name, part in guide.state_dict().items()}
    check_guide("gaussian", guide, TASK, TASK.generate("train", 1, 0)[0])
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(part, weights[name]) for name, part in guide.state_dict().items())
    assert guide.get_posterior.__func__ is GaussianGuide.get_posterior


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("task", [TASK, NQueens(n=4)])
def test_guides_of_the_library_fit(name: str, task: Any) -> None:
    torch.manual_seed(0)
    config = GramConfig(width=16, heads=2, layers=1, hidden=16, transitions=2, guidance=name != "empty")
    model = Gram(task.spec, config)
    check_guide(name, GUIDES[name](task.spec, model), task, task.generate("train", 1, 0)[0])
