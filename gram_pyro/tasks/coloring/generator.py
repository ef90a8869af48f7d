"""Graphs of a split: random ones that can be colored, or cannot, of families, or out of files."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, get_args

import networkx as nx
import numpy as np

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Split
from gram_pyro.tasks.coloring.families import family_graphs
from gram_pyro.tasks.coloring.matrices import adjacency
from gram_pyro.tasks.coloring.split import random_graphs, split_of

if TYPE_CHECKING:
    from gram_pyro.tasks.coloring.task import Coloring

KNOWN = "coloring"
"""Attribute of a graph that has a coloring of it."""
PATIENCE = 10_000
"""Graphs that are drawn for each one wanted."""
DENSER, TRIED, DRAWS = 6, 8, 40
"""Edge probabilities to seek graphs without a coloring at, each with half the missing edges; graphs tried for each one
wanted; and draws for them, as small graphs may have none in a split."""


def colorable_graphs(task: Coloring, split: Split, count: int, seed: int) -> list[nx.Graph]:
    """Return random graphs that the task's colors can color. Raises `UserError` if they are too rare."""
    graphs: list[nx.Graph] = []
    for tried, graph in enumerate(random_graphs(split, count, task.n, task.edge_probability, seed), 1):
        if task.solvable(graph):
            graphs.append(graph)
        if len(graphs) == count:
            return graphs
        if tried >= PATIENCE * (1 + len(graphs)):
            break
    graphs_with = f"{task.feasible} graphs with n={task.n} and edge probability {task.edge_probability}"
    hint = "take a smaller probability or more colors"
    raise UserError(f"too few {graphs_with} were found for the {split} split; {hint}")


def unsolvable_graphs(task: Coloring, split: Split, count: int, seed: int) -> list[nx.Graph]:
    """Return at most `count` random graphs that cannot be colored, of more edges where those are rare."""
    densities = [tuple(1 - (1 - p) / 2**halvings for p in task.edge_probability) for halvings in range(DENSER)]
    graphs = (
        graph
        for density in densities
        for graph in islice(random_graphs(split, count, task.n, density, seed, DRAWS), TRIED * count)
        if task.solvable(graph) is False
    )
    return list(islice(graphs, count))


def graphs_of_families(task: Coloring, split: Split, count: int, seed: int) -> list[nx.Graph]:
    """Return at most `count` graphs of the task's families; each has a coloring as its attribute `KNOWN`.

    Raises `UserError` if there is none.
    """
    rng = np.random.default_rng([seed, get_args(Split).index(split), task.n, task.k])
    drawn = family_graphs(task.families, task.n, task.k, task.mean_degrees, rng)
    graphs: list[nx.Graph] = []
    for edges, colors in islice(drawn, PATIENCE * count):
        if split_of(edges[None]) == split:
            graph = nx.from_numpy_array(edges, edge_attr=None)
            graph.graph[KNOWN] = colors
            graphs.append(graph)
        if len(graphs) == count:
            return graphs
    if not graphs:
        raise UserError(
            f"no {task.feasible} graph of {' and '.join(task.families)} with n={task.n} in the {split} split"
        )
    return graphs


def graphs_of_files(task: Coloring, split: Split, count: int, seed: int) -> list[nx.Graph]:
    """Return at most `count` graphs of the task's `data`, in random order. Raises `UserError` if there is none."""
    graphs = [task.prepare(graph) for graph in task.load(task.data)]
    if other := [len(graph) for graph in graphs if len(graph) != task.n]:
        sizes = f"a graph has {other[0]} vertices, and training takes n={task.n}"
        raise UserError(f"{task.data}: {sizes}; see --task.n")
    graphs = [each for each in graphs if task.solvable(each) and split_of(adjacency(each)[None]) == split]
    if not graphs:
        raise UserError(f"{task.data}: no {task.feasible} graph in the {split} split; take more graphs")
    return [graphs[row] for row in np.random.default_rng(seed).permutation(len(graphs))[:count]]
