"""What more compute at inference buys: `python -m benchmarks.inference RUN`, one JSON and its figures.

On problems that training never saw, always in the same run: depth x width with each way to select;
Sequential Monte Carlo and repelling samples against independent ones, at equal network evaluations and
over several seeds of the samples. Halting is measured by `benchmarks.halting`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any

import torch
import tyro
from tqdm import tqdm

from benchmarks.report import Row, table, write_json
from gram_pyro.errors import run_cli
from gram_pyro.evaluation.evaluate import draw_all, evaluate, measure_draws
from gram_pyro.evaluation.scaling import draw_figures
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.judge import ViolationCache
from gram_pyro.inference.metrics import count_solutions
from gram_pyro.inference.selection import possible
from gram_pyro.runs.store import Run, load_run
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import machine_facts

DATA_SEED = 11  # the experiments of LOG.md looked at 7
SAMPLES = 20


@dataclass(frozen=True)
class InferenceOptions:
    """Measure one checkpoint in depth and in width."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """Run folder or shipped checkpoint."""
    out: str | None = None
    """Write the JSON to this file too, such as benchmarks/results/inference/nqueens.json; the figures go beside it."""
    problems: int = 200
    """Test problems for methods compared at 20 samples."""
    grid_problems: int = 100
    """Test problems for depth x width; 0 leaves that out."""
    grid_samples: tuple[int, ...] = (1, 5, 20, 100)
    """Widths."""
    grid_steps: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Depths."""
    steps: tuple[int, ...] = (4, 16)
    """Depths at which Sequential Monte Carlo and independent samples are compared."""
    deep: int = 64
    """Depth of the comparison of coverage."""
    repel: tuple[float, ...] = (2.0,)
    """Pushes of repelling samples."""
    repel_steps: int = 16
    """Steps in which they repel each other."""
    seeds: int = 3
    """Seeds of the samples."""
    threads: int = 0
    """Threads of torch; 0 leaves its own choice."""


class Bench:
    """Problems, their solutions and verdicts, shared by all comparisons."""

    def __init__(self, run: Run, problems: int) -> None:
        self.run = run
        self.problems = run.task.generate("test", problems, DATA_SEED)
        self.counts = [count_solutions(run.task, problem) for problem in self.problems]
        self.seen: ViolationCache = {}
        self.selections = possible(run.heads is not None)

    def measured(self, method: SamplingConfig, depths: Sequence[int], seed: int, progress: Any) -> list[Row]:
        """One row for each depth, with the seconds that all of them took."""
        began = time.perf_counter()
        drawn = draw_all(self.run, self.problems, SAMPLES, depths, seed, method, progress)
        seconds = time.perf_counter() - began
        shared = self.counts, self.seen, None, self.selections
        rows = [
            measure_draws(self.run.task, self.problems, drawn, at, SAMPLES, depth, *shared)
            for at, depth in enumerate(depths)
        ]
        return [row._asdict() | {"seconds": round(seconds, 2)} for row in rows]

    def compare(self, methods: dict[str, SamplingConfig], depths: Sequence[int], seeds: int) -> list[Row]:
        """Mean and spread over seeds of each method at each depth."""
        progress = partial(tqdm, leave=False)
        runs = {name: [self.measured(m, depths, s, progress) for s in range(seeds)] for name, m in methods.items()}
        return [
            {"method": name, "steps": depth, **summary([each[d] for each in runs[name]])}
            for d, depth in enumerate(depths)
            for name in methods
        ]


def summary(rows: Sequence[Row]) -> Row:
    """Mean and standard deviation over seeds of what matters."""
    columns = {
        name: [row[name] for row in rows] for name in ("validity", "coverage", "ceiling", "evaluations", "seconds")
    }
    columns |= {name: [row["accuracy"][name] for row in rows] for name in rows[0]["accuracy"]}
    return {
        name: {"mean": mean(column), "stdev": stdev(column) if len(column) > 1 else None}
        for name, column in columns.items()
    }


def shown(rows: Sequence[Row]) -> str:
    """Rows of `Bench.compare` as a table."""
    names = [name for name in rows[0] if name not in ("method", "steps", "ceiling")]

    def cell(value: Row) -> str:
        digits = 1 if value["mean"] > 10 else 4
        return f"{value['mean']:.{digits}f}" + ("" if value["stdev"] is None else f" +- {value['stdev']:.{digits}f}")

    cells = [[row["method"], str(row["steps"]), *(cell(row[name]) for name in names)] for row in rows]
    return table(["method", "steps", *names], cells)


def main(arguments: list[str]) -> None:
    """The command line. Raises `UserError` on wrong input."""
    options: InferenceOptions = parse(InferenceOptions, "benchmarks.inference", arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    run = load_run(options.run)
    bench = Bench(run, options.problems)
    pushes = {f"repel {push:g}": SamplingConfig(repel=push, repel_steps=options.repel_steps) for push in options.repel}
    facts: Row = {
        "command": f"python -m benchmarks.inference {' '.join(arguments)}",
        "machine": machine_facts(run.device),
        "run": run.name,
        "depth": run.depth,
        "data_seed": DATA_SEED,
        "problems": len(bench.problems),
        "samples": SAMPLES,
        "repel": bench.compare({"independent": INDEPENDENT, **pushes}, [options.deep], options.seeds),
    }
    print(shown(facts["repel"]), flush=True)
    if run.heads is not None:
        methods = {"independent": INDEPENDENT, "resample": SamplingConfig(resample=True)}
        facts["resample"] = bench.compare(methods, options.steps, options.seeds)
        print(shown(facts["resample"]), flush=True)
    if options.out:
        write_json(Path(options.out), facts)
    if options.grid_problems and options.out:
        problems = bench.problems[: options.grid_problems]
        facts["grid_problems"] = len(problems)
        facts["grid"] = evaluate(
            run, problems, bench.counts[: len(problems)], options.grid_samples, options.grid_steps,
            progress=partial(tqdm, leave=False), selections=bench.selections, with_bound=False,
        )  # fmt: skip
        draw_figures(facts["grid"], Path(options.out))
        write_json(Path(options.out), facts)


if __name__ == "__main__":
    run_cli(main)
