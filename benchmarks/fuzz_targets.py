"""What the fuzzer feeds: every reader of files with sound examples, and every command line."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import networkx as nx
import torch
from safetensors.torch import save

from benchmarks.graph_files import write_graph
from gram_pyro.comparison.config import CompareConfig, check
from gram_pyro.models import GramConfig
from gram_pyro.runs.checkpoint import read_checkpoint, save_checkpoint
from gram_pyro.runs.config import from_json, to_json
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import WEIGHTS, build_parts, load_run
from gram_pyro.runs.train_options import configured
from gram_pyro.system.cli import parse
from gram_pyro.tasks import NQueens, Sudoku
from gram_pyro.tasks.coloring.files import read_graph

TRAIN = [
    "task",
    "preset",
    "model",
    "guide",
    "minutes",
    "updates",
    "batch",
    "depth",
    "horizon",
    "seed",
    "task.n",
    "task.k",
]
TRAIN += [
    "model.width",
    "model.heads",
    "model.layers",
    "objective",
    "kl-target",
    "balance",
    "threads",
    "device",
    "out",
    "init",
]
COMPARE = [
    "task",
    "models",
    "inputs",
    "minutes",
    "seeds",
    "equal",
    "ablate",
    "samples",
    "jobs",
    "out",
    "known",
    "data-seed",
]


@dataclass(frozen=True)
class Target:
    """A reader: sound examples of what it reads, the name of the file, and what reads it."""

    name: str
    examples: tuple[bytes, ...]
    read: Callable[[Path], object]


def files(name: str, *graphs: nx.Graph) -> tuple[bytes, ...]:
    """Graphs as a file of that name holds them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        found = []
        for graph in graphs:
            write_graph(graph, path)
            found.append(path.read_bytes())
    return tuple(found)


def stored_run() -> tuple[bytes, bytes]:
    """Configuration and weights of a tiny run."""
    config = replace(recipe("coloring"), model=GramConfig(width=8, heads=2, layers=1, hidden=8))
    model, guide = build_parts(config)
    parts = {"model": model, "guide": guide}
    tensors = {f"{part}.{name}": value for part in parts for name, value in parts[part].state_dict().items()}
    return to_json(config).encode(), save(tensors)


def beside(name: str, content: bytes, read: Callable[[Path], object]) -> Callable[[Path], object]:
    """Read the folder of a file that has another file, which is sound, beside it."""

    def both(path: Path) -> object:
        (path.parent / name).write_bytes(content)
        return read(path.parent)

    return both


def checkpoint_bytes() -> bytes:
    """A small checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        return save_checkpoint(Path(folder), 1, {"done": 1, "weights": torch.arange(5.0)}).read_bytes()


def targets() -> dict[str, Target]:
    """Every reader of files."""
    graphs = nx.petersen_graph(), nx.path_graph(3), nx.disjoint_union(nx.path_graph(2), nx.empty_graph(1))
    config, weights = stored_run()
    found = [
        Target(name, files(name, *graphs), read_graph)
        for name in ("graph.col", "graph.edges", "graph.g6", "graph.npy", "graph.col.gz", "graph.npy.gz")
    ]
    found.append(Target("list.txt", (b"3 2\n0 1\n1 2\n", b"source,target\na,b\n", b"(0, 1)\n(1, 2)\n"), read_graph))
    board = b"Q.......\n" + b"........\n" * 7
    puzzle = b"53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79\n"
    framed = b"+---+\n|12|--|\n|34|**|\n+---+\n|2_|..|\n|4x|00|\n"
    large = b" ".join(b"%d" % digit for digit in range(1, 17)) + (b"\n" + b". 0 _ ? " * 4) * 15
    table = b"source,question,rating\nx," + puzzle.strip() + b",3\n"
    diagonals = json.dumps({"8": {"0": [[1, 0], [2, 1]]}}).encode()
    found += [
        Target(
            "board.txt", (board, b"3Q4/8/8/8/8/8/8/8 w", b"4 -1 3 5 7 2 0 6"), lambda path: NQueens().load(str(path))
        ),
        Target("boards.json", (diagonals,), lambda path: NQueens(excluded=2).load(str(path))),
        Target("puzzle.txt", (puzzle,), lambda path: Sudoku().load(str(path))),
        Target("small.sdk", (framed,), lambda path: Sudoku(box=2, max_solutions=300).load(str(path))),
        Target("large.txt", (large,), lambda path: Sudoku(box=4, max_solutions=2).load(str(path))),
        Target("puzzles.csv", (table,), lambda path: Sudoku().load(str(path))),
        Target("config.json", (config,), from_json),
        Target("checkpoint-000000001.pt", (checkpoint_bytes(),), read_checkpoint),
        Target(WEIGHTS, (weights,), beside("config.json", config, lambda folder: load_run(str(folder), "cpu"))),
        Target(
            "config.json of weights", (config,), beside(WEIGHTS, weights, lambda folder: load_run(str(folder), "cpu"))
        ),
    ]
    return {target.name: target for target in found}


def lines() -> dict[str, tuple[list[str], Callable[[list[str]], object]]]:
    """Every command line that is worth parsing, up to where work would begin."""
    return {
        "train": (TRAIN, configured),
        "compare": (COMPARE, lambda arguments: check(parse(CompareConfig, "gram_pyro.compare", arguments))),
    }
