"""What halting saves, and what the heads say of problems without a solution: `python -m benchmarks.halting RUN`.

Samples that halt by themselves against samples that all run to the same depth, on problems that training never saw;
and the probabilities of the three heads along trajectories of solvable and of unsolvable problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from benchmarks.inference import DATA_SEED, SAMPLES, Bench, shown
from benchmarks.report import Row, table, write_json
from gram_pyro.errors import UserError, run_cli
from gram_pyro.evaluation.scores import calibration
from gram_pyro.inference.config import AUTO, INDEPENDENT, SamplingConfig
from gram_pyro.inference.rollout import DEEP, rollout
from gram_pyro.models.heads import HeadLogits
from gram_pyro.runs.store import Run, load_run
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import machine_facts

METHODS = {
    "never": INDEPENDENT,
    **{f"simple {p:g}": SamplingConfig(halt="simple", halt_threshold=p) for p in (0.5, 0.9, 0.99)},
    "simple 0.99 twice": SamplingConfig(halt="simple", halt_threshold=0.99, halt_patience=2),
    "q": SamplingConfig(halt="q"),
    "auto": AUTO,
}


@dataclass(frozen=True)
class HaltingOptions:
    """Measure the heads of one checkpoint."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """Run folder or shipped checkpoint."""
    out: str | None = None
    """Write the JSON to this file too."""
    problems: int = 200
    """Test problems, and as many without a solution."""
    deep: int = 64
    """Steps after which all trajectories end."""
    seeds: int = 2
    """Seeds of the samples."""
    at: tuple[int, ...] = (1, 16, 31)
    """Steps at which the heads are read."""
    threads: int = 1
    """Threads of torch."""


def read_heads(run: Run, problems: Sequence[Any], at: Sequence[int]) -> list[Row]:
    """Mean probabilities of the heads after the steps `at` of one trajectory a problem, and how many answers are right.

    `wrong_proceed` is q_continue on states whose answer is wrong, None where all are right.
    """
    assert run.heads is not None
    found = rollout(run.task, run.model, problems, DEEP * run.depth, DATA_SEED)
    rows = []
    for step in at:
        with torch.no_grad():
            verdict: HeadLogits = run.heads(found.high[step - 1], found.problems)
        means = {name: logits.sigmoid().mean().item() for name, logits in verdict._asdict().items()}
        wrong = ~found.valid[step - 1]
        going_on = verdict.proceed.sigmoid().cpu()[wrong]
        rows.append(
            {"step": step, "right": 1 - wrong.float().mean().item()}
            | means
            | {"halts": (verdict.halt > 0).float().mean().item()}
            | {"wrong_proceed": going_on.mean().item() if len(going_on) else None}
        )
    return rows


def main(arguments: list[str]) -> None:
    """The command line. Raises `UserError` on wrong input."""
    options: HaltingOptions = parse(HaltingOptions, "benchmarks.halting", arguments)
    torch.set_num_threads(options.threads)
    run = load_run(options.run)
    if run.heads is None or not all(1 <= step <= DEEP * run.depth for step in options.at):
        raise UserError(f"{options.run} must have heads, and --at lie between 1 and {DEEP * run.depth}")
    bench = Bench(run, options.problems)
    unsolvable = run.task.unsolvable("test", options.problems, DATA_SEED)
    facts: Row = {
        "command": f"python -m benchmarks.halting {' '.join(arguments)}",
        "machine": machine_facts(run.device),
        "run": run.name,
        "depth": run.depth,
        "data_seed": DATA_SEED,
        "problems": len(bench.problems),
        "unsolvable": len(unsolvable),
        "samples": SAMPLES,
        "heads": {
            name: read_heads(run, problems, options.at)
            for name, problems in (("solvable", bench.problems), ("unsolvable", unsolvable))
            if problems
        },
        "calibration": calibration(run, bench.problems, run.depth, DATA_SEED)._asdict(),
    }
    for name, rows in facts["heads"].items():
        cells = [["-" if cell is None else f"{cell:.3f}" for cell in row.values()] for row in rows]
        print(name, table(list(rows[0]), cells), sep="\n", flush=True)
    print("calibration error", facts["calibration"], flush=True)
    facts["halt"] = bench.compare(METHODS, [options.deep], options.seeds)
    print(shown(facts["halt"]))
    if options.out:
        write_json(Path(options.out), facts)


if __name__ == "__main__":
    run_cli(main)
