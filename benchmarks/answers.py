"""What counts as a sample: `python -m benchmarks.answers --out FILE`, one JSON.

The checkpoints that come with the package on problems that training never saw: answers that are the likeliest value of
every position against answers that are drawn from the decoder's probabilities, and for each the conflicts of every
sample, of the most frequent of 20 and of the best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.inference import DATA_SEED, SAMPLES, Bench
from benchmarks.report import Row, table, write_json
from gram_pyro.errors import run_cli
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.runs.store import load_run
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import machine_facts

STEPS = (16, 32, 64)
METHODS = {"argmax": INDEPENDENT, "drawn": SamplingConfig(categorical=True)}
SHOWN = {"validity": 3, "coverage": 3, "conflicts": 1, "mode": 0, "best": 0}


@dataclass(frozen=True)
class Case:
    """A checkpoint and how many problems it meets; of another size than it was trained on where `n` says so."""

    run: str
    problems: int
    n: int | None = None

    def bench(self) -> Bench:
        """The checkpoint with its problems."""
        run = load_run(self.run)
        task = run.task if self.n is None else replace(run.task, n=self.n)  # type: ignore[type-var]
        return Bench(run._replace(task=task), self.problems)


CASES = {
    "coloring, n = 8": Case("coloring", 255),
    "coloring, n = 10, trained on 8": Case("coloring", 192, 10),
    "N-Queens 8 x 8": Case("nqueens", 40),
    "N-Queens 10 x 10": Case("nqueens10", 20),
    "N-Queens 10 x 10, trained on 8 x 8": Case("nqueens", 20, 10),
    "Sudoku, medium": Case("sudoku", 10),
}


@dataclass(frozen=True)
class AnswerOptions:
    """Measure every checkpoint."""

    out: str
    """JSON file, such as benchmarks/results/inference/answers.json."""
    threads: int = 1
    """Threads of torch."""


def main(arguments: list[str]) -> None:
    """The command line. Raises `UserError` on wrong input."""
    options: AnswerOptions = parse(AnswerOptions, "benchmarks.answers", arguments)
    torch.set_num_threads(options.threads)
    rows: list[Row] = []
    problems = 0
    for label, case in CASES.items():
        bench = case.bench()
        problems += len(bench.problems)
        facts = {"label": label, "task": bench.run.task.name, "problems": len(bench.problems)}
        by_method = {name: bench.measured(m, STEPS, 0, partial(tqdm, leave=False)) for name, m in METHODS.items()}
        rows += [
            facts | {"steps": steps} | {name: by_method[name][at] for name in METHODS} for at, steps in enumerate(STEPS)
        ]
        for row in rows[-len(STEPS) :]:
            cells = [[name, *(f"{row[name][key]:.{digits}f}" for key, digits in SHOWN.items())] for name in METHODS]
            print(label, row["steps"], table(["", *SHOWN], cells), sep="\n", flush=True)
    found = {
        "command": f"python -m benchmarks.answers {' '.join(arguments)}",
        "machine": machine_facts("cpu"),
        "data_seed": DATA_SEED,
        "problems": problems,
        "samples": SAMPLES,
        "answers": rows,
    }
    write_json(Path(options.out), found)


if __name__ == "__main__":
    run_cli(main)
