"""The paper's tables under one budget: `python -m gram_pyro.compare --task coloring --models all --minutes 4`."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tyro
from tqdm import tqdm

from gram_pyro.checkpoint import write_atomically
from gram_pyro.cli import parse
from gram_pyro.comparison import TABLES, Budget, Entry, Equal, perform, result_of
from gram_pyro.comparison_table import draw_table, markdown, rows_of
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference import MAX_NUMBER
from gram_pyro.systems import INPUTS, TASK_OPTIONS

REFERENCE = "gram"
"""The system that sets the amount where evaluations or samples are equal."""
BUDGET = "budget.json"


@dataclass(frozen=True)
class CompareConfig:
    """Train and measure what the paper compares with, all under one budget, and write the tables.

    A comparison that was stopped goes on where it was: give the same command again.
    """

    task: tuple[str, ...] = ("coloring",)
    """Tasks: coloring, nqueens."""
    models: tuple[str, ...] = ("all",)
    """Systems by name, or all: those of the paper's first table, or with --ablate of its third."""
    inputs: tuple[str, ...] = INPUTS
    """What systems are told: relations, tokens. Each is trained with all that are named here; the better one on
    validation problems is its row, and the others are in the JSON."""
    minutes: float = 4.0
    """Wall minutes of each training; of the reference, where something else is equal."""
    seeds: int = 1
    """Runs of each of the systems that are repeated: GRAM, TRM, the autoregressive Transformer and MDLM."""
    equal: Equal = "time"
    """What is equal: wall time of training and samples; network evaluations of training and of sampling; or examples
    seen and samples. Beyond time, GRAM with the first of the inputs sets the amount."""
    ablate: tyro.conf.FlagCreatePairsOff[bool] = False
    """The paper's third table instead: GRAM with less, and with other objectives."""
    samples: int = 20
    """Samples of a problem."""
    problems: int = 100
    """Test problems."""
    data_seed: int = 11
    """Seed of the test problems."""
    jobs: int = 1
    """Runs side by side, each with its own --threads."""
    threads: int = 0
    """CPU threads of a run; 0 takes all cores."""
    device: str = "auto"
    """auto (CUDA where there is one), cpu, cuda, cuda:1."""
    task_options: str = ""
    """More options of the task in one string, such as "--task.n 10"."""
    out: str = "runs/compare"
    """Folder of the runs."""
    results: str | None = None
    """Folder for the tables as JSON, Markdown and figure; that of the runs unless told otherwise."""

    @property
    def table(self) -> str:
        """Which of the paper's tables."""
        return "table3" if self.ablate else "table1"

    @property
    def budget(self) -> Budget:
        """What all systems get alike."""
        return Budget(
            self.minutes, self.equal, self.samples, self.problems, self.data_seed, self.threads, self.device,
            self.task_options,
        )  # fmt: skip


def check(config: CompareConfig) -> list[str]:
    """The names of the systems. Raises `UserError` on a choice that is impossible."""
    known = TABLES[config.table]
    names = [*known] if "all" in config.models else [*config.models]
    for kind, chosen, possible in (
        ("task", config.task, TASK_OPTIONS),
        ("system", names, known),
        ("kind of input", config.inputs, INPUTS),
    ):
        unknown = [name for name in chosen if name not in possible]
        if unknown or not chosen:
            raise UserError(f"unknown {kind} {' '.join(unknown) or 'none'}; known are {', '.join(possible)}")
    if not 0 < config.minutes < 10**6:
        raise UserError(f"--minutes must be above 0, not {config.minutes}")
    for name, least, most in (
        ("seeds", 1, 1000),
        ("jobs", 1, 64),
        ("samples", 1, MAX_NUMBER),
        ("problems", 1, MAX_NUMBER),
    ):
        if not least <= getattr(config, name) <= most:
            raise UserError(f"--{name} must lie between {least} and {most:,}, not {getattr(config, name)}")
    if config.equal != "time" and REFERENCE not in names:
        raise UserError(f"--equal {config.equal} needs the reference among the models: add {REFERENCE}")
    return names


def claim(out: Path, budget: Budget) -> None:
    """Note the budget in the folder. Raises `UserError` if its runs were made under another."""
    path = out / BUDGET
    mine = asdict(budget)
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(path, (json.dumps(mine, indent=2) + "\n").encode())
        return
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if theirs != mine:
        other = [f"{name} {theirs.get(name)!r}" for name in mine if theirs.get(name) != mine[name]]
        raise UserError(f"{out} holds runs made with {', '.join(other)}; choose another --out, or the same budget")


class Comparison:
    """All runs of one command, those that exist already left as they are."""

    def __init__(self, config: CompareConfig, names: Sequence[str]) -> None:
        self.config, self.names = config, names
        self.out = Path(config.out)
        self.budget = config.budget

    def entries(self, task: str) -> Iterator[list[Entry]]:
        """The runs of a task in rounds: a round needs what the one before found."""
        table, known = self.config.table, TABLES[self.config.table]
        first = [
            Entry(table, task, name, inputs, 0)
            for name in self.names
            for inputs in self.config.inputs
            if inputs in known[name].inputs
        ]
        if self.budget.equal != "time":
            yield first_of(first)
        yield first
        yield [
            Entry(table, task, name, self.best_inputs(task, name), seed)
            for name in self.names
            if known[name].repeated
            for seed in range(1, self.config.seeds)
        ]

    def results(self, task: str, name: str) -> list[dict[str, Any]]:
        """What is known of a system on a task, all inputs and seeds."""
        every = [
            Entry(self.config.table, task, name, inputs, seed)
            for inputs in self.config.inputs
            for seed in range(self.config.seeds)
        ]
        return [found for entry in every if (found := result_of(entry, self.out)) is not None]

    def best_inputs(self, task: str, name: str) -> str:
        """The inputs that served a system better on validation problems, by coverage and then by validity."""
        firsts = [found for found in self.results(task, name) if found["entry"]["seed"] == 0]
        best = max(firsts, key=lambda found: (found["validation"]["coverage"], found["validation"]["validity"]))
        inputs: str = best["entry"]["inputs"]
        return inputs

    def run(self, bar: Any, pool: ProcessPoolExecutor | None) -> None:
        """Everything that is missing."""
        for task in self.config.task:
            for entries in self.entries(task):
                missing = [entry for entry in entries if result_of(entry, self.out) is None]
                bar.total += len(missing)
                bar.refresh()
                reference = None
                if self.budget.equal != "time" and entries != first_of(entries):
                    reference = result_of(first_of(entries)[0], self.out)
                for entry in self.performed(missing, reference, pool):
                    bar.update()
                    bar.set_postfix_str(f"{entry.task} {entry.name} {entry.inputs} {entry.seed} done")
            self.write(task)

    def performed(
        self, entries: Sequence[Entry], reference: dict[str, Any] | None, pool: ProcessPoolExecutor | None
    ) -> Iterator[Entry]:
        """Entries as they are done, here or in the pool."""
        if pool is None:
            for entry in entries:
                perform(entry, self.out, self.budget, reference, False)
                yield entry
            return
        waiting: dict[Future[dict[str, Any]], Entry] = {
            pool.submit(perform, entry, self.out, self.budget, reference, True): entry for entry in entries
        }
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                future.result()
                yield waiting.pop(future)

    def write(self, task: str) -> None:
        """The table of a task as JSON, Markdown and a figure; printed as well."""
        folder = Path(self.config.results or self.out)
        name = f"{self.config.table}-{task}"
        rows = []
        for system in self.names:
            found = self.results(task, system)
            if found:
                rows += rows_of(TABLES[self.config.table][system], found, self.best_inputs(task, system))
        folder.mkdir(parents=True, exist_ok=True)
        text = markdown(rows)
        write_atomically(folder / f"{name}.json", (json.dumps(rows, indent=2) + "\n").encode())
        write_atomically(folder / f"{name}.md", (text + "\n").encode())
        draw_table(rows, folder / f"{name}.png")
        print(text)


def first_of(entries: Sequence[Entry]) -> list[Entry]:
    """The entry that is the reference."""
    return [entry for entry in entries if entry.name == REFERENCE][:1]


def main(arguments: list[str]) -> None:
    """Compare."""
    config: CompareConfig = parse(CompareConfig, "gram_pyro.compare", arguments)
    comparison = Comparison(config, check(config))
    claim(comparison.out, comparison.budget)
    with tqdm(total=0, unit="run", position=1, file=sys.stderr) as bar:
        if config.jobs == 1:
            comparison.run(bar, None)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(config.jobs, mp_context=context) as pool:
            comparison.run(bar, pool)


if __name__ == "__main__":
    run_cli(main)
