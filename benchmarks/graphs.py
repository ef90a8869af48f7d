"""`python -m benchmarks.graphs RUN`: how often samples color graphs of many sizes, families and numbers of colors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import networkx as nx
from tyro.conf import Positional, arg

import gram_pyro
from benchmarks.report import DeviceOptions, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.config import SamplingConfig
from gram_pyro.inference.metrics import by_size
from gram_pyro.inference.sampling import sample
from gram_pyro.reasoner import Reasoner
from gram_pyro.runs.machine import compile_network
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import arithmetic
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.coloring.families import coloring_of
from gram_pyro.tasks.coloring.matrices import adjacency

PLANTED = {"families": ("planted",), "mean_degrees": (4.4, 4.4)}
NAMED = "petersen cubical heawood desargues dodecahedral pappus frucht octahedral moebius_kantor bull diamond house"
MAX_STRUCTURED = 20


@dataclass(frozen=True)
class GraphsOptions(DeviceOptions):
    """The validity of one sample, and how many graphs one of several samples solves."""

    run: Positional[Annotated[str, arg(metavar="RUN")]] = "coloring"
    """Run folder, or a shipped checkpoint."""
    sets: tuple[str, ...] = ("small", "planted", "colors", "structured")
    """What to color: small (n = 8), planted (three colors, mean degree 4.4), colors (random, chromatic number 4 to 6),
    structured, thin (a strip of triangles and the square of a cycle, whose colorings are decided from end to end)."""
    sizes: tuple[int, ...] = (16, 20, 30, 50)
    """Vertices of planted and of thin graphs."""
    graphs: int = 100
    """Graphs of a row."""
    samples: int = 20
    """Samples of each graph."""
    steps: tuple[int, ...] = (64, 256)
    """Supervision steps."""
    draft: str | None = None
    """Another schedule of drafts than that of the training."""
    draft_times: tuple[tuple[float, float], ...] = ()
    """Pairs of times for drafts, other than those of the checkpoint."""
    fast: bool = False
    """Compile the network and run it in bfloat16."""
    split: str = "test"
    """Split that graphs are of; structured ones are of all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.graphs, self.samples, *self.steps, *self.sizes) < 1:
            raise UserError("--graphs, --samples, --steps and --sizes must be at least 1")


def structured() -> Iterator[nx.Graph]:
    """Yield graphs of at most 20 vertices that have a name, or come in a row of such."""
    for name in NAMED.split():
        yield getattr(nx, f"{name}_graph")()
    for n in (4, 7, 10, 15, 20):
        yield from (nx.path_graph(n), nx.star_graph(n - 1), nx.cycle_graph(n), nx.empty_graph(n))
        yield nx.random_labeled_tree(n, seed=n)
    for n in (6, 8, 10):
        yield from (nx.circular_ladder_graph(n), nx.ladder_graph(n), nx.wheel_graph(2 * n - 1))
        yield from (nx.complete_bipartite_graph(n, 20 - n), nx.disjoint_union(nx.cycle_graph(n), nx.petersen_graph()))
        yield nx.complete_multipartite_graph(n // 2, n // 2, 20 - n)
    for n in (6, 9, 12, 15, 18):
        yield nx.circulant_graph(n, [1, 2])
    for n in (5, 8, 12, 16, 20):
        yield strip(n)
    for rows, columns in ((2, 7), (3, 6), (4, 5)):
        yield from (nx.grid_2d_graph(rows, columns), nx.triangular_lattice_graph(rows, columns))


def sets(options: GraphsOptions) -> Iterator[tuple[str, Coloring, list[nx.Graph]]]:
    """Yield the name of a row, its task and its graphs."""
    count, split, seed = options.graphs, options.split, options.seed
    if "small" in options.sets:
        yield "random, p = 0.5", Coloring(), Coloring().generate(split, count, seed)  # type: ignore[arg-type]
    for n in options.sizes if "planted" in options.sets else ():
        task = Coloring(n=n, **PLANTED)  # type: ignore[arg-type]
        yield "planted, degree 4.4", task, task.generate(split, count, seed)  # type: ignore[arg-type]
    for k in (4, 5, 6) if "colors" in options.sets else ():
        task = Coloring(n=20, k=k, families=("random",))
        drawn = task.generate(split, 10 * count, seed)  # type: ignore[arg-type]
        yield "random, chromatic number", task, [each for each in drawn if not colorable(each, k - 1)][:count]
    if "structured" in options.sets:
        task = Coloring(k=3)
        known = (task.prepare(graph) for graph in structured() if len(graph) <= MAX_STRUCTURED)
        yield "structured", task, [graph for graph in known if colorable(graph, 3)]

    for n in options.sizes if "thin" in options.sets else ():
        yield "strip of triangles", Coloring(n=n), [Coloring().prepare(strip(n))]
        if n % 3 == 0:
            yield "square of a cycle", Coloring(n=n), [nx.circulant_graph(n, [1, 2])]


def strip(n: int) -> nx.Graph:
    """Return triangles in a row: every vertex is a neighbour of the two before it."""
    return nx.Graph((i, i + apart) for i in range(n) for apart in (1, 2) if i + apart < n)


def colorable(graph: nx.Graph, k: int) -> bool:
    """Return whether a short search finds a coloring."""
    return coloring_of(adjacency(graph), k) is not None


def measure(options: GraphsOptions) -> list[Row]:
    """A row for each pair of times, set of graphs and number of steps."""
    rows: list[Row] = []
    chosen = [*sets(options)]
    for times in options.draft_times or (None,):
        reasoner = gram_pyro.load(options.run, options.device, options.draft, times)
        rows += measured(reasoner, chosen, options)
    return rows


def measured(
    reasoner: Reasoner, chosen: list[tuple[str, Coloring, list[nx.Graph]]], options: GraphsOptions
) -> list[Row]:
    """A row for each set of graphs and number of steps."""
    precision = "bfloat16" if options.fast else "float32"
    if options.fast:
        compile_network(reasoner.model)
    rows: list[Row] = []
    times = getattr(reasoner.model.config, "draft_times", None)
    for name, task, graphs in chosen:
        for steps in options.steps:
            began = time.monotonic()
            with arithmetic(reasoner.run.device, precision):
                broken = violations(reasoner.adapted(k=task.k), graphs, options.samples, steps, options.seed)
            seconds = (time.monotonic() - began) / len(graphs)
            row = {
                "graphs": name,
                "n": max(map(len, graphs)),
                "k": task.k,
                "count": len(graphs),
                "steps": steps,
                "times": times,
            }
            valid = [sum(not count for count in each) / options.samples for each in broken]
            least, most = min(valid), sum(map(bool, valid))
            scores = {"validity": sum(valid) / len(valid), "solved": most, "least": least, "seconds": seconds}
            rows.append(row | {key: round(value, 4) for key, value in scores.items()})
    return rows


def violations(reasoner: Reasoner, graphs: list[nx.Graph], samples: int, steps: int, seed: int) -> list[list[int]]:
    """Return the constraints that each sample of each graph breaks."""
    task, found = reasoner.task, {}
    for places in by_size(task, graphs):
        x = task.encode([graphs[place] for place in places])
        drawn = sample(reasoner.model, x, samples, [steps], seed, method=SamplingConfig()).decoded[0]
        for place, rows in zip(places, drawn.tolist(), strict=True):
            found[place] = [task.violations(graphs[place], tuple(row)) for row in rows]
    return [found[place] for place in range(len(graphs))]


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(GraphsOptions, "benchmarks.graphs", arguments)
    columns: dict[str, Callable[[Row], str]] = {
        "graphs": lambda row: row["graphs"],
        "n": lambda row: str(row["n"]),
        "k": lambda row: str(row["k"]),
        "steps": lambda row: str(row["steps"]),
        "times": lambda row: str(row["times"]),
        "one sample": lambda row: f"{row['validity']:.3f}",
        f"one of {options.samples}": lambda row: f"{row['solved']} of {row['count']}",
        "weakest graph": lambda row: f"{row['least']:.2f}",
        "seconds a graph": lambda row: f"{row['seconds']:.2f}",
    }
    publish("graphs", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
