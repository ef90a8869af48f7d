"""Grids are drawn uniformly: known counts, permanents by hand, and the chi-square test."""

from __future__ import annotations

from itertools import combinations_with_replacement, permutations, product
from operator import ne

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from gram_pyro.tasks.grids import generator
from gram_pyro.tasks.grids.bands import NUMBER_OF_GRIDS
from gram_pyro.tasks.grids.generator import MOST_WAYS, Proposals, crossings, propose, random_boxes, uniform_grids
from gram_pyro.tasks.sudoku.checker import rule
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search


def chance(statistic: float, freedom: int) -> float:
    """The chance of a chi-square this large or larger."""
    return float(torch.special.gammaincc(torch.tensor(freedom / 2.0), torch.tensor(statistic / 2)))


def are_valid(grids: Grids) -> bool:
    first, second = np.array(rule(round(grids.shape[1] ** 0.25))).T
    return bool((grids[:, first] != grids[:, second]).all())


def test_grids_are_kept_in_proportion_to_their_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two proposals weighs as much as can be, the other half of that; equal digits stay equal by any name."""
    both = np.unique(propose(100, 2, np.random.default_rng(0)).grids, axis=0)[:2]
    weights = crossings(2) * MOST_WAYS[2] * np.array([1, 0.5])
    monkeypatch.setattr(generator, "propose", lambda *_: Proposals(both, weights))
    drawn = uniform_grids(3000, 2, np.random.default_rng(0))
    heavy, light = (
        ((drawn[:, :, None] == drawn[:, None]) == (grid[:, None] == grid)).all((1, 2)).sum() for grid in both
    )
    assert heavy + light == 3000 and abs(heavy - 2000) < 4 * (3000 * 2 / 9) ** 0.5


@pytest.mark.parametrize(("box", "digits"), [(2, 4), (3, 9)])
def test_grids_are_solved(box: int, digits: int) -> None:
    grids = uniform_grids(60, box, np.random.default_rng(0))
    assert grids.shape == (60, digits**2) and grids.dtype == np.int8
    assert (grids.min(), grids.max()) == (1, digits) and are_valid(grids)
    assert np.array_equal(grids, uniform_grids(60, box, np.random.default_rng(0)))
    assert not np.array_equal(grids, uniform_grids(60, box, np.random.default_rng(1)))
    assert uniform_grids(0, box, np.random.default_rng(0)).shape == (0, digits**2)


def test_all_small_grids_are_equally_likely() -> None:
    every = {
        grid.tobytes(): place
        for place, grid in enumerate(search(candidates_of(np.zeros((1, 16), dtype=np.int8)), 1000).solutions[0])
    }
    drawn = uniform_grids(28_800, 2, np.random.default_rng(0))
    counts = np.bincount([every[grid.tobytes()] for grid in drawn], minlength=len(every))
    assert len(counts) == NUMBER_OF_GRIDS[2] == 288
    assert 1e-3 < chance(float(((counts - 100) ** 2 / 100).sum()), 287) < 0.999


def test_small_proposals_by_hand() -> None:
    """Four bands, four stacks and 24 names: of 16 crossings 12 fit, and each of these can be completed in one way."""
    grids, weights = propose(2000, 2, np.random.default_rng(0))
    assert crossings(2) == 4 * 4 * 24 and (weights == 384).all()
    assert len(np.unique(grids, axis=0)) == 12 and NUMBER_OF_GRIDS[2] == 12 * 24
    assert abs(len(grids) / 2000 - 12 / 16) < 4 * (0.75 * 0.25 / 2000) ** 0.5


def test_weights_estimate_the_number_of_grids() -> None:
    """And most tries that reach the end are worth a whole draw."""
    tries = 8192
    proposals = propose(tries, 3, np.random.default_rng(0))
    assert crossings(3) == 362_880 * (56 * 6**6) ** 2 and are_valid(proposals.grids)
    assert (proposals.weights <= crossings(3) * MOST_WAYS[3]).all()
    weights = np.zeros(tries)
    weights[: len(proposals.weights)] = proposals.weights
    error = weights.std() / tries**0.5 / weights.mean()
    assert error < 0.04 and abs(np.log(weights.mean()) - np.log(float(NUMBER_OF_GRIDS[3]))) < 3 * error
    assert 0.99 < proposals.effective_size / len(proposals.grids) < 1 and len(proposals.grids) > 0.09 * tries


def test_no_box_can_be_filled_in_more_ways() -> None:
    """Rows and columns that digits have left: of the middle box all cases, of the boxes after it those of a line."""
    rows, lines = (0, 0, 0, 1, 1, 1, 2, 2, 2), [*combinations_with_replacement(range(3), 3)]
    tables = [sum(columns, ()) for columns in product(lines, repeat=3) if sorted(sum(columns, ())) == [*rows]]
    cells = [*product(range(3), repeat=2)]
    free = [[[r != rows[d] and c != table[d] for d in range(9)] for r, c in cells] for table in tables]
    assert len(tables) == 55
    assert {*random_boxes(np.array(free), np.random.default_rng(0))[1].tolist()} == {384, 392, 400, 432, 448}
    for taken in product(range(3), repeat=3):
        assert sum(all(map(ne, order, taken)) for order in permutations(range(3))) in (0, 2)


@given(arrays(np.bool_, (5, 4, 4)))
def test_boxes_are_filled_in_as_many_ways_as_there_are(free: NDArray[np.bool_]) -> None:
    filled, ways = random_boxes(free, np.random.default_rng(0))
    orders = [*permutations(range(4))]
    for allowed, digits, number in zip(free, filled, ways, strict=True):
        possible = [order for order in orders if allowed[range(4), order].all()]
        assert number == len(possible) and (number == 0 or tuple(digits) in possible)


def test_boxes_are_filled_uniformly() -> None:
    """Where a choice cell by cell would favour some ways: 6 of these 8 have 0 first, not half of them."""
    allowed = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]], dtype=bool)
    filled, ways = random_boxes(np.broadcast_to(allowed, (6000, 4, 4)), np.random.default_rng(0))
    counts = np.unique(filled, axis=0, return_counts=True)[1]
    expected = 6000 / ways[0]
    assert len(counts) == ways[0] == 8
    assert chance(float(((counts - expected) ** 2 / expected).sum()), len(counts) - 1) > 1e-3
