"""How few colors a graph takes."""

from collections.abc import Callable
from itertools import islice

import networkx as nx

from gram_pyro.errors import UserError

MAX_CLIQUES = 10_000
BEYOND = 2
"""Colors beyond those of a greedy coloring that are tried at the most."""


def fewest_colors(graph: nx.Graph, succeeds: Callable[[int], bool]) -> tuple[int, str]:
    """Return the fewest colors, 2 at least, with which a search succeeds, or the last that was tried; and a sentence on
    whether it takes fewer. Nothing below the size of a clique is tried, as no such coloring exists."""
    clique = max(map(len, islice(nx.find_cliques(graph), MAX_CLIQUES)))
    tried = range(max(2, clique), max(2, greedy_colors(graph)) + BEYOND + 1)
    fewest = next((k for k in tried if succeeds(k)), tried[-1])
    if clique == 1:
        return fewest, "no vertices are joined: one color is enough"
    if fewest == clique:
        return fewest, f"fewer than {fewest} colors are impossible: {clique} vertices are all joined"
    return fewest, f"with {fewest - 1} colors no sample succeeded, which is no proof that there is no such coloring"


def greedy_colors(graph: nx.Graph) -> int:
    """Return how many colors a greedy coloring takes (DSATUR, Brelaz 1979)."""
    colors: dict[int, int] = nx.greedy_color(graph, "DSATUR")
    return 1 + max(colors.values())


def color_number(text: str, graph: nx.Graph) -> int:
    """Return a number of colors. Raises `UserError` unless it is from 2 to the number of vertices."""
    most = max(2, len(graph))
    if not text.isdecimal() or not 2 <= int(text) <= most:
        size = f"a graph of {len(graph):,} vertices takes from 2 to {most:,} colors"
        raise UserError(f"{size}, or auto for the fewest that are found; not {text}")
    return int(text)
