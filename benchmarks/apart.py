"""Graphs that nobody looked at: `python -m benchmarks.apart`, one JSON if `--out` names it.

The recipe was chosen on the graphs of data seed 7; a part of those of seed 11, on which results are measured, are the
same up to the names of vertices. This measures the shipped checkpoint on all of the latter, and on those that are not.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import networkx as nx

import gram_pyro
from benchmarks.inference import DATA_SEED
from benchmarks.report import Row, write_json
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import machine_facts

CHOSEN_BY = 7


@dataclass(frozen=True)
class ApartOptions:
    """Measure with and without the graphs that chose the recipe."""

    out: str | None = None
    """JSON file, such as benchmarks/results/quality/coloring-apart.json."""
    problems: int = 255
    """Graphs of each data seed."""
    samples: int = 20
    """Samples of each graph."""
    steps: tuple[int, ...] = (16, 64)
    """Supervision steps."""

    def __post_init__(self) -> None:
        if min(self.problems, self.samples, *self.steps, len(self.steps)) < 1:
            raise UserError("--problems, --samples and --steps must be at least 1")


def apart(graphs: Sequence[nx.Graph], seen: Sequence[nx.Graph]) -> list[int]:
    """The places of the graphs that no renaming of vertices makes one of those seen."""
    alike: dict[tuple[int, ...], list[nx.Graph]] = defaultdict(list)
    for graph in seen:
        alike[degrees(graph)].append(graph)
    new = (not any(nx.is_isomorphic(graph, other) for other in alike[degrees(graph)]) for graph in graphs)
    return [place for place, is_new in enumerate(new) if is_new]


def degrees(graph: nx.Graph) -> tuple[int, ...]:
    """The degrees of the vertices, in order of size: the same for isomorphic graphs."""
    return tuple(sorted(degree for _, degree in graph.degree))


def main(arguments: list[str]) -> None:
    """Measure and store."""
    options = parse(ApartOptions, "benchmarks.apart", arguments)
    reasoner = gram_pyro.load("coloring_gram", "cpu")
    chosen, graphs = (reasoner.task.generate("test", options.problems, seed) for seed in (CHOSEN_BY, DATA_SEED))
    found = {"all": [*range(len(graphs))], "apart": apart(graphs, chosen)}
    rows: list[Row] = []
    for name, places in found.items():
        problems, samples = [graphs[place] for place in places], [options.samples]
        result = reasoner.evaluate(problems, samples=samples, steps=options.steps, bound=False)
        rows += [{"graphs": name, "problems": len(places), **row} for row in result["rows"]]
    if options.out is not None:
        facts = {
            "command": f"python -m benchmarks.apart {' '.join(arguments)}".strip(),
            "machine": machine_facts(),
            "options": asdict(options),
        }
        write_json(Path(options.out), {**facts, "rows": rows})
    for row in rows:
        print(row["graphs"], row["problems"], row["steps"], row["validity"], row["ratio"], file=sys.stderr)


if __name__ == "__main__":
    run_cli(main)
