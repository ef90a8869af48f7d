"""A colored graph as a person sees it: a line of text, a picture."""

import networkx as nx

from gram_pyro.tasks.abilities import Answer, Axes
from gram_pyro.tasks.coloring.files import vertex_names

PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#9c755f")
MAX_LAID_OUT = 300
MAX_NAMED = 60


def draw_graph(graph: nx.Graph, answer: Answer | None, axes: Axes) -> None:
    """Draw the graph with its colors and the names of its vertices; edges in conflict red and thick.
    Without networkx's own functions, which import pyplot and with it whatever backend the shell names."""
    start = nx.circular_layout(graph)
    place = nx.spring_layout(graph, pos=start, k=1.5, seed=0) if 2 < len(graph) <= MAX_LAID_OUT else start
    for u, v in graph.edges:
        clash = answer is not None and answer[u] == answer[v]
        color, width = ("#d62728", 3.0) if clash else ("#999999", 1.0)
        axes.plot(*zip(place[u], place[v], strict=True), color=color, linewidth=width, zorder=1)
    x, y = zip(*(place[vertex] for vertex in range(len(graph))), strict=True)
    colors = ["white"] * len(graph) if answer is None else [PALETTE[color % len(PALETTE)] for color in answer]
    size = 260 if len(graph) <= 20 else 5200 / len(graph)
    axes.scatter(x, y, size, colors, edgecolors="#333333", linewidths=1.0, zorder=2)
    names = vertex_names(graph) if len(graph) <= MAX_NAMED else None
    for vertex, name in enumerate(names or ()):
        label = axes.annotate(name, place[vertex], (0, 9), textcoords="offset points", ha="center", fontsize=7)
        label.set_parse_math(False)
    axes.margins(0.15)
    axes.set_axis_off()
