"""`python -m benchmarks.startup`: processor seconds of command lines, beside those of another checkout."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import networkx as nx

from benchmarks.report import Options, Row, compare, publish, ratio_cell, spread, time_paired
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse

ROOT = Path(__file__).parents[1]
GRAPH = "petersen.txt"
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
COMMANDS = {
    "sample coloring": ["gram_pyro.sample", "coloring_gram", "--graph", GRAPH, "--json"],
    "sample sudoku": ["gram_pyro.sample", "sudoku", "--puzzle", PUZZLE, "--json"],
    **{f"{name} --help": [f"gram_pyro.{name}", "--help"] for name in ("sample", "evaluate", "compare", "train")},
}


@dataclass(frozen=True)
class StartupOptions(Options):
    """Time whole command lines, from the start of Python to its end, in user and system seconds."""

    baseline: str | None = None
    """Folder of another checkout, which takes turns with this one."""
    repeats: int = 5
    """Timed rounds, each running every command once in each checkout; a round before them does not count."""


def children_seconds() -> float:
    """Return the user and system seconds of all child processes that have ended, their threads included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_python(checkout: Path, folder: Path, arguments: Sequence[str]) -> str:
    """Run Python with the package of a checkout and return its output. Raises `UserError` if it fails."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"python {' '.join(arguments)} failed with the package in {checkout}: {reason}")
    return done.stdout


def check_checkout(checkout: Path, folder: Path) -> None:
    """Raise `UserError` unless Python imports the package from this checkout."""
    where = run_python(checkout, folder, ["-c", "import gram_pyro; print(gram_pyro.__file__)"])
    if checkout not in Path(where.strip()).parents:
        raise UserError(f"{checkout} holds no package gram_pyro; --baseline takes the folder of a checkout")


def commit_of(checkout: Path) -> str | None:
    """Return the short id of the commit that is checked out, or None outside git."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or None


def measure(checkouts: dict[str, Path], folder: Path, repeats: int) -> list[Row]:
    """Return a row for each command, in every checkout."""
    rows = []
    for name, command in COMMANDS.items():
        contenders = {label: partial(run_python, path, folder, ["-m", *command]) for label, path in checkouts.items()}
        times = time_paired(contenders, repeats, warmup=1, clock=children_seconds)
        row: Row = {"command": name, "seconds": {label: spread(taken) for label, taken in times.items()}}
        if "baseline" in times:
            row["ours_to_baseline"] = compare(times["ours"], times["baseline"])
        rows.append(row)
    return rows


def seconds(label: str) -> Callable[[Row], str]:
    """A cell: least and median seconds of a checkout."""
    return lambda row: "{min:.2f}, {median:.2f}".format(**row["seconds"][label])


def main(arguments: list[str]) -> None:
    """Time and report."""
    options: StartupOptions = parse(StartupOptions, "benchmarks.startup", arguments)
    checkouts = {"ours": ROOT}
    if options.baseline is not None:
        checkouts["baseline"] = Path(options.baseline).resolve()
        options = replace(options, baseline=commit_of(checkouts["baseline"]) or checkouts["baseline"].name)
    with tempfile.TemporaryDirectory() as folder:
        nx.write_edgelist(nx.petersen_graph(), Path(folder) / GRAPH, data=False)
        for checkout in checkouts.values():
            check_checkout(checkout, Path(folder))
        rows = measure(checkouts, Path(folder), options.repeats)
    columns: dict[str, Callable[[Row], str]] = {"": lambda row: row["command"]}
    columns |= {f"{label} [s], min, median": seconds(label) for label in checkouts}
    if "baseline" in checkouts:
        columns["ours / baseline"] = ratio_cell("ours_to_baseline")
    publish("startup", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
