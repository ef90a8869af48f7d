"""All runs of a comparison, in the order in which they need each other."""

import json
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from gram_pyro.comparison.config import Budget, CompareConfig
from gram_pyro.comparison.entry import RESULT, Entry, Result, result_of, stored_results
from gram_pyro.comparison.figures import draw_bounds, draw_gaps, draw_table
from gram_pyro.comparison.generation import baselines, family_rows, generation_markdown
from gram_pyro.comparison.run import train_and_measure
from gram_pyro.comparison.systems import REFERENCES, TABLES
from gram_pyro.comparison.table import Row, markdown, rows_of
from gram_pyro.errors import UserError
from gram_pyro.system.files import write_atomically


class Comparison:
    """All runs of one command; what exists, here or in `--known`, stays. Raises `UserError` if such a file is unfit."""

    def __init__(self, config: CompareConfig, names: Sequence[str]) -> None:
        self.config, self.names, self.budget = config, names, config.budget
        self.systems, self.out = TABLES[config.table], Path(config.out)
        self.stored = stored_results(config.reuse, config.table, self.budget)

    def result(self, entry: Entry) -> Result | None:
        """Return the result of a run, None if it has not been made."""
        result = result_of(entry, self.out)
        return self.stored.get(entry) if result is None else result

    def entries(self, task: str, name: str) -> list[Entry]:
        """Return all runs that there may be of a system on a task: all inputs and seeds."""
        seeds = range(self.config.seeds)
        return [Entry(self.config.table, task, name, inputs, seed) for inputs in self.config.inputs for seed in seeds]

    def first(self, task: str) -> list[Entry]:
        """Return every system with all of its inputs."""
        entries = [entry for name in self.names for entry in self.entries(task, name)]
        return [entry for entry in entries if entry.seed == 0 and entry.inputs in entry.system.inputs]

    def repeated(self, task: str) -> list[Entry]:
        """Return more seeds of the systems that are repeated, with the better of their inputs."""
        best = {name: self.best_inputs(task, name) for name in self.names if self.systems[name].repeated}
        entries = [entry for name in best for entry in self.entries(task, name)]
        return [entry for entry in entries if entry.seed > 0 and entry.inputs == best[entry.name]]

    def measured(self, task: str, name: str) -> list[Result]:
        """Return the results of a system that did not fail."""
        results = [result for entry in self.entries(task, name) if (result := self.result(entry)) is not None]
        return [result for result in results if not result["failed"]]

    def best_inputs(self, task: str, name: str) -> str | None:
        """Return the inputs that served a system better on validation problems, by coverage and then by validity."""
        firsts = [result for result in self.measured(task, name) if result["entry"]["seed"] == 0]
        by_quality = [(result["validation"]["coverage"], result["validation"]["validity"]) for result in firsts]
        return firsts[by_quality.index(max(by_quality))]["entry"]["inputs"] if firsts else None

    def run(self, bar: Any, pool: ProcessPoolExecutor | None) -> None:
        """Train and measure all that is missing. Raises `UserError` if the reference failed or a task has no row."""
        self.bar, self.pool, without = bar, pool, []
        for task in self.config.task:
            amount = None
            if self.budget.equal != "time":
                reference = Entry(self.config.table, task, REFERENCES[self.config.table], self.config.inputs[0], 0)
                self.train_and_measure([reference], None)
                amount = self.result(reference)
            if amount is not None and amount["failed"]:
                raise UserError(f"the reference failed, and nothing can be equal to it: {amount['failed']}")
            self.train_and_measure(self.first(task), amount)
            self.train_and_measure(self.repeated(task), amount)
            if not self.write(task):
                without.append(task)
        if without:
            raise UserError(f"no system could be measured on {' or '.join(without)}; {RESULT} in {self.out} says why")

    def train_and_measure(self, entries: Sequence[Entry], reference: Result | None) -> None:
        """Train and measure those of the entries that are missing, here or in the pool."""
        missing = [entry for entry in entries if self.result(entry) is None]
        self.bar.total += len(missing)
        self.bar.refresh()
        for entry, result in self.results_of(missing, reference):
            self.bar.update()
            outcome = "failed" if result["failed"] else "done"
            self.bar.set_postfix_str(f"{entry.task} {entry.name} {entry.inputs} {entry.seed} {outcome}")

    def results_of(self, entries: Sequence[Entry], reference: Result | None) -> Iterator[tuple[Entry, Result]]:
        """Yield entries with their results, as they are done."""
        if self.pool is None:
            for entry in entries:
                yield entry, train_and_measure(entry, self.out, self.budget, reference)
            return
        left = [*entries]
        waiting: dict[Future[Result], Entry] = {}
        while left or waiting:
            # no more than are at work: what waits in a pool cannot be called back
            while left and len(waiting) < self.budget.jobs:
                entry = left.pop(0)
                waiting[self.pool.submit(train_and_measure_there, entry, self.out, self.budget, reference)] = entry
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()

    def rows(self, task: str) -> list[Row]:
        """Return the rows of a task's table; none if no system was measured."""
        if self.config.generation:
            results = [result for name in self.names for result in self.measured(task, name)]
            made = self.first(task)[0].config(self.budget, 1).task
            return [*family_rows(results), *baselines(made, self.budget)] if results else []
        rows: list[Row] = []
        for system in self.names:
            if (inputs := self.best_inputs(task, system)) is not None:
                rows += rows_of(self.systems[system], self.measured(task, system), inputs)
        return rows

    def write(self, task: str) -> bool:
        """Write the table of a task as JSON, Markdown and a figure, and the results of all runs; print it as well.

        Among the results are those of `--known` that the command does not name. Returns whether there is any row.
        """
        folder, name = Path(self.config.results or self.out), f"{self.config.table}-{task}"
        rows = self.rows(task)
        if not rows:
            return False
        text = generation_markdown(rows) if self.config.generation else markdown(rows)
        named = [entry for system in self.names for entry in self.entries(task, system)]
        runs = [result for entry in named if (result := self.result(entry)) is not None]
        runs += [result for entry, result in self.stored.items() if entry.task == task and entry not in named]
        for kind, content in ((name, rows), (f"{name}-runs", runs)):
            write_atomically(folder / f"{kind}.json", (json.dumps(content, indent=1) + "\n").encode())
        write_atomically(folder / f"{name}.md", (text + "\n").encode())
        draw = {"table1": draw_table, "generation": draw_bounds}.get(self.config.table, draw_gaps)
        draw(rows, folder / f"{name}.png")
        print(text)
        for result in runs:
            if result["failed"]:
                print(f"not measured: {result['label']} ({result['entry']['inputs']}): {result['failed']}")
        return True


def train_and_measure_there(entry: Entry, out: Path, budget: Budget, reference: Result | None) -> Result:
    """Do `train_and_measure` in a process of a pool, which heeds Ctrl-C while it works."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return train_and_measure(entry, out, budget, reference)
    finally:
        signal.signal(signal.SIGINT, previous)
