"""Random graphs, and a split of all graphs that no relabelling of vertices can cross."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.base import Split

ROUNDS = 4
MAX_DRAWS = 1000
MAX_CELLS = 2**26
TEST_PERCENT = 20
VALIDATION_PERCENT = 5


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def invariant(adjacency: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit number per graph that isomorphic graphs share: `(batch, n, n)` -> `(batch,)`.

    Color refinement started from degrees and triangles. Graphs it cannot tell apart fall into the
    same split, which is harmless. Stable over releases: published splits stand on it.
    """
    matrix = adjacency.astype(np.uint64)
    triangles = np.einsum("bij,bjk,bki->bi", matrix, matrix, matrix)
    labels = mix(matrix.sum(-1) * np.uint64(1 << 32) + triangles + np.uint64(1))
    for _ in range(ROUNDS):
        labels = mix(labels * np.uint64(3) + mix(np.einsum("bij,bj->bi", matrix, labels)))
    return mix(labels.sum(-1) + np.uint64(adjacency.shape[-1]))


def split_of(adjacency: NDArray[Any]) -> NDArray[np.str_]:
    """The split that each graph belongs to: `(batch, n, n)` -> `(batch,)` of names."""
    bucket = invariant(adjacency) % np.uint64(100)
    names = np.where(bucket < TEST_PERCENT + VALIDATION_PERCENT, "validation", "train")
    return np.where(bucket < TEST_PERCENT, "test", names)


def random_graphs(
    split: Split, count: int, n: int, edge_probability: tuple[float, ...], seed: int
) -> Iterator[nx.Graph]:
    """Yield random graphs of a split, drawn for `count` at a time."""
    rng = np.random.default_rng([seed, ("train", "validation", "test").index(split)])
    for _ in range(MAX_DRAWS):
        drawn = random_adjacency(max(1, min(4 * count + 64, MAX_CELLS // n**2)), n, edge_probability, rng)
        yield from map(nx.from_numpy_array, drawn[split_of(drawn) == split])


def random_adjacency(
    count: int, n: int, edge_probability: tuple[float, ...], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Erdos-Renyi graphs `(count, n, n)`, each with one of the edge probabilities."""
    probability = rng.choice(edge_probability, size=(count, 1, 1))
    upper = np.triu(rng.random((count, n, n)) < probability, 1)
    return upper | upper.transpose(0, 2, 1)
