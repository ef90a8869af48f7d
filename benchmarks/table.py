"""`python -m benchmarks.table TASK`: the README's table of quality, from the JSON files in `benchmarks/results/`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.markdown import markdown_table, with_range

RESULTS = Path("benchmarks/results")
ROWS: dict[str, dict[str, list[str]]] = {
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
    "sudoku": {"medium, 30 to 36 givens": ["medium"], "2 to 64 solutions": ["many"]},
}
MEASURES = (("validity", 3), ("coverage", 3), ("ceiling", 3), ("ratio", 3), ("conflicts", 1), ("best", 1))
HEADINGS = ("", "steps", *(name for name, _ in MEASURES), "bound [nats]", "minutes")


def stored(task: str, name: str) -> dict[str, Any]:
    """What `benchmarks.quality` wrote of a row. Raises `UserError` if it has not run."""
    path = RESULTS / f"{task}-{name}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; python -m benchmarks.quality {name} makes it") from None
    return found


def cell(values: Sequence[float], digits: int) -> str:
    """A mean, with the least and the greatest where they differ."""
    return with_range(mean(values), min(values), max(values), digits)


def line(label: str, rows: Sequence[dict[str, Any]], *last: str) -> list[str]:
    """One line of the table, from the same row of one or more runs."""
    return [
        label,
        str(rows[0]["steps"]),
        *(cell([row[key] for row in rows], digits) for key, digits in MEASURES),
        *last,
    ]


def lines(task: str, label: str, names: Sequence[str], samples: int) -> list[list[str]]:
    """The table's lines of one label, one a depth, then those on larger graphs."""
    runs = [stored(task, name) for name in names]
    depths = list(zip(*(run["evaluation"]["rows"] for run in runs), strict=True))
    depths = [rows for rows in depths if rows[0]["samples"] == samples]
    facts = cell([run["evaluation"]["bound"]["excess"] for run in runs], 2), cell([run["minutes"] for run in runs], 1)
    result = [line("" if i else label, rows, *(("", "") if i else facts)) for i, rows in enumerate(depths)]
    for larger in runs[0].get("transfer", []):
        rows = [row for row in larger["rows"] if row["samples"] == samples]
        result += [line(f"the first of them on n = {larger['n']}", [row], "", "") for row in rows]
    return result


def main(arguments: list[str]) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("task", nargs="?", choices=[*ROWS], default="coloring")
    parser.add_argument("--samples", type=int, default=20, help="samples a problem that the rows are of")
    options = parser.parse_args(arguments)
    table: list[list[str]] = []
    for label, names in ROWS[options.task].items():
        try:
            table += lines(options.task, label, names, options.samples)
        except UserError as missing:
            table.append([label, f"not run ({missing})", *[""] * (len(HEADINGS) - 2)])
    print(markdown_table(HEADINGS, table))


if __name__ == "__main__":
    run_cli(main)
