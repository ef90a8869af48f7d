"""One training run of a comparison, and its result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

from gram_pyro.comparison.budget import Budget, difference
from gram_pyro.comparison.systems import TABLES, System, training_options
from gram_pyro.errors import UserError
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.options import configured

RESULT = "result.json"


class Result(TypedDict, total=False):
    """What `train_and_measure` writes; a training that `failed` has no measures."""

    entry: dict[str, Any]
    label: str
    failed: str | None
    budget: dict[str, Any]
    parameters: int
    minutes: float
    updates: int
    examples: int
    """Problems in an update."""
    evaluations: int
    """Blocks that an update runs its problems through."""
    blocks: int
    validation: dict[str, Any]
    machine: dict[str, Any]
    size: int | None
    rows: list[dict[str, Any]]
    """A row for each way to sample and each depth."""
    gap: float | None
    bound: dict[str, Any] | None
    likelihood: dict[str, Any]
    calibration: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One training run of a comparison."""

    table: str
    task: str
    name: str
    inputs: str
    seed: int

    @property
    def system(self) -> System:
        """The system that is trained."""
        return TABLES[self.table][self.name]

    def folder(self, out: Path) -> Path:
        """Return its run folder."""
        return out / self.table / self.task / f"{self.name}-{self.inputs}-{self.seed}"

    def config(self, budget: Budget, updates: int | None) -> RunConfig:
        """Return its configuration, for so many updates or for the minutes of the budget."""
        length = ["--minutes", str(budget.minutes)] if updates is None else ["--updates", str(updates)]
        machine = ["--threads", str(budget.threads), "--device", budget.device]
        machine += ["--precision", budget.precision]
        options = training_options(self.system, self.task, self.inputs)
        options += [*budget.task_options.split(), "--seed", str(self.seed), *length, *machine]
        return configured(options)[0]


def result_of(entry: Entry, out: Path) -> Result | None:
    """Return the result of an entry, None if it has not run to its end. Raises `UserError` if the file is damaged."""
    path = entry.folder(out) / RESULT
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        result = None
    if not is_result(result):
        raise UserError(f"{path} is damaged; remove it to measure that system again")
    return result


def is_result(value: Any) -> TypeGuard[Result]:
    """Return whether this is a result: of a training that failed, or of one that was measured."""
    return (
        isinstance(value, dict)
        and {"entry", "failed"} <= {*value}
        and bool(value["failed"] or {"rows", "validation"} <= {*value})
    )


def known_results(paths: Sequence[str], table: str, budget: Budget) -> dict[Entry, Result]:
    """Return the results of a table in files that a comparison wrote beside it.

    Raises `UserError` if a file cannot be read, or was made for another table or under another budget.
    """
    known: dict[Entry, Result] = {}
    for path in paths:
        try:
            listed = json.loads(Path(path).read_text(encoding="utf-8"))
            if not all(is_result(result) for result in listed):
                raise ValueError
            results = {Entry(**result["entry"]): result for result in listed}
            budgets = [dict(result["budget"]) for result in listed]
        except OSError as error:
            raise UserError(f"--known {path} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise UserError(f"--known {path} is no file of results; take a TABLE-TASK-runs.json") from None
        if results and table not in {entry.table for entry in results}:
            raise UserError(f"--known {path} holds runs of {next(iter(results)).table}, and this is {table}")
        other = [changed for each in budgets if (changed := difference(each, budget))]
        if other:
            raise UserError(f"--known {path} holds runs made with {other[0]}; it serves that budget alone")
        known.update(results)
    return known
