"""How many colorings a graph has, without listing them."""

from collections import defaultdict
from collections.abc import Sequence

import networkx as nx

MAX_STATES = 50_000


def count_colorings(graph: nx.Graph, k: int) -> int:
    """Return the number of colorings of `graph` with at most `k` colors, up to renaming.

    Goes from vertex to vertex. Of those with a neighbour still to come it keeps how they are grouped by color, with how
    many colors are in use: for each such state, the number of colorings so far that end in it. Raises `TimeoutError` if
    there are too many states.
    """
    counts: dict[tuple[tuple[int, ...], int], int] = {((), 0): 1}
    frontier: list[int] = []
    left = set(graph)
    while left:
        vertex = min(left, key=lambda v: (len(_kept(graph, [*frontier, v], left - {v})), v))
        left.remove(vertex)
        kept = _kept(graph, [*frontier, vertex], left)
        near = [place for place, other in enumerate(frontier) if other in graph.adj[vertex]]
        reached: dict[tuple[tuple[int, ...], int], int] = defaultdict(int)
        for (groups, used), count in counts.items():
            seen = 1 + max(groups, default=-1)
            taken = {groups[place] for place in near}
            ways = [(group, used, 1) for group in range(seen) if group not in taken]
            ways += [(seen, used, used - seen), (seen, used + 1, int(used < k))]
            for group, colors, number in ways:
                if number:
                    reached[_canonical([*groups, group], kept), colors] += count * number
        if len(reached) > MAX_STATES:
            raise TimeoutError(f"the graph has more than {MAX_STATES:,} partial colorings to tell apart")
        counts, frontier = reached, [[*frontier, vertex][place] for place in kept]
    return sum(counts.values())


def _kept(graph: nx.Graph, vertices: Sequence[int], left: set[int]) -> list[int]:
    """Return the places of vertices with a neighbour that is left."""
    return [place for place, vertex in enumerate(vertices) if not left.isdisjoint(graph.adj[vertex])]


def _canonical(groups: Sequence[int], places: Sequence[int]) -> tuple[int, ...]:
    """Return the groups at some places, numbered by first occurrence."""
    names: dict[int, int] = {}
    return tuple(names.setdefault(groups[place], len(names)) for place in places)
