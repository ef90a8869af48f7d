"""Images completed from a part: what training gives, and that a network learns the conditionals of a known mixture."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from gram_pyro.guides import DiffusionGuide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models import Gram, GramConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks import Digits, Image, Pool, Problems
from gram_pyro.tasks.digits.draws import halves, random_parts
from gram_pyro.tasks.digits.images import patches
from gram_pyro.training.carry import carried
from tests.tasks.test_digits import TASK, folder

PROTOTYPES = ("1100110000110011", "0011001111001100", "1111111100000000", "1010101010101010", "0110100110010110",
              "1001111111110000")  # fmt: skip
COPIES = (6, 4, 3, 2, 2, 1)
GRAYS = (13, 242)
"""A pixel differs from its prototype with probability 13 / 255."""
STEPS, UPDATES, TRAJECTORIES = 8, 1000, 2048


def mixture() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how likely each prototype is, and each value of its patches: `(prototypes, patches, 16)`."""
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


def trained(task: Digits, problems: list[Image]) -> Gram:
    """Return a small network with drafts."""
    torch.manual_seed(0)
    model = Gram(
        task.spec, GramConfig(width=32, heads=2, layers=1, hidden=64, draft="flow", guidance=False, refinements=1)
    )
    elbo = TruncatedTrace_ELBO(1)(model, DiffusionGuide(task.spec, model))
    optimizer = torch.optim.AdamW(elbo.parameters(), lr=1e-2, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, UPDATES)
    loop = carried(task, model, problems, batch=512, depth=STEPS, prior_fraction=0.0)
    for x, targets, state in islice(loop, UPDATES):
        loss = elbo(x, targets, state=state) / len(targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(elbo.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def said(model: Gram, x: Problems, free: int) -> NDArray[np.float64]:
    """Return probabilities at a free patch of one problem, a mean over trajectories: `(16,)`."""
    with seeded(0), torch.no_grad():
        logits = model(x.select(torch.zeros(TRAJECTORIES, dtype=torch.long)), steps=STEPS, supervise="none").logits
    return logits[:, free].softmax(-1).mean(0).double().numpy()


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
    """All patches given but one: what the decoder says there is what enumeration says, and far from the marginal."""
    model, rng = trained(task, problems), np.random.default_rng(1)
    weights, values = mixture()
    learned, marginal = [], []
    for number in range(40):
        kind, free = rng.choice(len(weights), p=weights), number % 4
        given = [int(rng.choice(16, p=values[kind, place])) for place in range(4)]
        pins = torch.tensor(given)
        pins[free] = -1
        exact = conditional(given, free)
        learned.append(distance(said(model, task.board(pins[None]), free), exact))
        marginal.append(distance(weights @ values[:, free], exact))
    assert np.mean(learned) < 0.05 and np.mean(marginal) > 0.3


def test_parts_are_given_at_random() -> None:
    """Every number of patches is as likely in one half, and the other has a half of the image."""
    count, half = 40_000, 4
    shown = random_parts(count, half, 0.5, torch.Generator().manual_seed(0))
    numbers = torch.bincount(shown.sum(1), minlength=17) / count
    sides = [(shown == each).all(1).float().mean().item() for each in halves(half)]
    assert sides == pytest.approx([0.0625] * 4, abs=0.005)
    scattered = torch.full((17,), 0.25 / 17)
    scattered[0] += 0.5
    scattered[8] += 0.25
    torch.testing.assert_close(numbers, scattered, atol=0.005, rtol=0)
    columns = halves(3)[:2].view(2, 3, 3)
    assert columns[0].tolist() == [[True, False, False]] * 3 and columns[1].tolist() == [[False, False, True]] * 3
    assert halves(4).sum(1).tolist() == [8] * 4 and halves(4)[2, :8].all() and halves(4)[3, 8:].all()


def test_training_gives_parts_of_its_own_targets(task: Digits, problems: list[Image]) -> None:
    """Another drawing of the same image keeps the given part, and no solution contradicts it."""
    x, targets, solutions = Pool(task, problems).draw(500, torch.Generator().manual_seed(0))
    assert x.pins is not None
    shown = x.pins >= 0
    for rows in (targets, solutions[:, 0].long()):
        assert torch.equal(rows[shown], x.pins[shown])
    assert (solutions[:, 0] != targets)[~shown].any() and 0.3 < shown.float().mean() < 0.7
    assert torch.equal(x.tokens, (4 + x.pins).where(shown, torch.arange(4)))


def test_a_share_of_nothing_draws_what_it_drew_before() -> None:
    plain, never = (Pool(Digits(given=share), TASK.generate("train", 9, 0)) for share in (0.0, 1e-9))
    one, other = (pool.draw(20, torch.Generator().manual_seed(0)) for pool in (plain, never))
    assert one.problems.pins is None and torch.equal(one.targets, other.targets)
    assert other.problems.pins is not None and (other.problems.pins == -1).all()
    assert torch.equal(one.problems.tokens, other.problems.tokens)
