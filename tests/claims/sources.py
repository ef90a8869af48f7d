"""Numbers from the stored results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.report import RESULTS
from gram_pyro.runs.store import load_run, parameters_of

LOG = RESULTS.parent / "LOG.md"
COLORING = tuple(f"quality/coloring-relations-{seed}" for seed in range(3))
"""The trainings on coloring, n = 8."""
PUBLISHED = Path(__file__).with_name("published.json")


@cache
def stored(name: str) -> Any:
    """The JSON `name`, such as quality/coloring-n10."""
    return json.loads((RESULTS / f"{name}.json").read_text())


@cache
def published() -> Any:
    """What others report, by problem and system; percents, but for conflicts and counts."""
    return json.loads(PUBLISHED.read_text())


def at(data: Any, path: str) -> Any:
    """What a path of keys and places leads to, such as `evaluation.rows` or `kl.0`; an empty one to all of it."""
    for key in filter(None, path.split(".")):
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def rows(name: str, path: str, /, **where: Any) -> Iterator[dict[str, Any]]:
    """The rows of a table in a JSON that say so; a key may be a path."""
    return (row for row in at(stored(name), path) if all(at(row, key) == value for key, value in where.items()))


def figure(name: str, path: str, measure: str, /, **where: Any) -> float:
    """The measure of the only row that says so."""
    (row,) = rows(name, path, **where)
    return float(at(row, measure))


def reached(names: Iterable[str], measure: str, steps: int = 64) -> float:
    """The mean of a measure over trainings, all 20 samples."""
    return mean(figure(name, "evaluation.rows", measure, samples=20, steps=steps) for name in names)


def bound(measure: str) -> float:
    """The mean of a measure of the bound over the trainings on coloring."""
    return mean(at(stored(name), f"evaluation.bound.{measure}") for name in COLORING)


def extremes(values: Iterable[float]) -> list[float]:
    """The smallest and the largest."""
    ordered = sorted(values)
    return [ordered[0], ordered[-1]]


def compared(table: str, model: str, measure: str, steps: int = 16) -> float:
    """The measure of a system in a comparison, such as posteriors-coloring; `kl.0` is that of the first transition."""
    return figure(f"comparison/{table}", "", measure, model=model, steps=steps)


def deeper(table: str, measure: str) -> list[float]:
    """The measure of each system in a comparison at the larger of its two numbers of steps."""
    return [float(row[measure]) for row in stored(f"comparison/{table}")[1::2]]


def seeds(table: str, model: str, measure: str) -> list[float]:
    """The measure of each seed of a system in a comparison, in order of size."""
    return sorted(float(at(run, measure)) for run in stored(f"comparison/{table}-runs") if run["label"] == model)


def logged(entry: int, number: str) -> float:
    """A number that an entry of the log holds."""
    (text,) = re.findall(rf"^{entry}\. (.*?)(?=^\d+\. |\Z)", LOG.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert re.search(rf"(?<![\w.]){re.escape(number)}(?![\w]|\.\d)", text), f"entry {entry} of {LOG} has no {number}"
    return float(number.replace(",", ""))


def parameters(checkpoint: str) -> int:
    """The numbers of the network in a checkpoint that comes with the package."""
    return parameters_of(load_run(checkpoint, "cpu").model)


def of_size(name: str, measure: str, size: str, /, **where: Any) -> float:
    """The measure of a benchmark's only row at one of its sizes: small, recipe, large or paper."""
    return figure(name, "rows", measure, **{"setting.name": size}, **where)
