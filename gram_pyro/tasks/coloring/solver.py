"""Exact enumeration of the colorings of a graph."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from gram_pyro.tasks.abilities import Answer


def colorings(graph: nx.Graph, k: int, limit: int) -> Iterator[Answer]:
    """Every coloring of `graph` with at most `k` colors, once up to renaming.

    Branches on the vertex with the fewest colors left (DSATUR, Brelaz 1979) and opens at most one
    color that was not used before, so that no two results differ only by names.
    Raises `TimeoutError` after `limit` branches.
    """
    neighbours = [list(graph.adj[vertex]) for vertex in range(len(graph))]
    colors = [-1] * len(graph)
    blocked = [[0] * k for _ in colors]
    free = set(range(len(graph)))
    branches = 0

    def assign(vertex: int, color: int, change: int) -> None:
        colors[vertex] = color if change > 0 else -1
        for other in neighbours[vertex]:
            blocked[other][color] += change

    def choose() -> int:
        return max(free, key=lambda v: (k - blocked[v].count(0), len(neighbours[v]), -v))

    stack: list[tuple[int, int, int]] = []  # (vertex, its color so far, colors used before it)
    vertex, color, used = choose(), -1, 0
    free.discard(vertex)
    while True:
        color = next((c for c in range(color + 1, min(used + 1, k)) if not blocked[vertex][c]), k)
        if color < k:
            branches += 1
            if branches > limit:
                raise TimeoutError(f"undecided after {limit} branches")
            assign(vertex, color, +1)
            if free:
                stack.append((vertex, color, used))
                used = max(used, color + 1)
                vertex, color = choose(), -1
                free.discard(vertex)
                continue
            yield tuple(colors)
            assign(vertex, color, -1)
            continue
        free.add(vertex)
        if not stack:
            return
        vertex, color, used = stack.pop()
        assign(vertex, color, -1)
