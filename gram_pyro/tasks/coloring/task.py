"""Graph coloring: give every vertex one of k colors so that no edge joins two of the same color."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import networkx as nx
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import naming, read_path
from gram_pyro.tasks.abilities import Answer, Axes, Wording
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.coloring import checker, files, picture
from gram_pyro.tasks.coloring.count import count_colorings
from gram_pyro.tasks.coloring.families import MIXTURE, Family
from gram_pyro.tasks.coloring.files import vertex_names
from gram_pyro.tasks.coloring.generator import (
    KNOWN,
    colorable_graphs,
    graphs_of_families,
    graphs_of_files,
    unsolvable_graphs,
)
from gram_pyro.tasks.coloring.kempe import random_colorings
from gram_pyro.tasks.coloring.matrices import adjacency, adjacency_of
from gram_pyro.tasks.coloring.names import align_names, canonical_colors, draw_named
from gram_pyro.tasks.coloring.solver import colorings
from gram_pyro.tasks.constraints import log_differ

SEARCH_LIMIT = 200_000
ENUMERATION_LIMIT = 1_000_000
MAX_TARGETS = 10_000_000
MAX_RENAMED = 5
"""Colors up to which a new target is one of all renamings of the known colorings; of more, one of the nearest."""
MAX_GENERATED = 1000
MAX_ENCODED, PAIR_BYTES = 8192, 12
"""Most positions; and the bytes that each pair takes: whether it is related, alone and among its relatives."""


@dataclass(frozen=True)
class Coloring(Task):
    """Erdos-Renyi graphs of `n` vertices that `k` colors can color.

    A problem is a `networkx.Graph` on vertices `0..n-1`; an answer is a color for each vertex.
    """

    name: ClassVar[str] = "coloring"
    wording: ClassVar[Wording] = Wording("graph", "colorable", "distinct up to renaming")
    max_known: ClassVar[int] = 256

    n: int = 8
    """Vertices of a generated graph; a user's own graph may have any number in the relations layout."""
    k: int = 3
    """Colors."""
    edge_probability: tuple[float, ...] = (0.5,)
    """Each graph draws its edge probability uniformly from these."""
    families: tuple[Family, ...] = ()
    """Other kinds of generated graphs, of any mean degree that k colors allow."""
    mean_degrees: tuple[float, ...] = ()
    """Least and greatest mean degree of graphs of `families`."""
    train_sizes: tuple[int, ...] = ()
    """Vertices of graphs to train on; n alone by default."""
    train_colors: tuple[int, ...] = ()
    """Numbers of colors to train in; k alone by default."""
    layout: Literal["relations", "tokens"] = "relations"
    """One token a vertex with the adjacency as a relation, or the paper's sequence of vertex pairs."""
    names: Literal["random", "canonical"] = "random"
    """Color names of training targets: renamed at random, or by first occurrence."""
    data: str = ""
    """File or folder of graphs with n vertices each to take problems from, instead of generated ones."""
    positions: bool = False
    """Whether vertices carry their position; the tokens layout always does, as rotary positions only."""

    def __post_init__(self) -> None:
        if self.n < 2 or self.k < 2:
            raise UserError(f"coloring needs at least 2 vertices and 2 colors, not n={self.n} and k={self.k}")
        if self.n > MAX_GENERATED:
            raise UserError(f"coloring generates graphs of at most {MAX_GENERATED} vertices, not n={self.n}")
        if self.mean_degrees and not (
            len(self.mean_degrees) == 2 and 0 <= self.mean_degrees[0] <= self.mean_degrees[1]
        ):
            raise UserError(f"mean degrees are two numbers, the least and the greatest, not {self.mean_degrees}")
        if not self.edge_probability or not all(0 < p < 1 for p in self.edge_probability):
            raise UserError(f"edge probabilities must lie between 0 and 1, not {self.edge_probability}")
        if self.layout == "tokens":
            object.__setattr__(self, "positions", True)

    @property
    def spec(self) -> Spec:
        """One token a vertex (or each its own, if it carries its position), and adjacency; or no edge and edge."""
        colors = (0,) * self.k
        if self.layout == "tokens":
            return Spec(3, colors, positions="1d")
        return Spec(self.n if self.positions else 1, colors, 1, "1d" if self.positions else "none")

    def parts(self) -> Sequence[Self]:
        """Return a task for each size and number of colors to train on, of all families; the task itself if there is
        one. Raises `UserError` if there are more colors than vertices everywhere."""
        if not self.train_sizes and not self.train_colors:
            return [self]
        sizes, colors = self.train_sizes or (self.n,), self.train_colors or (self.k,)
        own = {"families": self.families or MIXTURE, "train_sizes": (), "train_colors": ()}
        found = [replace(self, n=n, k=k, **own) for n in sizes for k in colors if k <= n]  # type: ignore[arg-type]
        if not found:
            raise UserError(
                f"no graph of {sizes} vertices needs {colors} colors; train on larger graphs or fewer colors"
            )
        return found

    @property
    def feasible(self) -> str:
        return f"{self.k}-colorable"

    def length_of(self, vertices: int) -> int:
        """Return the number of positions of a graph with so many vertices."""
        return vertices if self.layout == "relations" else max(vertices, vertices * (vertices - 1) // 2)

    def generate(self, split: Split, count: int, seed: int) -> list[nx.Graph]:
        """Return colorable graphs, random or from `data`; the split is a hash of an isomorphism invariant (`split`)."""
        of = graphs_of_files if self.data else graphs_of_families if self.families else colorable_graphs
        return of(self, split, count, seed)

    def unsolvable(self, split: Split, count: int, seed: int) -> list[nx.Graph]:
        """Return at most `count` random graphs that k colors cannot color, of more edges where those are rare."""
        return unsolvable_graphs(self, split, count, seed)

    def load(self, path: str, skip_bad: bool = False) -> list[nx.Graph]:
        """Read one graph from a file, or every graph of a folder, of sizes that a network can read."""

        def read(path: Path) -> nx.Graph:
            graph = files.read_graph(path)
            with naming(path):
                self.check_size(graph)
            return graph

        return read_path(path, files.IN_FOLDERS, self.wording.singular, read, skip_bad)

    def prepare(self, problem: nx.Graph) -> nx.Graph:
        """Return the graph on vertices `0..n-1`; other vertices are numbered in node order, names kept as "label".

        Raises `UserError` unless this is an undirected graph with vertices and without self-loops.
        """
        checker.check_graph(problem)
        graph = nx.Graph(problem) if problem.is_multigraph() else problem
        if set(graph) == set(range(len(graph))):
            return graph
        return nx.convert_node_labels_to_integers(graph, label_attribute="label")

    def check_size(self, problem: nx.Graph) -> None:
        """Raise `UserError` if a network trained on this task cannot read a graph of this size."""
        size = f"the graph has {len(problem):,} vertices"
        if (length := self.length_of(len(problem))) > MAX_ENCODED:
            memory = f"all pairs of {length:,} positions would take {PAIR_BYTES * length**2 / 1e9:.1f} GB a sample"
            raise UserError(f"{size}; {memory}, and {MAX_ENCODED:,} positions are the most")
        if self.positions and len(problem) != self.n:
            hint = "one of the relations layout without positions reads any size"
            raise UserError(f"{size}, but this checkpoint knows them by position and reads exactly {self.n}; {hint}")

    def encode(self, problems: Sequence[nx.Graph]) -> Problems:
        for problem in problems:
            self.check_size(problem)
        return self.encode_adjacency(torch.from_numpy(np.stack([adjacency(graph) for graph in problems])))

    def encode_adjacency(self, adjacency: Tensor) -> Problems:
        """Return adjacency matrices `(batch, n, n)` as tensors."""
        batch, n, _ = adjacency.shape
        if self.layout == "relations":
            tokens = torch.arange(n) if self.positions else torch.zeros(n, dtype=torch.long)
            return Problems(tokens.repeat(batch, 1), adjacency[:, None].float(), values=self.k)
        edges = 1 + adjacency[:, *torch.triu_indices(n, n, 1)].long()
        return Problems(F.pad(edges, (0, self.length_of(n) - edges.shape[1])), values=self.k, answer_length=n)

    def encode_colors(self, colors: Tensor) -> Tensor:
        """Return colors `(..., n)` as targets `(..., length)`, -1 at positions without an answer."""
        n = colors.shape[-1]
        return F.pad(colors.long(), (0, self.length_of(n) - n), value=-1)

    def targets(self, problem: nx.Graph) -> Tensor:
        """Return the canonical colorings, under every renaming of the colors if names are random.

        Renamings that differ in unused colors alone repeat a row: each coloring is as likely, however few its colors.
        """
        colors = torch.tensor(self.solutions(problem), dtype=torch.long).view(-1, len(problem))
        if self.names == "random":
            if len(colors) * math.factorial(self.k) > MAX_TARGETS:
                raise TimeoutError(f"{len(colors):,} colorings have too many renamings with {self.k} colors to list")
            colors = torch.tensor([*permutations(range(self.k))])[:, colors].flatten(0, 1)
        return self.encode_colors(colors)

    def list_solutions(self, problems: Sequence[nx.Graph]) -> list[Tensor]:
        """Return the canonical colorings of each graph: `augment` names the colors.

        Of graphs of `families` some random ones, by Kempe moves from the coloring that is known of each.
        """
        if not self.families:
            return [self.encode_colors(torch.tensor(self.solutions(problem))) for problem in problems]
        joined = torch.from_numpy(np.stack([adjacency(graph) for graph in problems]))
        colors = torch.tensor([graph.graph[KNOWN] for graph in problems])
        drawn = random_colorings(joined, colors, self.k, torch.Generator().manual_seed(0))
        return [*self.encode_colors(drawn)]

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Relabel the vertices at random, and name the colors at random or by first occurrence."""
        count, solutions, _ = answers.shape
        n = problems.answered
        order = torch.rand(count, n, generator=generator).argsort(1)
        rows = torch.arange(count)[:, None, None]
        adjacency = adjacency_of(problems)[rows, order[:, :, None], order[:, None, :]]
        colors = answers[..., :n].clamp(min=0).gather(2, order[:, None].expand(-1, solutions, -1))
        if self.names == "random":
            names = torch.rand(count, self.k, generator=generator).argsort(1)
            colors = names[:, None].expand(-1, solutions, -1).gather(2, colors)
        else:
            colors = canonical_colors(colors, self.k)
        return self.encode_adjacency(adjacency), self.encode_colors(colors)

    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a coloring by its probability at the decoder, under every renaming if names are random."""
        if self.names == "canonical":
            return super().retarget(solutions, log_probs, generator)
        if self.k > MAX_RENAMED:
            return super().retarget(self.align(solutions, log_probs.argmax(-1)), log_probs, generator)
        n = int((solutions[:, 0] >= 0).sum(1).max())
        return self.encode_colors(draw_named(solutions[..., :n], log_probs[:, :n], self.k, generator))

    def align(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """Name the colors as close to the target's as may be; canonical names stay."""
        known = solutions.long()
        return known if self.names == "canonical" else align_names(known, targets, self.k)

    def answer(self, problem: nx.Graph, values: Sequence[int]) -> Answer:
        """Return the first n decoded values."""
        return super().answer(problem, values[: len(problem)])

    def equivalence_probs(self, probabilities: Tensor) -> Tensor:
        """Return for each pair of vertices whether their colors are the same, which no renaming changes."""
        n = self.n if self.layout == "tokens" else probabilities.shape[1]
        colors = probabilities[:, :n]
        same = (colors @ colors.mT)[:, *torch.triu_indices(n, n, 1)]
        return torch.stack((same, 1 - same), -1)

    def constraint_log_prob(self, problems: Problems, probabilities: Tensor) -> Tensor:
        """Return the log-probability that no edge joins two vertices of one color."""
        return log_differ(probabilities[:, : problems.answered], adjacency_of(problems).to(probabilities))

    def canonical(self, answer: Answer) -> Answer:
        """Return the colors renamed by first occurrence."""
        names: dict[int, int] = {}
        return tuple(names.setdefault(color, len(names)) for color in answer)

    def violations(self, problem: nx.Graph, answer: Answer) -> int:
        return checker.count_violations(problem, answer, self.k)

    def solutions(self, problem: nx.Graph) -> list[Answer]:
        """Return all colorings in canonical form, sorted. Raises `TimeoutError` if there are millions."""
        return sorted(self.canonical(answer) for answer in colorings(problem, self.k, ENUMERATION_LIMIT))

    def count(self, problem: nx.Graph) -> int:
        """Return the number of colorings up to renaming, without listing them."""
        return count_colorings(problem, self.k)

    def solvable(self, problem: nx.Graph) -> bool | None:
        try:
            return next(colorings(problem, self.k, SEARCH_LIMIT), None) is not None
        except TimeoutError:
            return None

    def text(self, problem: nx.Graph, answer: Answer) -> str:
        """Return the colors in a line, with the names of the vertices if they have any."""
        names = vertex_names(problem)
        return " ".join(map("{}={}".format, names, answer)) if names else super().text(problem, answer)

    def details(self, problem: nx.Graph) -> dict[str, Any]:
        """Return the vertices in the order of the answers, by their names if they have any."""
        return {"vertices": vertex_names(problem) or [*range(len(problem))]}

    def draw(self, problem: nx.Graph, answer: Answer | None, axes: Axes) -> None:
        picture.draw_graph(problem, answer, axes)
