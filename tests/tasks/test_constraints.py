"""How likely constraints hold, against the sum over all outcomes."""

from __future__ import annotations

from itertools import product

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.tasks.constraints import log_at_most_one, log_differ, log_exactly_one, log_given

chances = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5)


def over_all(chance: list[float], holds: set[int]) -> float:
    """The chance that the number of positions that are chosen is among `holds`."""
    total = 0.0
    for chosen in product((0, 1), repeat=len(chance)):
        likely = 1.0
        for p, yes in zip(chance, chosen, strict=True):
            likely *= p if yes else 1 - p
        total += likely if sum(chosen) in holds else 0.0
    return total


def close(found: Tensor, expected: float) -> bool:
    return abs(found.exp().item() - expected) < 1e-4


@given(chances)
def test_one_group_is_exact(chance: list[float]) -> None:
    everything = torch.ones(1, len(chance))
    p = torch.tensor(chance, dtype=torch.double)
    assert close(log_exactly_one(p, everything), over_all(chance, {1}))
    assert close(log_at_most_one(p, everything), over_all(chance, {0, 1}))


@given(chances, chances)
def test_groups_multiply(first: list[float], second: list[float]) -> None:
    p = torch.tensor(first + second, dtype=torch.double)
    groups = torch.zeros(2, len(p))
    groups[0, : len(first)], groups[1, len(first) :] = 1, 1
    assert close(log_exactly_one(p, groups), over_all(first, {1}) * over_all(second, {1}))


@given(st.integers(0, 2**31), st.integers(2, 5))
def test_one_pair_is_exact_and_pairs_multiply(seed: int, classes: int) -> None:
    torch.manual_seed(seed)
    p = torch.rand(1, 4, classes).double().softmax(-1)
    pairs = torch.zeros(4, 4).double()
    pairs[0, 1] = pairs[1, 0] = 1
    apart = 1 - sum(p[0, 0, c] * p[0, 1, c] for c in range(classes))
    assert close(log_differ(p, pairs), float(apart))
    pairs[2, 3] = pairs[3, 2] = 1
    other = 1 - sum(p[0, 2, c] * p[0, 3, c] for c in range(classes))
    assert close(log_differ(p, pairs), float(apart * other))


def test_what_is_given_counts_and_nothing_else() -> None:
    p = torch.tensor([[[0.2, 0.8], [0.4, 0.6], [0.5, 0.5]]])
    assert close(log_given(p, torch.tensor([[1, 0, -1]])), 0.8 * 0.4)
