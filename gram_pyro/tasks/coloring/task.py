"""Graph coloring: give every vertex one of k colors so that no edge joins two of the same color."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import ClassVar, Literal

import networkx as nx
import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import is_folder
from gram_pyro.tasks.base import Answer, Problems, Split, Task, known_rows
from gram_pyro.tasks.coloring.files import read_graph, read_graphs
from gram_pyro.tasks.coloring.pool import ColoringPool, known_colorings
from gram_pyro.tasks.coloring.solver import colorings
from gram_pyro.tasks.coloring.split import random_adjacency, split_of
from gram_pyro.tasks.constraints import log_differ

PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#9c755f")
SEARCH_LIMIT = 200_000
ENUMERATION_LIMIT = 1_000_000
MAX_RENAMED = 8
MAX_GENERATED = 1000
MAX_ENCODED = 8192
MAX_CELLS = 2**26
SPLITS = ("train", "validation", "test")
ROUNDS = 1000
PATIENCE = 10_000
"""Random graphs that are tried for one that can be colored."""
DENSER = 6
"""Edge probabilities at which graphs without a coloring are sought; each halves the share of missing edges."""
RARE = 0.05
"""Share of graphs without a coloring below which the next edge probability is tried."""


@dataclass(frozen=True)
class Coloring(Task):
    """Erdos-Renyi graphs of `n` vertices that `k` colors can color.

    A problem is a `networkx.Graph` on vertices `0..n-1`; an answer is a color for each vertex.
    """

    name: ClassVar[str] = "coloring"
    noun: ClassVar[str] = "graph"
    verdict: ClassVar[str] = "colorable"
    distinct: ClassVar[str] = "distinct up to renaming"
    listed: ClassVar[int] = 256

    n: int = 8
    """Vertices of a generated graph; a user's own graph may have any number in the relations layout."""
    k: int = 3
    """Colors."""
    edge_probability: tuple[float, ...] = (0.5,)
    """Each graph draws its edge probability uniformly from these."""
    layout: Literal["relations", "tokens"] = "relations"
    """One token a vertex with the adjacency as a relation, or the paper's sequence of vertex pairs."""
    names: Literal["random", "canonical"] = "random"
    """Color names of training targets: renamed at random, or by first occurrence."""
    positions: bool = False
    """Whether vertices carry their position; the tokens layout always does, as rotary positions only."""

    def __post_init__(self) -> None:
        if self.n < 2 or self.k < 2:
            raise UserError(f"coloring needs at least 2 vertices and 2 colors, not n={self.n} and k={self.k}")
        if self.n > MAX_GENERATED:
            raise UserError(f"coloring generates graphs of at most {MAX_GENERATED} vertices, not n={self.n}")
        if self.names == "random" and self.k > MAX_RENAMED:
            raise UserError(
                f"names=random lists all renamings of the colors, which is possible up to k={MAX_RENAMED}, "
                f"not k={self.k}; take --task.names canonical"
            )
        if not self.edge_probability or not all(0 < p < 1 for p in self.edge_probability):
            raise UserError(f"edge probabilities must lie between 0 and 1, not {self.edge_probability}")
        if self.layout == "tokens" and not self.positions:
            object.__setattr__(self, "positions", True)

    @property
    def vocabulary(self) -> int:
        """One kind of vertex, or each its own if it carries its position; or padding, no edge, edge."""
        if self.layout == "tokens":
            return 3
        return self.n if self.positions else 1

    @property
    def classes(self) -> int:
        """The colors."""
        return self.k

    @property
    def relations(self) -> int:
        """Adjacency, in the relations layout."""
        return 1 if self.layout == "relations" else 0

    def length(self, vertices: int) -> int:
        """Number of positions of a graph with so many vertices."""
        return vertices if self.layout == "relations" else max(vertices, vertices * (vertices - 1) // 2)

    def asked(self, length: int) -> int:
        """The vertices: in the tokens layout there are more positions."""
        return self.n if self.layout == "tokens" else length

    def generate(self, split: Split, count: int, seed: int) -> list[nx.Graph]:
        """Colorable random graphs; the split is a hash of an isomorphism invariant (`graph_split`)."""
        graphs: list[nx.Graph] = []
        for tried, matrix in enumerate(self._candidates(split, count, seed), 1):
            graph = nx.from_numpy_array(matrix)
            if self.solvable(graph):
                graphs.append(graph)
            if len(graphs) == count:
                return graphs
            if tried >= PATIENCE * (1 + len(graphs)):
                break
        raise UserError(
            f"too few {self.k}-colorable graphs with n={self.n} and edge probability {self.edge_probability} "
            f"were found for the {split} split; take a smaller probability or more colors"
        )

    def unsolvable(self, split: Split, count: int, seed: int) -> list[nx.Graph]:
        """Return at most `count` random graphs that k colors cannot color, of more edges where those are rare."""
        rng = np.random.default_rng([seed, SPLITS.index(split)])
        graphs: list[nx.Graph] = []
        for halvings in range(DENSER):
            edge_probability = tuple(1 - (1 - p) / 2**halvings for p in self.edge_probability)
            share = 1.0
            while share > RARE:
                tried = [nx.from_numpy_array(matrix) for matrix in self._batch(split, count, edge_probability, rng)]
                found = [graph for graph in tried if self.solvable(graph) is False]
                graphs += found
                if len(graphs) >= count:
                    return graphs[:count]
                share = len(found) / max(1, len(tried))
        return graphs

    def _candidates(self, split: Split, count: int, seed: int) -> Iterator[NDArray[np.bool_]]:
        """Adjacency matrices of a split, colorable or not."""
        rng = np.random.default_rng([seed, SPLITS.index(split)])
        for _ in range(ROUNDS):
            yield from self._batch(split, count, self.edge_probability, rng)

    def _batch(
        self, split: Split, count: int, edge_probability: tuple[float, ...], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Return the random graphs of a split among enough for `count`: `(graphs, n, n)`."""
        at_once = max(1, min(4 * count + 64, MAX_CELLS // self.n**2))
        adjacency = random_adjacency(at_once, self.n, edge_probability, rng)
        chosen: NDArray[np.bool_] = adjacency[split_of(adjacency) == split]
        return chosen

    def load(self, path: str) -> list[nx.Graph]:
        """One graph from a file, or every graph of a folder."""
        return [graph for _, graph in read_graphs(path)] if is_folder(path) else [read_graph(path)]

    def prepare(self, problem: nx.Graph) -> nx.Graph:
        """The graph on vertices `0..n-1`; other vertices are numbered in node order, names kept as "label".

        Raises `UserError` unless this is an undirected graph with vertices and without self-loops.
        """
        if not isinstance(problem, nx.Graph):
            raise UserError(f"coloring takes a networkx.Graph, not {type(problem).__name__}")
        if problem.is_directed():
            raise UserError("the graph is directed; coloring takes an undirected one, such as graph.to_undirected()")
        if not len(problem):
            raise UserError("the graph has no vertices; coloring takes at least one")
        loop = next(nx.selfloop_edges(problem), None)
        if loop is not None:
            raise UserError(f"the graph joins vertex {loop[0]!r} to itself, which no coloring allows; remove that edge")
        graph = nx.Graph(problem) if problem.is_multigraph() else problem
        if set(graph) == set(range(len(graph))):
            return graph
        return nx.convert_node_labels_to_integers(graph, label_attribute="label")

    def check_size(self, problem: nx.Graph) -> None:
        """Raises `UserError` if a network trained on this task cannot read a graph of this size."""
        if self.length(len(problem)) > MAX_ENCODED:
            raise UserError(
                f"the graph has {len(problem)} vertices; attention holds every pair of positions, "
                f"and {MAX_ENCODED} positions are the most"
            )
        if self.positions and len(problem) != self.n:
            raise UserError(
                f"the graph has {len(problem)} vertices, but this checkpoint knows vertices by position and reads "
                f"exactly {self.n}; a checkpoint of the relations layout without positions reads any size"
            )

    def encode(self, problems: Sequence[nx.Graph]) -> Problems:
        """Graphs of equal size as tensors."""
        for problem in problems:
            self.check_size(problem)
        matrices = [nx.to_numpy_array(graph, nodelist=range(len(graph)), weight=None) for graph in problems]
        return self.encode_adjacency(torch.from_numpy(np.stack(matrices)).bool())

    def encode_adjacency(self, adjacency: Tensor) -> Problems:
        """Adjacency matrices `(batch, n, n)` as tensors."""
        batch, n, _ = adjacency.shape
        if self.layout == "relations":
            tokens = torch.arange(n) if self.positions else torch.zeros(n, dtype=torch.long)
            return Problems(tokens.repeat(batch, 1), adjacency[:, None].float())
        rows, columns = torch.triu_indices(n, n, 1)
        tokens = torch.zeros(batch, self.length(n), dtype=torch.long)
        tokens[:, : len(rows)] = 1 + adjacency[:, rows, columns].long()
        return Problems(tokens, None)

    def encode_colors(self, colors: Tensor) -> Tensor:
        """Colors `(batch, n)` as targets `(batch, length)`, -1 where nothing is asked."""
        targets = torch.full((len(colors), self.length(colors.shape[1])), -1, dtype=torch.long)
        targets[:, : colors.shape[1]] = colors
        return targets

    def training_set(self, problems: Sequence[nx.Graph]) -> ColoringPool:
        """Graphs with all their colorings, relabelled at random at every draw."""
        return ColoringPool(self, problems)

    def targets(self, problem: nx.Graph) -> Tensor:
        """Canonical colorings, under every renaming of the colors if names are random."""
        answers = self.solutions(problem)
        if self.names == "random":
            renamings = list(permutations(range(self.k)))
            answers = sorted({tuple(names[c] for c in answer) for answer in answers for names in renamings})
        return self.encode_colors(torch.tensor(answers))

    def known(self, problems: Sequence[nx.Graph], targets: Tensor) -> Tensor:
        """At most `listed` colorings of each graph, their colors named as close to the target's as may be."""
        listed = known_rows(problems, lambda problem: torch.tensor(self.solutions(problem)), self.listed)
        return known_colorings(self, listed, targets)

    def answer(self, problem: nx.Graph, values: Sequence[int]) -> Answer:
        """The first n decoded values."""
        return tuple(int(value) for value in values[: len(problem)])

    def equivalence_probs(self, probabilities: Tensor) -> Tensor:
        """For each pair of vertices whether their colors are the same or not, which no renaming changes."""
        n = self.n if self.layout == "tokens" else probabilities.shape[1]
        colors = probabilities[:, :n]
        same = torch.einsum("bik,bjk->bij", colors, colors)[:, *torch.triu_indices(n, n, 1)]
        return torch.stack((same, 1 - same), -1)

    def hold(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """No edge joins two vertices of one color."""
        if problems.relations is not None:
            return log_differ(probabilities, problems.relations[:, 0])
        rows, columns = torch.triu_indices(self.n, self.n, 1)
        joined = probabilities.new_zeros(len(probabilities), self.n, self.n)
        joined[:, rows, columns] = (problems.tokens[:, : len(rows)] == 2).to(joined)
        return log_differ(probabilities[:, : self.n], joined)

    @property
    def goal(self) -> str:
        """k-colorable."""
        return f"{self.k}-colorable"

    def canonical(self, answer: Answer) -> Answer:
        """Colors renamed by first occurrence."""
        names: dict[int, int] = {}
        return tuple(names.setdefault(color, len(names)) for color in answer)

    def violations(self, problem: nx.Graph, answer: Answer) -> int:
        """Edges whose ends share a color, plus vertices whose color is none of the k."""
        if len(answer) != len(problem):
            raise UserError(f"an answer for {len(problem)} vertices must have {len(problem)} colors, not {len(answer)}")
        colors = dict(enumerate(answer))
        same = nx.subgraph_view(problem, filter_edge=lambda u, v: colors[u] == colors[v])
        return int(same.number_of_edges()) + sum(not 0 <= color < self.k for color in answer)

    def solutions(self, problem: nx.Graph) -> list[Answer]:
        """All colorings up to renaming, each by first occurrence. Raises `TimeoutError` if there are millions."""
        return sorted(self.canonical(answer) for answer in colorings(problem, self.k, ENUMERATION_LIMIT))

    def solvable(self, problem: nx.Graph) -> bool | None:
        """Whether k colors are enough, by a bounded exact search."""
        try:
            return next(colorings(problem, self.k, SEARCH_LIMIT), None) is not None
        except TimeoutError:
            return None

    def draw(self, problem: nx.Graph, answer: Answer | None, axes: Axes) -> None:
        """The graph with its colors; edges in conflict red and thick."""
        start = nx.circular_layout(problem)
        place = nx.spring_layout(problem, pos=start, k=1.5, seed=0) if 2 < len(problem) <= 300 else start
        colors = ["white"] * len(problem) if answer is None else [PALETTE[c % len(PALETTE)] for c in answer]
        clash = [answer is not None and answer[u] == answer[v] for u, v in problem.edges]
        size = 260 if len(problem) <= 20 else 5200 / len(problem)
        nx.draw_networkx_edges(
            problem, place, ax=axes,
            edge_color=["#d62728" if bad else "#999999" for bad in clash],
            width=[3.0 if bad else 1.0 for bad in clash],
        )  # fmt: skip
        nx.draw_networkx_nodes(problem, place, ax=axes, node_color=colors, node_size=size, edgecolors="#333333")
        axes.set_axis_off()
