"""`python -m benchmarks.table`: the README's table of quality, from the JSON files in `benchmarks/results/`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from gram_pyro.errors import UserError, run_cli

RESULTS = Path("benchmarks/results")
ROWS: dict[str, list[str]] = {
    "GRAM, relations (3 seeds)": ["relations-0", "relations-1", "relations-2"],
    "GRAM, the paper's tokens": ["tokens"],
    "GRAM, the paper's tokens, canonical names": ["tokens-canonical"],
    "deterministic core, relations": ["deterministic"],
    "GRAM, relations, n = 10": ["n10"],
}
HEADINGS = ("", "steps", "validity", "coverage@20", "ceiling", "ratio", "conflicts", "bound [nats]", "minutes")


def stored(name: str) -> dict[str, Any]:
    """What `benchmarks.quality` wrote of a row. Raises `UserError` if it has not run."""
    path = RESULTS / f"coloring-{name}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; python -m benchmarks.quality {name} makes it") from None
    return found


def cell(values: Sequence[float], digits: int) -> str:
    """A mean, with the least and the greatest where there are several."""
    text = f"{mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def lines(label: str, names: Sequence[str], samples: int) -> list[list[str]]:
    """The table's lines of one row, one a depth."""
    runs = [stored(name) for name in names]
    result: list[list[str]] = []
    for place, row in enumerate(runs[0]["evaluation"]["rows"]):
        if row["samples"] != samples:
            continue
        rows = [run["evaluation"]["rows"][place] for run in runs]
        first = not result
        columns = (("validity", 3), ("coverage", 3), ("ceiling", 3), ("ratio", 3), ("conflicts", 1))
        result.append(
            [
                label if first else "",
                str(row["steps"]),
                *(cell([each[key] for each in rows], digits) for key, digits in columns),
                cell([run["evaluation"]["bound"]["excess"] for run in runs], 2) if first else "",
                cell([run["minutes"] for run in runs], 1) if first else "",
            ]
        )
    return result


def main(arguments: list[str]) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--samples", type=int, default=20, help="samples a problem that the rows are of")
    options = parser.parse_args(arguments)
    print("| " + " | ".join(HEADINGS) + " |")
    print("|---" * len(HEADINGS) + "|")
    for label, names in ROWS.items():
        for line in lines(label, names, options.samples):
            print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    run_cli(main)
