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
from gram_pyro.trial import try_guide

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


def attempt(kind: type[Guide]) -> None:
    torch.manual_seed(0)
    model = Gram(TASK, GramConfig(width=16, heads=2, layers=1, hidden=16, transitions=2))
    try_guide("mine.py:Own", kind(TASK, model), TASK, TASK.generate("train", 1, 0)[0])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Misses, "fails on a first problem: AttributeError"),
        (Pools, r"answers guidance_1 with the shape (1, 16); the prior has (1, 4, 16)"),
        (Forgets, "fails on a first problem: NotImplementedError"),
        (Fails, "fails on a first problem: KeyError: 'thought_7'"),
    ],
)
def test_a_guide_that_does_not_fit_is_refused(kind: type[Guide], message: str) -> None:
    with pytest.raises(UserError) as refused:
        attempt(kind)
    assert str(refused.value).startswith("the guide mine.py:Own ") and message in str(refused.value)


def test_a_guide_that_fits_passes_and_leaves_the_common_noise_alone() -> None:
    torch.manual_seed(0)
    model = Gram(TASK, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = GaussianGuide(TASK, model)
    before = torch.get_rng_state()
    try_guide("gaussian", guide, TASK, TASK.generate("train", 1, 0)[0])
    assert torch.equal(before, torch.get_rng_state())
