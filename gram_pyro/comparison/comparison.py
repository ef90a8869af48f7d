"""All runs of a comparison, in the order in which they need each other."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from gram_pyro.comparison.budget import Budget
from gram_pyro.comparison.config import CompareConfig
from gram_pyro.comparison.entry import RESULT, Entry, known_results, result_of
from gram_pyro.comparison.figures import draw_gaps, draw_table
from gram_pyro.comparison.run import train_and_measure
from gram_pyro.comparison.systems import REFERENCES, TABLES
from gram_pyro.comparison.table import Found, markdown, rows_of
from gram_pyro.errors import UserError
from gram_pyro.system.files import write_atomically


class Comparison:
    """All runs of one command, those that exist already, here or in `--known`, left as they are.

    Raises `UserError` if a file of known results does not serve.
    """

    def __init__(self, config: CompareConfig, names: Sequence[str]) -> None:
        self.config, self.names = config, names
        self.systems = TABLES[config.table]
        self.out = Path(config.out)
        self.budget = config.budget
        self.known = known_results(config.known, config.table, self.budget)

    def result(self, entry: Entry) -> Found | None:
        """What is known of a run, if it has been made."""
        found = result_of(entry, self.out)
        return self.known.get(entry) if found is None else found

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

    def asked(self, task: str, name: str) -> list[Entry]:
        """Runs that there may be of a system on a task, all inputs and seeds."""
        return [
            Entry(self.config.table, task, name, inputs, seed)
            for inputs in self.config.inputs
            for seed in range(self.config.seeds)
        ]

    def results(self, task: str, name: str) -> list[Found]:
        """What is known of them."""
        return [found for entry in self.asked(task, name) if (found := self.result(entry)) is not None]

    def measured(self, task: str, name: str) -> list[Found]:
        """Those of the results that did not fail."""
        return [found for found in self.results(task, name) if not found["failed"]]

    def best_inputs(self, task: str, name: str) -> str | None:
        """The inputs that served a system better on validation problems, by coverage and then by validity."""
        firsts = [found for found in self.measured(task, name) if found["entry"]["seed"] == 0]
        if not firsts:
            return None
        best = max(firsts, key=lambda found: (found["validation"]["coverage"], found["validation"]["validity"]))
        inputs: str = best["entry"]["inputs"]
        return inputs

    def run(self, bar: Any, pool: ProcessPoolExecutor | None) -> None:
        """Everything that is missing.

        Raises `Interrupted` on Ctrl-C, and `UserError` if the reference failed or a task has no row in the end.
        """
        without = []
        for task in self.config.task:
            reference = self.reference(task)
            self.train_and_measure([] if reference is None else [reference], None, bar, pool)
            amount = None if reference is None else self.result(reference)
            if amount is not None and amount["failed"]:
                raise UserError(f"the reference failed, and nothing can be equal to it: {amount['failed']}")
            self.train_and_measure(self.first(task), amount, bar, pool)
            self.train_and_measure(self.repeated(task), amount, bar, pool)
            if not self.write(task):
                without.append(task)
        if without:
            raise UserError(f"no system could be measured on {' or '.join(without)}; {RESULT} in {self.out} says why")

    def train_and_measure(
        self, entries: Sequence[Entry], reference: Found | None, bar: Any, pool: ProcessPoolExecutor | None
    ) -> None:
        """Those of the entries that are missing, here or in the pool."""
        missing = [entry for entry in entries if self.result(entry) is None]
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
                yield entry, train_and_measure(entry, self.out, self.budget, reference)
            return
        left = [*entries]
        waiting: dict[Future[Found], Entry] = {}
        while left or waiting:
            # no more than are at work: what waits in a pool cannot be called back
            while left and len(waiting) < self.config.jobs:
                entry = left.pop(0)
                waiting[pool.submit(train_and_measure_there, entry, self.out, self.budget, reference)] = entry
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()

    def write(self, task: str) -> bool:
        """The table of a task as JSON, Markdown and a figure, and the results of all runs; printed as well.

        Among the results are those that were known and not asked for. Returns whether there is any row.
        """
        folder = Path(self.config.results or self.out)
        name = f"{self.config.table}-{task}"
        rows: list[Found] = []
        for system in self.names:
            inputs = self.best_inputs(task, system)
            if inputs is not None:
                rows += rows_of(self.systems[system], self.measured(task, system), inputs)
        if not rows:
            return False
        text = markdown(rows)
        runs = [found for system in self.names for found in self.results(task, system)]
        asked = {entry for system in self.names for entry in self.asked(task, system)}
        runs += [found for entry, found in self.known.items() if entry.task == task and entry not in asked]
        for kind, content in ((name, rows), (f"{name}-runs", runs)):
            write_atomically(folder / f"{kind}.json", (json.dumps(content, indent=1) + "\n").encode())
        write_atomically(folder / f"{name}.md", (text + "\n").encode())
        draw = draw_table if self.config.table == "table1" else draw_gaps
        draw(rows, folder / f"{name}.png")
        print(text)
        for found in runs:
            if found["failed"]:
                print(f"not measured: {found['label']} ({found['entry']['inputs']}): {found['failed']}")
        return True


def train_and_measure_there(entry: Entry, out: Path, budget: Budget, reference: Found | None) -> Found:
    """`train_and_measure` in a process of a pool, which heeds Ctrl-C while it works."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return train_and_measure(entry, out, budget, reference)
    finally:
        signal.signal(signal.SIGINT, previous)
