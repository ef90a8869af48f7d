"""The picture of a colored graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from gram_pyro.tasks.abilities import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#9c755f")


def draw_graph(graph: nx.Graph, answer: Answer | None, axes: Axes) -> None:
    """Draw the graph with its colors; edges in conflict red and thick."""
    start = nx.circular_layout(graph)
    place = nx.spring_layout(graph, pos=start, k=1.5, seed=0) if 2 < len(graph) <= 300 else start
    colors = ["white"] * len(graph) if answer is None else [PALETTE[c % len(PALETTE)] for c in answer]
    clash = [answer is not None and answer[u] == answer[v] for u, v in graph.edges]
    size = 260 if len(graph) <= 20 else 5200 / len(graph)
    nx.draw_networkx_edges(
        graph, place, ax=axes,
        edge_color=["#d62728" if bad else "#999999" for bad in clash],
        width=[3.0 if bad else 1.0 for bad in clash],
    )  # fmt: skip
    nx.draw_networkx_nodes(graph, place, ax=axes, node_color=colors, node_size=size, edgecolors="#333333")
    axes.set_axis_off()
