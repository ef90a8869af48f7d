"""A guide that does not fit is refused before training, by name and with what is expected."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch

from gram_pyro.errors import UserError
from gram_pyro.guides import GaussianGuide, Guide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.tasks import Coloring
from gram_pyro.training.trial import check_guide

TASK = Coloring(n=4)


class Misses(Guide):
    """Says nothing of the second transition."""

    def __init__(self, spec: Any, model: Any) -> None:
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
    """Steers everything, answer or not."""

    def __init__(self, spec: Any, model: Any) -> None:
        super().__init__(model)
        self.shift = torch.nn.Parameter(torch.ones(model.width))

    def get_posterior(self, name: str, prior: Any) -> Any:
        return dist.Normal(prior.base_dist.loc + self.shift, prior.base_dist.scale).to_event(2)


class Lazy(Misses):
    """Learns its sizes when it is first asked."""

    def __init__(self, spec: Any, model: Any) -> None:
        super().__init__(spec, model)
        self.network = torch.nn.LazyLinear(model.width)

    def get_posterior(self, name: str, prior: Any) -> Any:
        shift = self.network(self.proposal(name))
        return dist.Normal(prior.base_dist.loc + shift, prior.base_dist.scale).to_event(2)


class Averaging(Misses):
    """Keeps running means."""

    def __init__(self, spec: Any, model: Any) -> None:
        super().__init__(spec, model)
        self.norm = torch.nn.BatchNorm1d(model.width, affine=False)

    def get_posterior(self, name: str, prior: Any) -> Any:
        shift = self.norm(self.proposal(name).mT).mT
        return dist.Normal(prior.base_dist.loc + shift, prior.base_dist.scale).to_event(2)


class Breaks(Misses):
    """Says nothing that is finite."""

    def get_posterior(self, name: str, prior: Any) -> Any:
        return dist.Normal(prior.base_dist.loc * torch.nan, 1.0).to_event(2)


class Mute(Misses):
    """Has no side information."""

    def side_information(self, *_: Any) -> Any:
        raise AttributeError("nothing beside")


def attempt(kind: type[Guide]) -> Guide:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = kind(TASK.spec, model)
    check_guide("mine.py:Own", guide, TASK, TASK.generate("train", 1, 0)[0])
    return guide


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Misses, "answers guidance_2 with a NoneType; give a distribution like the prior"),
        (Pools, "answers guidance_1 with the shape (1, 16); the prior has (3, 4, 16)"),
        (Averages, "answers guidance_1 with the shape (1, 4, 16); the prior has (3, 4, 16)"),
        (Flattens, "answers guidance_1 with 1 dimensions of an event, not 2: .to_event(2)"),
        (Mixes, "answers guidance_1 with a Independent that cannot be reparameterised"),
        (Breaks, "answers guidance_1 with a distribution that is not finite"),
        (Mute, "fails on a first problem: AttributeError: nothing beside"),
        (Forgets, "fails on a first problem: NotImplementedError"),
        (Fails, "fails on a first problem: KeyError: 'thought_7'"),
    ],
)
def test_a_guide_that_does_not_fit_is_refused(kind: type[Guide], message: str) -> None:
    with pytest.raises(UserError) as refused:
        attempt(kind)
    assert str(refused.value).startswith("the guide mine.py:Own ") and message in str(refused.value)


def test_a_guide_that_insists_does_not_steer_without_an_answer() -> None:
    """It passes, for its answer does not count there."""
    guide = attempt(Insists)
    problem = TASK.generate("train", 1, 0)[0]
    targets = TASK.targets(problem)[:1].repeat(2, 1)
    targets[1] = -1
    guide(TASK.encode([problem] * 2), targets)
    model_trace, guide_trace = guide.get_traces()
    apart = guide_trace.nodes["guidance_1"]["fn"].mean - model_trace.nodes["guidance_1"]["fn"].mean
    torch.testing.assert_close(apart[0], torch.ones(4, 16))
    assert (apart[1] == 0).all()


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_a_guide_of_lazy_layers_passes_and_has_their_sizes() -> None:
    guide = attempt(Lazy)
    assert all(parameter.isfinite().all() for parameter in guide.parameters())


def test_running_means_stay_as_they_were() -> None:
    guide = attempt(Averaging)
    assert isinstance(guide, Averaging) and guide.norm.num_batches_tracked == 0
    assert (guide.norm.running_mean == 0).all() and (guide.norm.running_var == 1).all()


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
