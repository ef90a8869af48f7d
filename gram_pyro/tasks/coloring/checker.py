"""What is wrong with a coloring, by the edges of the graph; nothing here looks for colorings."""

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer


def count_violations(graph: nx.Graph, answer: Answer, k: int) -> int:
    """Count edges whose ends share a color, and colors that are none of the k. Raises `UserError` on another length."""
    if len(answer) != len(graph):
        raise UserError(f"an answer for {len(graph)} vertices must have {len(graph)} colors, not {len(answer)}")
    return int(sum(answer[u] == answer[v] for u, v in graph.edges)) + sum(not 0 <= color < k for color in answer)


def check_graph(graph: nx.Graph) -> None:
    """Raises `UserError` unless this is an undirected graph with vertices and without self-loops."""
    if not isinstance(graph, nx.Graph):
        raise UserError(f"coloring takes a networkx.Graph, not {type(graph).__name__}")
    if graph.is_directed():
        raise UserError("the graph is directed; coloring takes an undirected one, such as graph.to_undirected()")
    if not len(graph):
        raise UserError("the graph has no vertices; coloring takes at least one")
    if loop := next(nx.selfloop_edges(graph), None):
        raise UserError(f"the graph joins vertex {loop[0]!r} to itself, which no coloring allows; remove that edge")
