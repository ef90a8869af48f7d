"""Images completed from a part: what training gives, and that a network learns the conditionals of a known mixture."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gram_pyro.guides import DiffusionGuide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models import Gram, GramConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks import Digits, Image, Problems
from gram_pyro.tasks.digits.images import patches
from gram_pyro.training.carry import carried
from tests.tasks.test_digits import folder

PROTOTYPES = ("1100110000110011", "0011001111001100", "1111111100000000", "1010101010101010", "0110100110010110",
              "1001111111110000")  # fmt: skip
COPIES = (6, 4, 3, 2, 2, 1)
GRAYS = (13, 242)
"""A pixel differs from its prototype with probability 13 / 255."""
STEPS, BATCH, RATE, RECEIVER = 8, 512, 1e-2, "mean"


def mixture() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how likely each prototype is, and each value of its patches `(prototypes, patches, 16)`, by plain loops."""
    black = np.array([[GRAYS[int(mark)] / 255 for mark in marks] for marks in PROTOTYPES])
    values = np.ones((len(PROTOTYPES), 4, 16))
    for value in range(16):
        for place, mark in enumerate(f"{value:04b}"):
            chance = patches(black)[..., place]
            values[..., value] *= chance if mark == "1" else 1 - chance
    return np.array(COPIES) / sum(COPIES), values


def conditional(given: list[int], free: int) -> NDArray[np.float64]:
    """Return p(value of the free patch | values of the others), by enumeration of the prototypes: `(16,)`."""
    weights, values = mixture()
    for place, value in enumerate(given):
        if place != free:
            weights = weights * values[:, place, value]
    return np.asarray(weights @ values[:, free] / weights.sum())


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the total variation of two distributions `(16,)`."""
    return float(abs(one - other).sum() / 2)


def trained(task: Digits, problems: list[Image], updates: int) -> Gram:
    """Return a small network with drafts."""
    torch.manual_seed(0)
    model = Gram(
        task.spec, GramConfig(width=32, heads=2, layers=1, hidden=64, draft="flow", receiver=RECEIVER, guidance=False)
    )
    elbo = TruncatedTrace_ELBO(1)(model, DiffusionGuide(task.spec, model))
    optimizer = torch.optim.AdamW(elbo.parameters(), lr=RATE, betas=(0.9, 0.95), fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    loop = carried(task, model, problems, batch=BATCH, depth=STEPS, prior_fraction=0.0)
    for x, targets, state in islice(loop, updates):
        loss = elbo(x, targets, state=state) / len(targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(elbo.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def said(model: Gram, x: Problems, free: int, trajectories: int = 64) -> Tensor:
    """Return probabilities at a free patch, a mean over trajectories: `(batch, 16)`."""
    many = x.select(torch.arange(len(x.tokens)).repeat_interleave(trajectories))
    with seeded(0), torch.no_grad():
        logits = model(many, steps=STEPS, supervise="none").logits[:, free]
    return logits.softmax(-1).view(len(x.tokens), trajectories, -1).mean(1)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    """Images of 4 x 4 pixels, drawn anew by their grays."""
    grays = np.array([[GRAYS[int(mark)] for mark in marks] for marks in PROTOTYPES], np.uint8).reshape(-1, 4, 4)
    return Digits(data=folder(tmp_path_factory.mktemp("mixture"), train=grays), binarisation="dynamic", given=1.0)


@pytest.fixture(scope="module")
def problems() -> list[Image]:
    """Each prototype as often as it is likely."""
    found = []
    for marks, copies in zip(PROTOTYPES, COPIES, strict=True):
        pixels, grays = bytes(map(int, marks)), bytes(GRAYS[int(mark)] for mark in marks)
        found += [Image(4, pixels, grays)] * copies
    return found


def test_a_network_learns_the_conditionals_of_a_mixture(task: Digits, problems: list[Image]) -> None:
    import sys, time

    start = time.time()
    model = trained(task, problems, int(sys.argv[-1]) if sys.argv[-1].isdigit() else 1500)
    print("trained", time.time() - start)
    rng = np.random.default_rng(1)
    weights, values = mixture()
    learned, marginal, noted = [], [], []
    for number in range(60):
        kind, free = rng.choice(len(weights), p=weights), number % 4
        given = [int(rng.choice(16, p=values[kind, place])) for place in range(4)]
        pins = torch.tensor([given])
        pins[0, free] = -1
        exact = conditional(given, free)
        learned.append(distance(said(model, task.board(pins), free)[0].double().numpy(), exact))
        marginal.append(distance(weights @ values[:, free], exact))
        noted.append((given, free, learned[-1]))
    print(time.time() - start, np.mean(learned), np.mean(marginal), max(learned))
    print(sorted(learned)[-10:])
    assert np.mean(learned) < 0.05 and np.mean(marginal) > 0.3
