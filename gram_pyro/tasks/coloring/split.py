"""Random graphs, and a split of all graphs that no relabelling of vertices can cross."""

from collections.abc import Iterator
from typing import Any, get_args

import networkx as nx
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gram_pyro.tasks.base import Split, split_names

ROUNDS = 4
MAX_DRAWS = 1000
MAX_CELLS = 2**26


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def invariant(adjacency: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a 64-bit number per graph that isomorphic graphs share: `(batch, n, n)` -> `(batch,)`.

    Color refinement from degrees and triangles; graphs it cannot tell apart share a split. Published splits rest on it.
    """
    matrix = adjacency.astype(np.uint64)
    triangles = np.einsum("bij,bjk,bki->bi", matrix, matrix, matrix)
    labels = mix(matrix.sum(-1) * np.uint64(1 << 32) + triangles + np.uint64(1))
    for _ in range(ROUNDS):
        labels = mix(labels * np.uint64(3) + mix(np.einsum("bij,bj->bi", matrix, labels)))
    return mix(labels.sum(-1) + np.uint64(adjacency.shape[-1]))


def split_of(adjacency: NDArray[Any]) -> NDArray[np.str_]:
    """Return the split that each graph belongs to: `(batch, n, n)` -> `(batch,)`."""
    return split_names(invariant(adjacency), 20)


def random_graphs(
    split: Split, count: int, n: int, probabilities: tuple[float, ...], seed: int, draws: int = MAX_DRAWS
) -> Iterator[nx.Graph]:
    """Yield random graphs of a split, drawn for `count` at a time, at most `draws` times."""
    rng = np.random.default_rng([seed, get_args(Split).index(split)])
    for _ in range(draws):
        drawn = random_adjacency(max(1, min(4 * count + 64, MAX_CELLS // n**2)), n, probabilities, rng)
        yield from map(nx.from_numpy_array, drawn[split_of(drawn) == split])


def random_adjacency(count: int, n: int, probabilities: tuple[float, ...], rng: Generator) -> NDArray[np.bool_]:
    """Return Erdos-Renyi graphs `(count, n, n)`, each with one of the edge probabilities."""
    probability = rng.choice(probabilities, size=(count, 1, 1))
    upper = np.triu(rng.random((count, n, n)) < probability, 1)
    return upper | upper.transpose(0, 2, 1)
