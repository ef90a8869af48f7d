"""`python -m benchmarks.inference_table`: the tables of docs/inference.md, from the JSON in `benchmarks/results/`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from benchmarks.table import RESULTS
from gram_pyro.errors import run_cli
from gram_pyro.system.markdown import markdown_table

TASKS = ("coloring", "nqueens", "sudoku")
Cell = Callable[[dict[str, Any]], str]


def number(name: str, digits: int = 3) -> Cell:
    """Mean of a measure, with its standard deviation over seeds where there are several."""

    def cell(row: dict[str, Any]) -> str:
        value = row[name]
        spread = "" if value["stdev"] is None else f" ± {value['stdev']:.{digits}f}"
        return f"{value['mean']:.{digits}f}{spread}"

    return cell


METHOD: dict[str, Cell] = {"": lambda row: row["method"], "steps": lambda row: str(row["steps"])}
PARTS: dict[str, dict[str, Cell]] = {
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
}


def grid(facts: dict[str, Any]) -> str:
    """For each way to select the mixes on the frontier."""
    best = facts["grid"]["frontier"]
    names = dict.fromkeys(each["select"] for each in best)

    def mixes(name: str) -> str:
        return ", ".join(
            f"{e['samples']} x {e['steps']}: {100 * e['accuracy']:.1f}" for e in best if e["select"] == name
        )

    return markdown_table(["select", "samples x steps: solved %"], ([name, mixes(name)] for name in names))


def main(arguments: list[str]) -> None:
    """Print every table that there are results for."""
    argparse.ArgumentParser(prog="python -m benchmarks.inference_table", description=__doc__).parse_args(arguments)
    for task in TASKS:
        path = RESULTS / f"inference-{task}.json"
        if not path.exists():
            print(f"\n{task}: not run")
            continue
        facts = json.loads(path.read_text(encoding="utf-8"))
        print(f"\n{task}, {facts['problems']} problems, 20 samples: `{facts['command']}`")
        for part, columns in PARTS.items():
            if part in facts:
                lines = ([cell(row) for cell in columns.values()] for row in facts[part])
                print(f"\n{part}\n\n{markdown_table(columns, lines)}")
        if "grid" in facts:
            print(f"\ngrid, {facts['grid_problems']} problems\n\n{grid(facts)}")


if __name__ == "__main__":
    run_cli(main)
