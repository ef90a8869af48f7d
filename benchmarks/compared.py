"""`python -m benchmarks.compared TABLE-TASK`: the README's tables of comparisons, from `benchmarks/results/`."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence

from benchmarks.table import RESULTS
from gram_pyro.comparison.table import PAPER_TITLES, Found, cell, first_rows, paper_cells, with_seeds
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.markdown import markdown_table

BOTH = {"validity": 3, "conflicts": 1, "coverage": 3, "ratio": 3}
COLUMNS = {
    "table1": BOTH | {"best_of_n": 3, "excess": 2, "distance": 3, "minutes": 1},
    "table3": BOTH | {"gap": 3, "elbo_excess": 2, "updates": 0, "minutes": 1},
    "posteriors": {"validity": 3, "ratio": 3, "gap": 3, "elbo_excess": 2, "updates": 0},
}
"""Measures and their digits in each of the tables."""
TITLES = {
    "best_of_n": "best of 20 by value",
    "excess": "-log p - H [nats]",
    "elbo_excess": "-ELBO - H [nats]",
    "distance": "distance to uniform",
}
VISIBLE = {"table1": 0.01, "table3": 0.02, "posteriors": math.inf}
"""A deeper row of a system stands in the table if depth changes its validity or coverage by more than this."""


def stored(name: str) -> list[Found]:
    """The rows that `gram_pyro.compare` wrote. Raises `UserError` if it has not."""
    tables = {path.stem for kind in COLUMNS for path in RESULTS.glob(f"{kind}-*.json")}
    tables = {each for each in tables if not each.endswith("-runs")}
    if name not in tables:
        raise UserError(f"there is no table {name} in {RESULTS}; there are {', '.join(sorted(tables)) or 'none'}")
    path = RESULTS / f"{name}.json"
    try:
        rows: list[Found] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return rows


def shown(rows: Sequence[Found], kind: str) -> list[Found]:
    """Each system at its first depth, and deeper where that matters in this kind of table."""
    firsts = first_rows(rows)
    kept: list[Found] = []
    for row in rows:
        first = firsts[row["model"]]
        moved = max(abs((row[name] or 0) - (first[name] or 0)) for name in ("validity", "coverage"))
        if row is first or moved > VISIBLE[kind]:
            kept.append(row)
    return kept


def table(name: str) -> str:
    """A table as Markdown: TABLE-TASK."""
    rows, kind = stored(name), name.split("-")[0]
    columns = COLUMNS[kind]
    lines: list[list[str]] = []
    before = ""
    for row in shown(rows, kind):
        inputs = ", tokens" if row["inputs"] == "tokens" else ""
        names = [with_seeds(f"{row['model']}{inputs}", row), f"{row['parameters']:,}"]
        if row["model"] == before:
            names = ["", ""]
        before = row["model"]
        cells = [cell(row, measure, digits) for measure, digits in columns.items()]
        lines.append([*names, str(row["steps"]), *cells, *(paper_cells(row) if kind == "table1" else [])])
    headings = ["", "parameters", "steps", *(TITLES.get(each, each) for each in columns)]
    return markdown_table(headings + (PAPER_TITLES if kind == "table1" else []), lines)


def main(arguments: list[str]) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compared", description=__doc__)
    parser.add_argument("name", metavar="TABLE-TASK", help="such as table1-coloring")
    print(table(parser.parse_args(arguments).name))


if __name__ == "__main__":
    run_cli(main)
