"""One training run of a comparison, and its result."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

from gram_pyro.comparison.config import Budget, upgraded
from gram_pyro.comparison.systems import TABLES, System, training_options
from gram_pyro.errors import UserError
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.train_options import configured

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
    examples: int  # problems in an update
    evaluations: int  # blocks that an update runs through, times its problems
    blocks: int
    validation: dict[str, Any]
    machine: dict[str, Any]
    size: int | None
    rows: list[dict[str, Any]]  # one for each way to sample and each depth
    gap: float | None
    bound: dict[str, Any] | None
    likelihood: dict[str, Any]
    calibration: dict[str, Any]
    rate: float
    elbo: list[dict[str, Any]]  # -ELBO at each number of steps, of what draws from nothing


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
        options = training_options(self.system, self.task, self.inputs)
        options += [*budget.task_options.split(), *budget.training_options.split()]
        options += ["--minutes", str(budget.minutes)] if updates is None else ["--updates", str(updates)]
        if self.table in ("posteriors", "generation"):  # nothing is chosen by validation while they train
            options += ["--evaluations", "1", "--validation-problems", "8"]
        options += ["--threads", str(budget.threads), "--device", budget.device, "--precision", budget.precision]
        return configured([*options, "--seed", str(self.seed)])[0]


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
    if not isinstance(value, dict) or not {"entry", "failed"} <= {*value}:
        return False
    return bool(value["failed"]) or {"rows", "validation"} <= {*value}


def stored_results(paths: Sequence[str], table: str, budget: Budget) -> dict[Entry, Result]:
    """Return the results in files of a comparison. Raises `UserError` for another table, another budget, or damage."""
    results: dict[Entry, Result] = {}
    for path in paths:
        try:
            listed = json.loads(Path(path).read_text(encoding="utf-8"))
            if not all(is_result(result) for result in listed):
                raise ValueError
            own = {Entry(**result["entry"]): result for result in listed}
            others = [other for result in listed if (other := budget.difference(upgraded(result["budget"])))]
        except OSError as error:
            raise UserError(f"--known {path} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise UserError(f"--known {path} is no file of results; take a TABLE-TASK-runs.json") from None
        if own and table not in {entry.table for entry in own}:
            raise UserError(f"--known {path} holds runs of {next(iter(own)).table}, and this is {table}")
        if others:
            raise UserError(f"--known {path} holds runs made with {others[0]}; it serves that budget alone")
        results.update(own)
    return results
