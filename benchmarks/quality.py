"""What training reaches, and when: `python -m benchmarks.quality ROW ...`, a JSON a row in `results/quality/`.

Rows train with the recipe of the task, changed as listed in `ROWS`, and are evaluated on the same
unseen graphs. A run that was interrupted is resumed; a run that is finished is only evaluated.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS, write_json
from benchmarks.trained import draw_minutes, evaluation_of, facts_of
from gram_pyro.errors import run_cli
from gram_pyro.evaluation.evaluate import evaluate as evaluated
from gram_pyro.inference.metrics import count_solutions
from gram_pyro.runs.store import load_run
from gram_pyro.runs.train_options import configured
from gram_pyro.tasks import Coloring
from gram_pyro.training.run import train_once

RUNS, QUALITY = Path("runs"), RESULTS / "quality"
DATA_SEED = 11  # the experiments of LOG.md looked at 7


@dataclass(frozen=True)
class Row:
    """A task, how its recipe is changed, the test problems, and how they are measured; of `singles` more one sample."""

    task: str
    options: str = ""
    problems: int = 255
    steps: str = "16 32 64"
    measuring: str = ""
    singles: int = 0


FROM_SMALLER = (
    "--updates 2400 --warmup 50 --learning-rate 4e-4 --beta 4 --kl-target 0.3 --kl-target-start 0.45"
    " --problems 40000 --head-rounds 8"
)
WIDE = "--model.width 256 --model.heads 8 --model.hidden 512 --device cuda"
ROWS: dict[str, Row] = {
    "relations-0": Row("coloring", "--seed 0"),
    "relations-1": Row("coloring", "--seed 1"),
    "relations-2": Row("coloring", "--seed 2"),
    "float32": Row("coloring", "--precision float32 --minutes 5 --threads 1 --evaluations 20"),
    "bfloat16": Row("coloring", "--precision bfloat16 --minutes 5 --threads 1 --evaluations 20"),
    "tokens": Row("coloring", "--task.layout tokens"),
    "tokens-canonical": Row("coloring", "--task.layout tokens --task.names canonical"),
    "deterministic": Row("coloring", "--task.names canonical --task.positions --model.no-guidance --prior-fraction 0"),
    "n10": Row("coloring", "--task.n 10 --minutes 30", 192),
    "8-orbit": Row("nqueens", "", 150),
    "8-input": Row("nqueens", "--task.split input --task.no-augmented", 150),
    "10-orbit": Row("nqueens", f"--task.n 10 --init runs/nqueens-8-orbit {FROM_SMALLER}", 60),
    "10-input": Row(
        "nqueens", f"--task.n 10 --task.split input --task.no-augmented --init runs/nqueens-8-input {FROM_SMALLER}", 60
    ),
    "medium": Row("sudoku", "--model gram", 100),
    "medium-drafts": Row("sudoku", "", 100, measuring="--precision bfloat16 --compile", singles=1000),
    "8-gpu": Row("nqueens", f"{WIDE} --compile graphs --minutes 4 --batch 256 --learning-rate 3e-4", 150),
    "10-gpu": Row(
        "nqueens",
        f"{WIDE} --compile graphs --task.n 10 --init runs/nqueens-8-gpu --minutes 3.2 --batch 256"
        " --learning-rate 4e-4 --beta 4 --kl-target 0.3 --kl-target-start 0.45 --problems 40000",
        60,
    ),
    "medium-gpu": Row("sudoku", f"--model gram {WIDE} --model.refinements 4 --minutes 3 --batch 384", 100),
    "many": Row(
        "sudoku",
        "--model gram --task.max-solutions 64 --init runs/sudoku-medium --beta 2 --kl-target 0.5 --kl-target-start 1.0",
        100,
    ),
}
TRANSFER = (12, 16)


def train_row(name: str, extra: list[str]) -> Path:
    """Train a row, or go on with it, or leave it if it is finished."""
    row = ROWS[name]
    folder = RUNS / f"{row.task}-{name}"
    train_once(configured(["--task", row.task, *row.options.split(), *extra])[0], folder)
    return folder


def transfer(folder: Path, n: int, problems: int) -> dict[str, Any]:
    """The same weights on larger unseen graphs of the same mean degree, so that most can be colored."""
    run = load_run(str(folder))
    assert isinstance(run.task, Coloring)
    probability = tuple(p * (run.task.n - 1) / (n - 1) for p in run.task.edge_probability)
    task = replace(run.task, n=n, edge_probability=probability)
    graphs = task.generate("test", problems, DATA_SEED)
    counts = [count_solutions(task, graph) for graph in graphs]
    measured = evaluated(run, graphs, counts, [1, 20], [64])
    return {"n": n, "edge_probability": probability, "problems": problems, "rows": measured["rows"]}


def measured(folder: Path, row: Row, problems: int, *options: str) -> Any:
    """What `evaluate` says of a run on so many problems."""
    asked = ["--problems", str(problems), "--data-seed", str(DATA_SEED), "--steps", *row.steps.split()]
    return evaluation_of(folder, folder / "evaluation.json", *asked, *row.measuring.split(), *options)


def main(arguments: list[str]) -> None:
    """Train and evaluate the rows named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("rows", nargs="+", choices=[*ROWS])
    options, extra = parser.parse_known_args(arguments)
    curves: dict[str, Any] = {}
    for name in options.rows:
        folder, row = train_row(name, extra), ROWS[name]
        result = facts_of(folder, f"python -m benchmarks.quality {name} {' '.join(extra)}")
        result["evaluation"] = measured(folder, row, row.problems)
        if row.singles:
            result["singles"] = measured(folder, row, row.singles, "--samples", "1", "--no-bound")
        if name == "relations-0":
            result["transfer"] = [transfer(folder, n, 100) for n in TRANSFER]
        write_json(QUALITY / f"{row.task}-{name}.json", result)
        curves[f"{row.task}, {name}"] = result["curve"]
        print(f"{name} done", file=sys.stderr)
    draw_minutes(curves, QUALITY / f"{'-'.join(options.rows)}.png")


if __name__ == "__main__":
    run_cli(main)
