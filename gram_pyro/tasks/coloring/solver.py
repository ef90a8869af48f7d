"""Exact enumeration of the colorings of a graph."""

from collections.abc import Iterator

import networkx as nx

from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.backtracking import fillings


def colorings(graph: nx.Graph, k: int, limit: int) -> Iterator[Answer]:
    """Yield every coloring of `graph` with at most `k` colors, once up to renaming.
    Branches on the vertex with the fewest colors left (DSATUR, Brelaz 1979) and opens at most one color that was not
    used before, so that no two results differ only by names. Raises `TimeoutError` after `limit` branches."""
    neighbours = [list(graph.adj[vertex]) for vertex in range(len(graph))]
    colors = [-1] * len(graph)
    blocked = [[0] * k for _ in colors]

    def move(vertex: int, color: int, change: int) -> None:
        for other in neighbours[vertex]:
            blocked[other][color] += change

    def options(vertex: int) -> list[int]:
        return [color for color in reversed(range(min(max(colors) + 2, k))) if not blocked[vertex][color]]

    def choose(empty: set[int]) -> int:
        return max(empty, key=lambda v: (k - blocked[v].count(0), len(neighbours[v]), -v))

    return fillings(colors, choose, options, move, limit)
