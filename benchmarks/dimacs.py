"""`python -m benchmarks.dimacs FOLDER RUN`: graphs of a public benchmark, beside DSATUR and a SAT solver."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import networkx as nx
from pysat.solvers import Solver
from tyro.conf import Positional, arg

import gram_pyro
from benchmarks.graphs import violations
from benchmarks.report import DeviceOptions, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse
from gram_pyro.tasks.coloring.fewest import greedy_colors
from gram_pyro.tasks.coloring.files import read_graph

SAT = "cadical153"
Found = TypeVar("Found")


@dataclass(frozen=True)
class DimacsOptions(DeviceOptions):
    """Color each graph with its chromatic number of colors, where that is proved."""

    folder: Positional[Annotated[str, arg(metavar="FOLDER")]] = ""
    """Folder of .col.gz files with an index.csv that has their chromatic numbers."""
    run: Positional[Annotated[str, arg(metavar="RUN")]] = "coloring"
    """Run folder, or a shipped checkpoint."""
    vertices: int = 100
    """Most vertices."""
    samples: int = 20
    """Samples of each graph."""
    steps: int = 256
    """Supervision steps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.vertices, self.samples, self.steps) < 1:
            raise UserError("--vertices, --samples and --steps must be at least 1")


def solve(graph: nx.Graph, k: int) -> bool:
    """Return whether a SAT solver finds a coloring."""
    with Solver(SAT) as solver:
        for vertex in graph:
            solver.add_clause([1 + vertex * k + color for color in range(k)])
        for u, v in graph.edges:
            for color in range(k):
                solver.add_clause([-(1 + u * k + color), -(1 + v * k + color)])
        return bool(solver.solve())


def timed(work: Callable[[], Found]) -> tuple[Found, float]:
    """Return what some work returns, and how long it took [s]."""
    began = time.monotonic()
    return work(), time.monotonic() - began


def measure(options: DimacsOptions) -> list[Row]:
    """A row for each graph. Raises `UserError` if the folder has no list of them."""
    index = Path(options.folder) / "index.csv"
    if not index.is_file():
        raise UserError(f"{options.folder or 'no folder'} holds no index.csv with the chromatic numbers of its graphs")
    reasoner = gram_pyro.load(options.run, options.device)
    rows: list[Row] = []
    with index.open() as file:
        listed = [row for row in csv.DictReader(file) if row["chi_proved"] == "yes"]
    for row in listed:
        graph, k = read_graph(index.with_name(f"{row['name']}.col.gz")), int(row["chi_upper"])
        if len(graph) > options.vertices:
            continue
        own = reasoner.adapted(k=k)
        greedy, greedy_seconds = timed(partial(greedy_colors, graph))
        solved, sat_seconds = timed(partial(solve, graph, k))
        (broken,), own_seconds = timed(partial(violations, own, [graph], options.samples, options.steps, options.seed))
        seconds = {"seconds": own_seconds, "dsatur_seconds": greedy_seconds, "sat_seconds": sat_seconds}
        facts = {"graph": row["name"], "n": len(graph), "edges": graph.number_of_edges(), "colors": k}
        found = {"valid": broken.count(0), "least": min(broken), "dsatur": greedy, "sat": solved}
        rows.append(facts | found | {name: round(value, 4) for name, value in seconds.items()})
    return rows


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(DimacsOptions, "benchmarks.dimacs", arguments)
    columns: dict[str, Callable[[Row], str]] = {
        "graph": lambda row: row["graph"],
        "n": lambda row: str(row["n"]),
        "edges": lambda row: str(row["edges"]),
        "colors": lambda row: str(row["colors"]),
        f"right of {options.samples}": lambda row: str(row["valid"]),
        "fewest conflicts": lambda row: str(row["least"]),
        "DSATUR's colors": lambda row: str(row["dsatur"]),
        "seconds": lambda row: f"{row['seconds']:.1f}",
        "DSATUR": lambda row: f"{row['dsatur_seconds']:.3f}",
        "SAT": lambda row: f"{row['sat_seconds']:.3f}",
    }
    publish("dimacs", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
