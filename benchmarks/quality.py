"""What training reaches: `python -m benchmarks.quality ROW ...`, one JSON a row in `benchmarks/results/`.

Rows train with the recipe of the task, changed as listed in `ROWS`, and are evaluated on the same
unseen graphs. A run that was interrupted is resumed; a run that is finished is only evaluated.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report import machine, write_json
from gram_pyro import evaluate, train
from gram_pyro.errors import run_cli
from gram_pyro.metrics import count_solutions
from gram_pyro.runs import load_run
from gram_pyro.tasks import Coloring

RUNS = Path("runs")
ROWS: dict[str, list[str]] = {
    "relations-0": ["--seed", "0"],
    "relations-1": ["--seed", "1"],
    "relations-2": ["--seed", "2"],
    "tokens": ["--task.layout", "tokens"],
    "tokens-canonical": ["--task.layout", "tokens", "--task.names", "canonical"],
    "deterministic": ["--task.names", "canonical", "--task.positions", "--model.no-guidance", "--free", "0"],
    "n10": ["--task.n", "10", "--minutes", "30"],
}
STEPS = ["16", "32", "64"]
TRANSFER = (12, 16)
DATA_SEED = 11  # the experiments of LOG.md looked at 7


def train_row(name: str, extra: list[str]) -> Path:
    """Train a row, or go on with it, or leave it if it is finished."""
    folder = RUNS / name
    if not (folder / "config.json").exists():
        train.main(["--task", "coloring", "--out", str(folder), *ROWS[name], *extra])
    elif list(folder.glob("checkpoint-*.pt")):
        train.main(["--resume", str(folder)])
    return folder


def transfer(folder: Path, n: int, problems: int) -> dict[str, Any]:
    """The same weights on larger unseen graphs of the same mean degree, so that most can be colored."""
    run = load_run(str(folder))
    assert isinstance(run.task, Coloring)
    probability = tuple(p * (run.task.n - 1) / (n - 1) for p in run.task.edge_probability)
    task = replace(run.task, n=n, edge_probability=probability)
    graphs = task.generate("test", problems, DATA_SEED)
    counts = [count_solutions(task, graph) for graph in graphs]
    measured = evaluate.evaluate(run, graphs, counts, [1, 20], [64])
    return {"n": n, "edge_probability": probability, "problems": problems, "rows": measured["rows"]}


def main(arguments: list[str]) -> None:
    """Train and evaluate the rows named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("rows", nargs="+", choices=[*ROWS])
    options, extra = parser.parse_known_args(arguments)
    for name in options.rows:
        folder = train_row(name, extra)
        problems = 192 if name == "n10" else 255
        out = folder / "evaluation.json"
        asked = ["--problems", str(problems), "--data-seed", str(DATA_SEED), "--steps", *STEPS, "--out", str(out)]
        evaluate.main([str(folder), *asked])
        metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        result = {
            "command": f"python -m benchmarks.quality {name} {' '.join(extra)}".strip(),
            "machine": machine(),
            "config": json.loads((folder / "config.json").read_text()),
            "minutes": metrics[-1]["seconds"] / 60,
            "evaluation": json.loads(out.read_text()),
        }
        if name == "relations-0":
            result["transfer"] = [transfer(folder, n, 100) for n in TRANSFER]
        write_json(Path("benchmarks/results") / f"coloring-{name}.json", result)
        print(f"{name} done", file=sys.stderr)


if __name__ == "__main__":
    run_cli(main)
