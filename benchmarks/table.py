"""`python -m benchmarks.table KIND [NAME ...]`: tables of the pages in docs, from stored results.

KIND is a folder of `benchmarks/results/`: `quality`, `comparison` or `inference`. Without a NAME all of its tables.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Annotated, Any, Literal

import tyro

from benchmarks.report import RESULTS, Row
from gram_pyro.comparison.table import PAPER_TITLES, cell, first_rows, paper_cells, with_seeds
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse
from gram_pyro.system.markdown import markdown_table, with_range

SAMPLES = 20
QUALITY: dict[str, dict[str, list[str]]] = {
    "coloring": {
        "GRAM, relations (3 seeds)": ["relations-0", "relations-1", "relations-2"],
        "GRAM, the paper's tokens": ["tokens"],
        "GRAM, the paper's tokens, canonical names": ["tokens-canonical"],
        "deterministic core, relations": ["deterministic"],
        "GRAM, relations, n = 10": ["n10"],
    },
    "nqueens": {
        "8 x 8, split by orbit": ["8-orbit"],
        "8 x 8, split by input": ["8-input"],
        "8 x 8, D = 256, on an H200": ["8-gpu"],
        "10 x 10, split by orbit": ["10-orbit"],
        "10 x 10, split by input": ["10-input"],
        "10 x 10, D = 256, on an H200": ["10-gpu"],
    },
    "sudoku": {
        "medium, 30 to 36 givens": ["medium"],
        "the same, noisy drafts on fields": ["medium-drafts"],
        "2 to 64 solutions": ["many"],
    },
}
"""The rows of each task: a label, and the results of one or more seeds."""
QUALITY_MEASURES = {"validity": 3, "coverage": 3, "ceiling": 3, "ratio": 3, "conflicts": 1, "best": 1}
BOTH = {"validity": 3, "conflicts": 1, "coverage": 3, "ratio": 3}
COMPARISON_MEASURES = {
    "table1": BOTH | {"best_of_n": 3, "excess": 2, "distance": 3, "minutes": 1},
    "table3": BOTH | {"gap": 3, "elbo_excess": 2, "updates": 0, "minutes": 1},
    "posteriors": {"validity": 3, "ratio": 3, "gap": 3, "elbo_excess": 2, "updates": 0},
}
"""Measures and their digits in each of the comparisons."""
TITLES = {
    "best_of_n": "best of 20 by value",
    "excess": "-log p - H [nats]",
    "elbo_excess": "-ELBO - H [nats]",
    "distance": "distance to uniform",
}
VISIBLE = {"table1": 0.01, "table3": 0.02, "posteriors": math.inf}
"""A deeper row of a system stands in the table if depth changes its validity or coverage by more than this."""


@dataclass(frozen=True)
class TableOptions:
    """Print tables as Markdown, from the results that are stored."""

    kind: tyro.conf.Positional[Literal["quality", "comparison", "inference"]]
    """Folder of the results."""
    names: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="NAME")] = ()
    """Which tables, such as table1-coloring; default: all of the kind."""


def names_of(kind: str) -> list[str]:
    """Names of the tables of a kind."""
    if kind == "quality":
        return [*QUALITY]
    return sorted(path.stem for path in (RESULTS / kind).glob("*.json") if not path.stem.endswith("-runs"))


def load(kind: str, name: str) -> Any:
    """Read a stored result. Raises `UserError` if there is none."""
    path = RESULTS / kind / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def quality_table(name: str) -> str:
    """Return what training reaches on a task."""

    def mean_range(rows: Iterable[Row], key: str, digits: int) -> str:
        values = [row[key] for row in rows]
        return with_range(mean(values), min(values), max(values), digits)

    def line(label: str, rows: Sequence[Row], *last: str) -> list[str]:
        measures = (mean_range(rows, key, digits) for key, digits in QUALITY_MEASURES.items())
        return [label, str(rows[0]["steps"]), *measures, *last]

    lines: list[list[str]] = []
    for label, files in QUALITY[name].items():
        runs = [load("quality", f"{name}-{file}") for file in files]
        bounds = [run["evaluation"]["bound"] for run in runs]
        facts = mean_range(bounds, "excess", 2), mean_range(runs, "minutes", 1)
        depths = zip(*(run["evaluation"]["rows"] for run in runs), strict=True)
        for i, rows in enumerate(rows for rows in depths if rows[0]["samples"] == SAMPLES):
            lines.append(line("" if i else label, rows, *(("", "") if i else facts)))
        for larger in runs[0].get("transfer", []):
            deep = [row for row in larger["rows"] if row["samples"] == SAMPLES]
            lines += [line(f"the first of them on n = {larger['n']}", [row], "", "") for row in deep]
    return markdown_table(["", "steps", *QUALITY_MEASURES, "bound [nats]", "minutes"], lines)


def visible(rows: Sequence[Row], table: str) -> list[Row]:
    """Return each system's row at its first depth, and deeper ones where that matters in this table."""
    firsts = first_rows(rows)
    kept: list[Row] = []
    for row in rows:
        first = firsts[row["model"]]
        moved = max(abs((row[name] or 0) - (first[name] or 0)) for name in ("validity", "coverage"))
        if row is first or moved > VISIBLE[table]:
            kept.append(row)
    return kept


def comparison_table(name: str) -> str:
    """Return what `gram_pyro.compare` wrote, TABLE-TASK."""
    kind = name.split("-")[0]
    columns = COMPARISON_MEASURES[kind]
    lines: list[list[str]] = []
    before = ""
    for row in visible(load("comparison", name), kind):
        inputs = ", tokens" if row["inputs"] == "tokens" else ""
        names = [with_seeds(f"{row['model']}{inputs}", row), f"{row['parameters']:,}"]
        if row["model"] == before:
            names = ["", ""]
        before = row["model"]
        cells = [cell(row, measure, digits) for measure, digits in columns.items()]
        lines.append([*names, str(row["steps"]), *cells, *(paper_cells(row) if kind == "table1" else [])])
    headings = ["", "parameters", "steps", *(TITLES.get(each, each) for each in columns)]
    return markdown_table(headings + (PAPER_TITLES if kind == "table1" else []), lines)


def number(name: str, digits: int = 3) -> Callable[[Row], str]:
    """A cell: mean of a measure, with its standard deviation where there are several seeds."""

    def text(row: Row) -> str:
        value = row[name]
        spread = "" if value["stdev"] is None else f" ± {value['stdev']:.{digits}f}"
        return f"{value['mean']:.{digits}f}{spread}"

    return text


def measured(way: str, name: str, digits: int = 3) -> Callable[[Row], str]:
    """A cell: a measure of samples that were made in one of two ways."""
    return lambda row: f"{row[way][name]:.{digits}f}"


WAYS = ("argmax", "drawn")
LABEL: dict[str, Callable[[Row], str]] = {"": lambda row: row["label"], "steps": lambda row: str(row["steps"])}
METHOD: dict[str, Callable[[Row], str]] = {"": lambda row: row["method"], "steps": lambda row: str(row["steps"])}
INFERENCE = {
    "halt": METHOD
    | {
        "evaluations": number("evaluations", 0),
        "seconds": number("seconds", 1),
        "validity": number("validity"),
        "coverage": number("coverage"),
        "solved, value of 20": number("value"),
    },
    "resample": METHOD
    | {name: number(name) for name in ("validity", "coverage", "first", "majority", "value", "checker")},
    "repel": METHOD | {name: number(name) for name in ("coverage", "ceiling", "validity")},
    "answers": LABEL | {f"{name}, {way}": measured(way, name) for name in ("validity", "coverage") for way in WAYS},
    "conflicts": LABEL
    | {
        "conflicts of all 20": measured("argmax", "conflicts", 1),
        "of the most frequent": measured("argmax", "mode", 0),
        "of the best": measured("argmax", "best", 0),
    },
}
"""The columns of each part of `benchmarks.inference`, `benchmarks.halting` and `benchmarks.answers`."""
HEADS = ("right", "value", "halt", "proceed", "halts")
"""Means over the trajectories after a step: whether the answer is right, the heads, whether the simple rule halts."""


def inference_table(name: str) -> str:
    """Return what more compute at inference buys on a task, a table for each part."""
    facts = load("inference", name)
    if "answers" in facts:
        facts["conflicts"] = [row for row in facts["answers"] if row["task"] == "coloring"]
    blocks = [f"{facts['problems']} problems, {SAMPLES} samples: `{facts['command']}`"]
    for part, columns in INFERENCE.items():
        if part in facts and (part != "halt" or "heads" in facts):  # elsewhere it is of heads that are gone
            lines = ([text(row) for text in columns.values()] for row in facts[part])
            blocks += [part, markdown_table(columns, lines)]
    if "heads" in facts:
        lines = (
            [kind, str(row["step"]), *(f"{row[name]:.3f}" for name in HEADS)]
            for kind, rows in facts["heads"].items()
            for row in rows
        )
        blocks += ["heads", markdown_table(["problems", "step", *HEADS], lines)]
    if "grid" in facts:
        blocks += [f"grid, {facts['grid_problems']} problems", frontier(facts["grid"]["frontier"])]
    return "\n\n".join(blocks)


def frontier(best: Sequence[Row]) -> str:
    """Return for each way to select the mixes of width and depth on the frontier."""
    mixes: dict[str, list[str]] = {}
    for each in best:
        mix = f"{each['samples']} x {each['steps']}: {100 * each['accuracy']:.1f}"
        mixes.setdefault(each["select"], []).append(mix)
    lines = ([select, ", ".join(chosen)] for select, chosen in mixes.items())
    return markdown_table(["select", "samples x steps: solved %"], lines)


TABLES = {"quality": quality_table, "comparison": comparison_table, "inference": inference_table}


def table(kind: str, name: str) -> str:
    """Return a table as Markdown. Raises `UserError` if the kind has none of this name."""
    if name not in names_of(kind):
        raise UserError(f"there is no table {name} of {kind}; there are {', '.join(names_of(kind)) or 'none'}")
    return TABLES[kind](name)


def main(arguments: list[str]) -> None:
    """Print the tables, with their names where there are several."""
    options: TableOptions = parse(TableOptions, "benchmarks.table", arguments)
    names = options.names or names_of(options.kind)
    tables = [table(options.kind, name) for name in names]
    print("\n\n".join(tables if len(names) == 1 else [f"{n}:\n\n{t}" for n, t in zip(names, tables, strict=True)]))


if __name__ == "__main__":
    run_cli(main)
