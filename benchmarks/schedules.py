"""`python -m benchmarks.schedules`: what the shipped Sudoku solver finds with annealed looks, and in noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.report import Options, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.evaluation.evaluate import evaluate
from gram_pyro.inference.metrics import count_solutions
from gram_pyro.runs.store import load_run
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import arithmetic
from gram_pyro.tasks import Sudoku

RUN, STEPS, DATA_SEED = "sudoku", 64, 11


@dataclass(frozen=True)
class ScheduleOptions(Options):
    """Validity and coverage under two schedules of drafts, of the same weights on the same puzzles, in bfloat16."""

    single: int = 100
    """Puzzles with one solution, one sample each."""
    many: int = 12
    """Puzzles with 2 to 64 solutions, 20 samples each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.single, self.many) < 1:
            raise UserError("--single and --many must be at least 1")


def measure(options: ScheduleOptions) -> list[Row]:
    """A row for each kind of puzzles and schedule."""
    rows: list[Row] = []
    for most, problems, samples in ((1, options.single, 1), (64, options.many, 20)):
        for schedule in ("cosine", "constant"):
            run = load_run(RUN, "cpu", schedule)
            assert isinstance(run.task, Sudoku)
            task = replace(run.task, max_solutions=most)
            puzzles = task.generate("test", problems, DATA_SEED)
            counts = [count_solutions(task, puzzle) for puzzle in puzzles]
            with arithmetic(run.device, "bfloat16"):
                found = evaluate(run, puzzles, counts, [samples], [STEPS], options.seed, with_bound=False)
            row = next(row for row in found["rows"] if row["steps"] == STEPS)
            rows.append({"schedule": schedule, "max_solutions": most, "problems": problems} | row)
    return rows


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(ScheduleOptions, "benchmarks.schedules", arguments)
    columns: dict[str, Callable[[Row], str]] = {
        "solutions": lambda row: f"up to {row['max_solutions']}",
        "schedule": lambda row: row["schedule"],
        "validity": lambda row: f"{row['validity']:.3f}",
        "coverage / ceiling": lambda row: f"{row['ratio']:.3f}",
    }
    publish("schedules", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
