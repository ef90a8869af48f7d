"""Which targets are for training, validation and test."""

import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.base import Split

TARGETS = np.arange(10, 101)
HELD_OUT: dict[Split, int] = {"test": 9, "validation": 5}
"""Targets held out for test, a tenth of all, and for validation."""
SEED = 4  # leaves 100 in training: no given number is 100, so that nothing else would teach what it means


def targets_of(split: Split) -> NDArray[np.int64]:
    """Return the targets of a split, sorted; no two splits share one."""
    order = np.random.default_rng(SEED).permutation(TARGETS)
    test, validation = HELD_OUT["test"], HELD_OUT["validation"]
    parts = dict(zip(("test", "validation", "train"), np.split(order, [test, test + validation]), strict=True))
    return np.sort(parts[split])
