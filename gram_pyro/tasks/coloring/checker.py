"""What is wrong with a coloring, by the edges of the graph; nothing here looks for colorings."""

from __future__ import annotations

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer


def count_violations(graph: nx.Graph, answer: Answer, k: int) -> int:
    """Count edges whose ends share a color, and vertices whose color is none of the k.

    Raises `UserError` if the answer has another length than the graph.
    """
    if len(answer) != len(graph):
        raise UserError(f"an answer for {len(graph)} vertices must have {len(graph)} colors, not {len(answer)}")
    colors = dict(enumerate(answer))
    same = nx.subgraph_view(graph, filter_edge=lambda u, v: colors[u] == colors[v])
    return int(same.number_of_edges()) + sum(not 0 <= color < k for color in answer)
