"""What counts as a sample: `python -m benchmarks.answers`, one JSON if `--out` names it.

The checkpoints that come with the package on problems that training never saw. The same trajectories are decoded twice,
to the likeliest value of every position and to values drawn from the decoder's probabilities; conflicts are those of
every sample, of the most frequent of 20 and of the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyro
import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.inference import DATA_SEED, SAMPLES
from benchmarks.report import Row, table, write_json
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.judge import ViolationCache
from gram_pyro.inference.metrics import count_solutions, measure
from gram_pyro.inference.sampling import CPU_POSITIONS, answers_of, seeded
from gram_pyro.runs.store import Run, load_run
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import machine_facts

STEPS = (16, 32, 64)
WAYS = {"argmax": INDEPENDENT, "drawn": SamplingConfig(categorical=True)}
SHOWN = {"validity": 3, "coverage": 3, "conflicts": 1, "mode": 0, "best": 0}


@dataclass(frozen=True)
class Case:
    """A checkpoint and how many problems it meets; of another size than it was trained on where `n` says so."""

    checkpoint: str
    problems: int
    n: int | None = None

    def run(self) -> Run:
        """The checkpoint, with the task of this size."""
        run = load_run(self.checkpoint, "cpu")
        return run if self.n is None else run._replace(task=replace(run.task, n=self.n))  # type: ignore[type-var]


CASES = {
    "coloring, n = 8": Case("coloring_gram", 255),
    "coloring, n = 10, trained on 8": Case("coloring_gram", 192, 10),
    "N-Queens 8 x 8": Case("nqueens", 40),
    "N-Queens 10 x 10": Case("nqueens10", 20),
    "N-Queens 10 x 10, trained on 8 x 8": Case("nqueens", 20, 10),
    "Sudoku, medium": Case("sudoku", 10),
}


@dataclass(frozen=True)
class AnswerOptions:
    """Measure every checkpoint."""

    out: str | None = None
    """JSON file, such as benchmarks/results/inference/answers.json."""
    threads: int = 1
    """Threads of torch."""

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise UserError(f"--threads must be at least 1, not {self.threads}")


@torch.no_grad()
def decoded(run: Run, problems: Sequence[Any]) -> dict[tuple[str, int], list[Tensor]]:
    """Answers `(samples, length)` to each problem, by the way of decoding and the steps, of the same trajectories."""
    found: dict[tuple[str, int], list[Tensor]] = {(way, depth): [] for depth in STEPS for way in WAYS}
    x = run.task.encode(problems)
    at_once = max(1, CPU_POSITIONS // (SAMPLES * x.tokens.shape[1]))
    carried = run.model.recursion == "carried"
    with seeded(0), pyro.validation_enabled(False):
        for rows in tqdm(torch.split(torch.arange(len(problems)), at_once)):
            part, state, reached = x.select(rows.repeat_interleave(SAMPLES)), None, 0
            for depth in STEPS:
                outcome = run.model(part, steps=depth - reached, state=state, supervise="last")
                state, reached = (outcome.state, depth) if carried else (None, 0)
                for way, method in WAYS.items():
                    found[way, depth] += answers_of(outcome, method).view(len(rows), SAMPLES, -1)
    return found


def measured(run: Run, problems: Sequence[Any]) -> list[Row]:
    """A row for each depth, with the measures of both ways."""
    counts = [count_solutions(run.task, problem) for problem in problems]
    seen: ViolationCache = {}
    answers = decoded(run, problems)

    def metrics(way: str, depth: int) -> Row:
        return measure(run.task, problems, answers[way, depth], SAMPLES, depth, counts, seen)._asdict()

    return [{"steps": depth} | {way: metrics(way, depth) for way in WAYS} for depth in STEPS]


def main(arguments: list[str]) -> None:
    """The command line. Raises `UserError` on wrong input."""
    options: AnswerOptions = parse(AnswerOptions, "benchmarks.answers", arguments)
    torch.set_num_threads(options.threads)
    found: Row = {
        "command": f"python -m benchmarks.answers {' '.join(arguments)}",
        "machine": machine_facts("cpu"),
        "data_seed": DATA_SEED,
        "problems": 0,
        "samples": SAMPLES,
        "answers": [],
    }
    for label, case in CASES.items():
        run = case.run()
        problems = run.task.generate("test", case.problems, DATA_SEED)
        found["problems"] += len(problems)
        for row in measured(run, problems):
            found["answers"].append({"label": label, "task": run.task.name, "problems": len(problems)} | row)
            cells = [[way, *(f"{row[way][name]:.{digits}f}" for name, digits in SHOWN.items())] for way in WAYS]
            print(label, row["steps"], table(["", *SHOWN], cells), sep="\n", flush=True)
    if options.out is not None:
        write_json(Path(options.out), found)


if __name__ == "__main__":
    run_cli(main)
