"""One training run of a comparison, and what is known of it already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from gram_pyro.comparison.budget import Budget, difference
from gram_pyro.comparison.systems import TABLES, System, training_options
from gram_pyro.errors import UserError
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.options import configured

RESULT = "result.json"


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
        """What is trained."""
        return TABLES[self.table][self.name]

    def folder(self, out: Path) -> Path:
        """Where it lies."""
        return out / self.table / self.task / f"{self.name}-{self.inputs}-{self.seed}"

    def config(self, budget: Budget, updates: int | None) -> RunConfig:
        """What is trained, and how, in so many updates, or in the minutes of the budget."""
        length = ["--minutes", str(budget.minutes)] if updates is None else ["--updates", str(updates)]
        machine = ["--threads", str(budget.threads), "--device", budget.device]
        machine += ["--precision", budget.precision]
        told = training_options(self.system, self.task, self.inputs)
        options = [*told, *budget.task_options.split(), "--seed", str(self.seed), *length, *machine]
        return configured(options)[0]


def result_of(entry: Entry, out: Path) -> dict[str, Any] | None:
    """Return what `train_and_measure` found; None before its end. Raises `UserError` if the file is damaged."""
    path = entry.folder(out) / RESULT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        found = None
    if not is_result(found):
        raise UserError(f"{path} is damaged; remove it to measure that system again")
    return found


def is_result(found: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it is what `train_and_measure` writes: a run that failed, or one that was measured."""
    return (
        isinstance(found, dict)
        and {"entry", "failed"} <= {*found}
        and bool(found["failed"] or {"rows", "validation"} <= {*found})
    )


def known_results(paths: Sequence[str], table: str, budget: Budget) -> dict[Entry, dict[str, Any]]:
    """The results of a table in files that a comparison wrote beside it.

    Raises `UserError` if a file cannot be read, or was made for another table or under another budget.
    """
    known: dict[Entry, dict[str, Any]] = {}
    for path in paths:
        try:
            results = json.loads(Path(path).read_text(encoding="utf-8"))
            if not all(is_result(result) for result in results):
                raise ValueError
            found = {Entry(**result["entry"]): result for result in results}
            budgets = [dict(result["budget"]) for result in results]
        except OSError as error:
            raise UserError(f"--known {path} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise UserError(f"--known {path} is no file of results; take a TABLE-TASK-runs.json") from None
        if found and table not in {entry.table for entry in found}:
            raise UserError(f"--known {path} holds runs of {next(iter(found)).table}, and this is {table}")
        other = [changed for each in budgets if (changed := difference(each, budget))]
        if other:
            raise UserError(f"--known {path} holds runs made with {other[0]}; it serves that budget alone")
        known.update(found)
    return known
