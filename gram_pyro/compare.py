"""The paper's tables under one budget: `python -m gram_pyro.compare --task coloring --models all --minutes 4`."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import tyro
from tqdm import tqdm

from gram_pyro.checkpoint import write_atomically
from gram_pyro.cli import parse, take_option
from gram_pyro.comparison import RESULT, TABLES, Budget, Entry, Equal, perform, result_of
from gram_pyro.comparison_table import Found, draw_table, markdown, rows_of
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference import MAX_NUMBER
from gram_pyro.machine import cores
from gram_pyro.systems import INPUTS, TASK_OPTIONS
from gram_pyro.train import configured, make_folder

REFERENCES = {"table1": "gram", "table3": "full"}
"""The system of each table that sets the amount where evaluations or examples are equal."""
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
    """Runs of each of the systems that are repeated: GRAM, TRM, the autoregressive Transformer and MDLM; with --ablate,
    GRAM as it is."""
    equal: Equal = "time"
    """What is equal: wall time of training and samples; network evaluations of training and of sampling; or examples
    that updates were made on and samples. Beyond time, GRAM with the first of the inputs sets the amount."""
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
    """CPU threads of a run; 0 shares all cores among the jobs."""
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
        reference = "" if self.equal == "time" else f"{REFERENCES[self.table]} {self.inputs[0]}"
        return Budget(
            self.minutes, self.equal, self.samples, self.problems, self.data_seed,
            self.threads or max(1, cores() // self.jobs), self.jobs, self.device, self.task_options, reference,
        )  # fmt: skip


def check(config: CompareConfig) -> list[str]:
    """The names of the systems. Raises `UserError` on a choice that is impossible."""
    known = TABLES[config.table]
    asked = [*known] if config.models == ("all",) else [*dict.fromkeys(config.models)]
    for kind, chosen, possible in (
        ("task", config.task, TASK_OPTIONS),
        ("system", asked, known),
        ("kind of input", config.inputs, INPUTS),
    ):
        unknown = [name for name in chosen if name not in possible]
        if unknown or not chosen:
            raise UserError(f"unknown {kind} {' '.join(unknown) or 'none'}; known are {', '.join(possible)}")
        if len({*chosen}) < len(chosen):
            raise UserError(f"a {kind} is named twice: {' '.join(chosen)}")
    if not 0 < config.minutes < 10**6:
        raise UserError(f"--minutes must be above 0, not {config.minutes}")
    for name, least, most in (
        ("seeds", 1, 1000),
        ("jobs", 1, 64),
        ("samples", 1, MAX_NUMBER),
        ("problems", 1, MAX_NUMBER),
        ("data_seed", 0, 2**32 - 1),
    ):
        if not least <= getattr(config, name) <= most:
            option = name.replace("_", "-")
            raise UserError(f"--{option} must lie between {least} and {most:,}, not {getattr(config, name)}")
    names = [name for name in asked if {*known[name].inputs} & {*config.inputs}]
    if not names:
        raise UserError(f"these systems are not told {' or '.join(config.inputs)}; take --inputs {INPUTS[0]}")
    reference = REFERENCES[config.table]
    if config.equal != "time" and (reference not in names or config.inputs[0] not in known[reference].inputs):
        raise UserError(f"--equal {config.equal} needs the reference among the models: add {reference}")
    return names


def claim(folder: Path, budget: Budget) -> None:
    """Note the budget in the folder of the runs. Raises `UserError` if runs there were made under another."""
    path = folder / BUDGET
    mine = asdict(budget)
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        write_atomically(path, (json.dumps(mine, indent=2) + "\n").encode())
        return
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if not isinstance(theirs, dict):
        raise UserError(f"{path} is damaged; choose another --out")
    if theirs != mine:
        other = [f"{name} {theirs.get(name)!r}" for name in mine if theirs.get(name) != mine[name]]
        raise UserError(f"{folder} holds runs made with {', '.join(other)}; choose another --out, or the same budget")


class Comparison:
    """All runs of one command, those that exist already left as they are."""

    def __init__(self, config: CompareConfig, names: Sequence[str]) -> None:
        self.config, self.names = config, names
        self.systems = TABLES[config.table]
        self.out = Path(config.out)
        self.budget = config.budget

    def first(self, task: str) -> list[Entry]:
        """Every system with all of its inputs."""
        return [
            Entry(self.config.table, task, name, inputs, 0)
            for name in self.names
            for inputs in self.config.inputs
            if inputs in self.systems[name].inputs
        ]

    def repeated(self, task: str) -> list[Entry]:
        """More seeds of the systems that are repeated, with the better of their inputs."""
        return [
            Entry(self.config.table, task, name, inputs, seed)
            for name in self.names
            if self.systems[name].repeated and (inputs := self.best_inputs(task, name)) is not None
            for seed in range(1, self.config.seeds)
        ]

    def reference(self, task: str) -> Entry | None:
        """The run that sets the amount, if it is not time."""
        if self.budget.equal == "time":
            return None
        return Entry(self.config.table, task, REFERENCES[self.config.table], self.config.inputs[0], 0)

    def results(self, task: str, name: str) -> list[Found]:
        """What is known of a system on a task, all inputs and seeds, but for what failed."""
        every = [
            Entry(self.config.table, task, name, inputs, seed)
            for inputs in self.config.inputs
            for seed in range(self.config.seeds)
        ]
        found = [result for entry in every if (result := result_of(entry, self.out)) is not None]
        return [result for result in found if not result["failed"]]

    def best_inputs(self, task: str, name: str) -> str | None:
        """The inputs that served a system better on validation problems, by coverage and then by validity."""
        firsts = [found for found in self.results(task, name) if found["entry"]["seed"] == 0]
        if not firsts:
            return None
        best = max(firsts, key=lambda found: (found["validation"]["coverage"], found["validation"]["validity"]))
        inputs: str = best["entry"]["inputs"]
        return inputs

    def run(self, bar: Any, pool: ProcessPoolExecutor | None) -> None:
        """Everything that is missing."""
        for task in self.config.task:
            reference = self.reference(task)
            self.perform([] if reference is None else [reference], None, bar, pool)
            amount = None if reference is None else result_of(reference, self.out)
            if amount is not None and amount["failed"]:
                raise UserError(f"the reference failed, and nothing can be equal to it: {amount['failed']}")
            self.perform(self.first(task), amount, bar, pool)
            self.perform(self.repeated(task), amount, bar, pool)
            self.write(task)

    def perform(
        self, entries: Sequence[Entry], reference: Found | None, bar: Any, pool: ProcessPoolExecutor | None
    ) -> None:
        """Those of the entries that are missing, here or in the pool."""
        missing = [entry for entry in entries if result_of(entry, self.out) is None]
        bar.total += len(missing)
        bar.refresh()
        for entry, result in self.results_of(missing, reference, pool):
            bar.update()
            outcome = "failed" if result["failed"] else "done"
            bar.set_postfix_str(f"{entry.task} {entry.name} {entry.inputs} {entry.seed} {outcome}")

    def results_of(
        self, entries: Sequence[Entry], reference: Found | None, pool: ProcessPoolExecutor | None
    ) -> Iterator[tuple[Entry, Found]]:
        """Entries with their results, as they are done."""
        if pool is None:
            for entry in entries:
                yield entry, perform(entry, self.out, self.budget, reference)
            return
        waiting = {pool.submit(perform, entry, self.out, self.budget, reference): entry for entry in entries}
        for future in as_completed(waiting):
            yield waiting[future], future.result()

    def write(self, task: str) -> None:
        """The table of a task as JSON, Markdown and a figure; printed as well."""
        folder = Path(self.config.results or self.out)
        name = f"{self.config.table}-{task}"
        rows: list[Found] = []
        for system in self.names:
            inputs = self.best_inputs(task, system)
            if inputs is not None:
                rows += rows_of(self.systems[system], self.results(task, system), inputs)
        if not rows:
            raise UserError(f"no system could be measured on {task}; {RESULT} in {self.out} says why")
        text = markdown(rows)
        write_atomically(folder / f"{name}.json", (json.dumps(rows, indent=2) + "\n").encode())
        write_atomically(folder / f"{name}.md", (text + "\n").encode())
        draw_table(rows, folder / f"{name}.png")
        print(text)


def end_with_parent() -> None:
    """Leave as soon as the process that started this one is gone, so that nobody writes a run's folder beside it."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> None:
    """Compare."""
    task_options = take_option(arguments, "task-options", "")
    config: CompareConfig = parse(CompareConfig, "gram_pyro.compare", arguments)
    config = replace(config, task_options=task_options or "")
    comparison = Comparison(config, check(config))
    for task in config.task:
        for entry in comparison.first(task):
            configured(entry.arguments(comparison.budget, 1))
    for folder in (comparison.out, Path(config.results or config.out)):
        make_folder(folder)
    claim(comparison.out, comparison.budget)
    with tqdm(total=0, unit="run", position=1, file=sys.stderr) as bar:
        if config.jobs == 1:
            comparison.run(bar, None)
            return
        os.environ["TQDM_DISABLE"] = "1"  # bars of several processes would overwrite each other
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(config.jobs, mp_context=context, initializer=end_with_parent)
        try:
            comparison.run(bar, pool)
        except BrokenExecutor:
            raise UserError("a run was killed, perhaps for want of memory; the same command goes on") from None
        finally:
            pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    run_cli(main)
