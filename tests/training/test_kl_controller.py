"""The KL controller on plants that can be solved on paper."""

from __future__ import annotations

import math

import pytest
import torch

from gram_pyro.training.kl_controller import KLController


@pytest.mark.parametrize("start", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("target", [0.25, 2.0])
def test_it_finds_the_beta_that_holds_the_target(start: float, target: float) -> None:
    """A plant whose KL is 3 / beta: the answer is 3 / target, whichever side one starts from."""
    controller = KLController(start, rate=0.05)
    for _ in range(600):
        controller.update(3 / controller.beta, target)
    assert controller.beta.item() == pytest.approx(3 / target, rel=0.01)


@pytest.mark.parametrize(("kl", "moved"), [(1e6, 0.1), (3.0, 0.1), (1.5, 0.05), (1.0, 0.0), (0.5, -0.05), (0.0, -0.1)])
def test_one_update_moves_log_beta_by_the_clipped_error(kl: float, moved: float) -> None:
    controller = KLController(2.0, rate=0.1)
    controller.update(torch.tensor(4 * kl), target=4.0)
    assert math.log(controller.beta.item() / 2) == pytest.approx(moved, abs=1e-6)


def test_it_keeps_no_graph() -> None:
    controller = KLController(1.0, rate=0.1)
    kl = torch.tensor(1.0, requires_grad=True) * 2
    controller.update(kl, target=1.0)
    assert not controller.beta.requires_grad and controller.beta.shape == ()
