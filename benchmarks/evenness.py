"""`python -m benchmarks.evenness RUN`: are samples as different as colorings drawn uniformly by a Markov chain?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Annotated

import networkx as nx
import torch
from torch import Tensor
from tyro.conf import Positional, arg

import gram_pyro
from benchmarks.graphs import PLANTED
from benchmarks.report import DeviceOptions, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.config import SamplingConfig
from gram_pyro.inference.metrics import count_solutions
from gram_pyro.inference.sampling import sample
from gram_pyro.reasoner import Reasoner
from gram_pyro.system.cli import parse
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.coloring.generator import KNOWN
from gram_pyro.tasks.coloring.kempe import kempe_moves
from gram_pyro.tasks.coloring.matrices import adjacency


@dataclass(frozen=True)
class EvennessOptions(DeviceOptions):
    """Compare samples with colorings by Kempe moves, on planted graphs of three colors whose colorings are counted."""

    run: Positional[Annotated[str, arg(metavar="RUN")]] = "coloring"
    """Run folder, or a shipped checkpoint."""
    sizes: tuple[int, ...] = (20, 30)
    """Vertices."""
    graphs: int = 20
    """Graphs of each size."""
    samples: int = 100
    """Samples of each graph, and as many colorings of two sets of chains."""
    steps: tuple[int, ...] = (64, 256)
    """Supervision steps."""
    draft_times: tuple[float, float] | None = None
    """Other times of drafts than those of the checkpoint."""
    moves: int = 50
    """Kempe moves of a chain, for each vertex."""
    least: int = 10
    """Colorings that a graph has at least."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.graphs, self.samples, self.moves, self.least, *self.steps, *self.sizes) < 1:
            raise UserError("--graphs, --samples, --moves, --least, --steps and --sizes must be at least 1")


def apart(first: Tensor, second: Tensor) -> float:
    """Return the mean share of pairs of vertices that one coloring gives the same color and the other does not, over
    pairs of colorings `(number, n)` of two sets: 0 for the same coloring under other names."""
    rows, columns = torch.triu_indices(first.shape[1], first.shape[1], 1)
    one, two = ((each[:, rows] == each[:, columns]).float() for each in (first, second))
    return float(torch.cdist(one, two, p=1).mean() / len(rows))


def measure_graph(reasoner: Reasoner, graph: nx.Graph, count: int, steps: int, options: EvennessOptions) -> Row:
    """Return how far samples of a graph are apart, and chains, and both from each other."""
    task, number = reasoner.task, options.samples
    x = task.encode([graph])
    drawn = sample(reasoner.model, x, number, [steps], options.seed, method=SamplingConfig()).decoded[0, 0]
    valid = torch.tensor([row for row in drawn.tolist() if not task.violations(graph, tuple(row))])
    start = torch.tensor([graph.graph[KNOWN]]).expand(2 * number, -1)
    joined = torch.from_numpy(adjacency(graph)).expand(2 * number, -1, -1)
    generator = torch.Generator().manual_seed(options.seed)
    chains = kempe_moves(joined, start, 3, options.moves * len(graph), generator)
    if not len(valid):
        return {"valid": 0.0}
    uniform, other = chains[:number], chains[number:]
    distinct = len({task.canonical(tuple(row)) for row in valid.tolist()})
    expected = count * (1 - (1 - 1 / count) ** len(valid))
    return {
        "valid": len(valid) / number,
        "distinct": distinct / expected,
        "within": apart(valid, valid) / apart(uniform, uniform),
        "energy": energy(valid, uniform),
        "floor": energy(other, uniform),
    }


def energy(first: Tensor, second: Tensor) -> float:
    """Return the energy distance of two sets of colorings: 0 in expectation if they are of one distribution."""
    own = [apart(each, each) * len(each) / max(1, len(each) - 1) for each in (first, second)]
    return 2 * apart(first, second) - sum(own)


def measure(options: EvennessOptions) -> list[Row]:
    """A row for each size and number of steps."""
    reasoner = gram_pyro.load(options.run, options.device, draft_times=options.draft_times).adapted(k=3)
    rows: list[Row] = []
    for n in options.sizes:
        task = Coloring(n=n, **PLANTED)  # type: ignore[arg-type]
        counted = (
            (graph, count_solutions(task, graph)) for graph in task.generate("test", 4 * options.graphs, options.seed)
        )
        chosen = [(graph, count) for graph, count in counted if count and count >= options.least][: options.graphs]
        for steps in options.steps:
            found = [measure_graph(reasoner, graph, count, steps, options) for graph, count in chosen]
            names = ("valid", "distinct", "within", "energy", "floor")
            means = {name: round(fmean(row[name] for row in found if name in row), 4) for name in names}
            sizes = sorted(count for _, count in chosen)
            rows.append({"n": n, "graphs": len(chosen), "median": sizes[len(sizes) // 2], "steps": steps, **means})
    return rows


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(EvennessOptions, "benchmarks.evenness", arguments)
    columns: dict[str, Callable[[Row], str]] = {
        "n": lambda row: str(row["n"]),
        "graphs": lambda row: str(row["graphs"]),
        "colorings, median": lambda row: f"{row['median']:,}",
        "steps": lambda row: str(row["steps"]),
        "one sample": lambda row: f"{row['valid']:.3f}",
        "distinct / uniform": lambda row: f"{row['distinct']:.3f}",
        "spread / uniform": lambda row: f"{row['within']:.3f}",
        "energy distance": lambda row: f"{row['energy']:.4f}",
        "of two chains": lambda row: f"{row['floor']:.4f}",
    }
    publish("evenness", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
