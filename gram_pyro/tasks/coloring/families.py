"""Families of graphs that k colors can color, of any size."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, get_args

import networkx as nx
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.coloring.solver import colorings

Family = Literal[
    "random", "planted", "geometric", "regular", "circulant", "tree", "grid", "strip", "queen", "bipartite"
]
Adjacency = NDArray[np.bool_]
MIXTURE: tuple[Family, ...] = (*get_args(Family), *["planted"] * 7)  # type: ignore[arg-type]
"""What a training over several sizes takes: all, and planted ones eight times as often."""
HARDEST = 1.2
"""Times the mean degree at which a large random graph has one coloring on average: the most that is drawn."""
SEARCH_LIMIT = 20_000
MAX_IDLE = 1000
"""Graphs in a row without a coloring after which there are taken to be none."""
THINNED, THIN = 0.3, 0.1
"""Part of the graphs that lose edges, and the part of their edges that they lose."""


def hard_degree(k: int) -> float:
    """Return the mean degree at which the expected number of colorings of a large random graph falls to 1."""
    return -2 * math.log(k) / math.log(1 - 1 / k)


def random(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Erdos-Renyi."""
    return rng.random((n, n)) < degree / max(1, n - 1)


def geometric(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Points in a square, the nearest pairs joined."""
    points = rng.random((n, 2))
    distance = np.linalg.norm(points[:, None] - points, axis=2)[np.triu_indices(n, 1)]
    edges = np.zeros((n, n), dtype=bool)
    edges[np.triu_indices(n, 1)] = distance <= np.sort(distance)[min(len(distance) - 1, int(degree * n / 2))]
    return edges


def regular(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """All vertices of one degree, or nearly."""
    even = min(n - 1, round(degree)) // (1 + n % 2) * (1 + n % 2)
    return matrix(nx.random_regular_graph(even, n, seed=int(rng.integers(2**31))), n)


def circulant(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Cycles with all chords of some lengths, such as the square of a cycle."""
    chords = rng.permutation(np.arange(2, 1 + n // 2))[: int(rng.integers(0, 1 + max(0, round(degree / 2) - 1)))]
    lengths = [1, *((2, 3)[: len(chords)] if rng.random() < 0.5 else chords.tolist())]
    return matrix(nx.circulant_graph(n, lengths), n)


def tree(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Each vertex hangs on one of those before it: anywhere, or near the last."""
    reach = int(rng.integers(1, n))
    return matrix(nx.Graph((v, int(rng.integers(max(0, v - reach), v))) for v in range(1, n)), n)


def grid(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Squares of a board row by row, each joined with its neighbours; with the diagonal ones if there are 4 colors."""
    row, column = board(n, rng)
    apart = np.stack((np.abs(row[:, None] - row), np.abs(column[:, None] - column)))
    edges: Adjacency = apart.max(0) == 1 if k > 3 and rng.random() < 0.5 else apart.sum(0) == 1
    return edges


def strip(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """A path whose vertices also see those a few steps on: triangles in a row, for three colors."""
    apart = np.abs(np.arange(n)[:, None] - np.arange(n))
    edges: Adjacency = (apart >= 1) & (apart < max(2, min(k, 4)))
    return edges


def queen(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Squares of a board row by row, joined where queens on them attack each other."""
    row, column = board(n, rng)
    down, right = row[:, None] - row, column[:, None] - column
    edges: Adjacency = (down == 0) | (right == 0) | (np.abs(down) == np.abs(right))
    return edges


def bipartite(n: int, k: int, degree: float, rng: Generator) -> Adjacency:
    """Edges between two sides alone."""
    side = rng.permutation(n) < rng.integers(1, n)
    pairs = side[:, None] != side
    edges: Adjacency = pairs & (rng.random((n, n)) < degree * n / max(1, int(pairs.sum())))
    return edges


def board(n: int, rng: Generator) -> NDArray[np.int64]:
    """Return row and column of the first n squares of a board: `(2, n)`."""
    rows = int(rng.integers(2, max(3, 1 + math.isqrt(n))))
    return np.stack(np.divmod(np.arange(n), -(-n // rows)))


def matrix(graph: nx.Graph, n: int) -> Adjacency:
    """Return the adjacency matrix of a graph on vertices below n."""
    joined = np.zeros((n, n), dtype=bool)
    joined[tuple(np.array(graph.edges(), dtype=int).reshape(-1, 2).T)] = True
    return joined | joined.T


MAKERS: dict[str, Callable[[int, int, float, Generator], Adjacency]] = {
    maker.__name__: maker for maker in (random, geometric, regular, circulant, tree, grid, strip, queen, bipartite)
}


def planted(n: int, k: int, degree: float, rng: Generator) -> tuple[Adjacency, Answer]:
    """Return edges between vertices that a coloring tells apart, each as likely, and this coloring."""
    colors = rng.integers(k, size=n)
    pairs = colors[:, None] != colors
    return pairs & (rng.random((n, n)) < degree * n / max(1, int(pairs.sum()))), tuple(colors.tolist())


def family_graphs(
    families: Sequence[str], n: int, k: int, degrees: Sequence[float], rng: Generator
) -> Iterator[tuple[Adjacency, Answer]]:
    """Yield graphs of the families with a coloring each: of one that is planted, this; of others, that of a solver.

    The mean degree is uniform between two `degrees`, by default from 1 to where k colors hardly suffice. Graphs for
    which a short search finds none are left out, so that of other families the harder ones are rarer.
    Ends where no graph has one.
    """
    idle = 0
    low, high = degrees or (1.0, max(1.5, HARDEST * hard_degree(k)))
    while idle < MAX_IDLE:
        family, degree = families[int(rng.integers(len(families)))], min(n - 1.0, float(rng.uniform(low, high)))
        if family == "planted":
            edges, colors = planted(n, k, degree, rng)
        else:
            edges, colors = MAKERS[family](n, k, degree, rng), ()
        upper = np.triu(edges, 1)
        if family not in ("planted", "random") and rng.random() < THINNED:
            upper &= rng.random((n, n)) > THIN
        edges = upper | upper.T
        order = rng.permutation(n)
        edges = edges[order][:, order]
        found = tuple(colors[vertex] for vertex in order) if colors else coloring_of(edges, k)
        idle += 1
        if found:
            idle = 0
            yield edges, found


def coloring_of(edges: Adjacency, k: int) -> Answer | None:
    """Return a coloring if a short search finds one."""
    try:
        return next(colorings(nx.from_numpy_array(edges), k, SEARCH_LIMIT), None)
    except TimeoutError:
        return None
