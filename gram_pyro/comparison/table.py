"""The tables of a comparison: rows over seeds, and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

from gram_pyro.comparison.entry import Result
from gram_pyro.comparison.systems import System
from gram_pyro.system.markdown import markdown_table, with_range

Row = dict[str, Any]
MEASURES: dict[str, Callable[[Row, Result], float | None]] = {
    "validity": lambda row, _: row["validity"],
    "conflicts": lambda row, _: row["conflicts"],
    "coverage": lambda row, _: row["coverage"],
    "ceiling": lambda row, _: row["ceiling"],
    "ratio": lambda row, _: row["ratio"],
    "best_of_n": lambda row, _: row["accuracy"].get("value"),
    "checked": lambda row, _: row["accuracy"].get("checker"),
    "distance": lambda row, _: row["evenness"] and row["evenness"]["distance"],
    "uniform_distance": lambda row, _: row["evenness"] and row["evenness"]["uniform"],
    "sampling_seconds": lambda row, _: row["seconds"],
    "excess": lambda _, result: result["likelihood"]["excess"],
    "nll": lambda _, result: result["likelihood"]["nll"],
    "value_calibration": lambda _, result: result["calibration"]["value"],
    "halt_calibration": lambda _, result: result["calibration"]["halt"],
    "gap": lambda _, result: result["gap"],
    "elbo_excess": lambda _, result: (result["bound"] or {}).get("excess"),
    "posterior_validity": lambda _, result: (result["bound"] or {}).get("posterior_validity"),
    "minutes": lambda _, result: result["minutes"],
    "updates": lambda _, result: result["updates"],
}
"""Numbers of a row of the table, from a measured row of a result and the result itself."""
OF_THE_MODEL = (
    "excess", "nll", "value_calibration", "halt_calibration", "gap", "elbo_excess", "posterior_validity",
)  # fmt: skip
"""Measures of the trained model at its training depth: they stand in its first row alone."""
COLUMNS = {
    "validity": ("validity", 3),
    "conflicts": ("conflicts", 1),
    "coverage": ("coverage", 3),
    "ratio": ("ratio", 3),
    "best_of_n": ("best of N by value", 3),
    "excess": ("-log p - H [nats]", 2),
    "elbo_excess": ("-ELBO - H [nats]", 2),
    "distance": ("distance to uniform", 3),
    "value_calibration": ("calibration error", 3),
    "gap": ("gap", 3),
    "minutes": ("minutes", 1),
}

PAPER_TITLES = ["paper: accuracy [%] or conflicts (of 255 graphs, 192 at n = 10)", "paper: coverage [%]"]


def rows_of(system: System, results: Sequence[Result], inputs: str) -> list[Row]:
    """Return a row for each way to sample a system and each depth: means over seeds, with their spread.

    `results` are of all inputs; `inputs` names those that count, the others stand beside them as `other_inputs`.
    """
    chosen = [result for result in results if result["entry"]["inputs"] == inputs]
    others: dict[str, list[Result]] = {}
    for result in results:
        if result["entry"]["inputs"] != inputs:
            others.setdefault(result["entry"]["inputs"], []).append(result)
    rows = []
    for place in range(len(chosen[0]["rows"])):
        summary = summary_of(chosen, place) | {"inputs": inputs, "seeds": len(chosen), "paper": None}
        if place == 0:
            summary["paper"] = paper_of(system, chosen[0])
        summary["other_inputs"] = {name: summary_of(other, place) for name, other in others.items()}
        rows.append(summary)
    return rows


def first_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first row of each system, at its training depth, by the system's label."""
    firsts: dict[str, Row] = {}
    for row in rows:
        firsts.setdefault(row["model"], row)
    return firsts


def summary_of(results: Sequence[Result], place: int) -> Row:
    """Return the row at one place of each result, averaged; `NAME_spread` is the least and the greatest."""
    row, first = results[0]["rows"][place], results[0]
    summary: Row = {
        "model": row["label"],
        "steps": row["steps"],
        "samples": row["samples"],
        "parameters": first["parameters"],
        "likelihood": first["likelihood"]["kind"],
        "method": row["method"],
    }
    own = place == 0
    for name, measure in MEASURES.items():
        numbers = [measure(result["rows"][place], result) for result in results]
        measured = [number for number in numbers if number is not None and (own or name not in OF_THE_MODEL)]
        summary[name] = mean(measured) if measured else None
        summary[f"{name}_spread"] = [min(measured), max(measured)] if measured else None
    bounds = [bound for result in results if own and (bound := result["bound"]) and "kl" in bound]
    summary["kl"] = [mean(each) for each in zip(*(bound["kl"] for bound in bounds), strict=True)]
    return summary | {"budget": first["budget"], "machine": first["machine"]}


def paper_of(system: System, result: Result) -> Row | None:
    """Return what the paper has in this row, if anything for a problem of this size."""
    key = f"{result['entry']['task']}-{result['size']}"
    if key not in system.paper:
        return None
    parameters, quality, coverage = system.paper[key]
    measure = "conflicts" if result["entry"]["task"] == "coloring" else "validity"
    return {"parameters": parameters, measure: quality, "coverage": coverage}


def paper_cells(row: Row) -> list[str]:
    """Return what the paper has in a row's place, under `PAPER_TITLES`."""
    paper = row["paper"] or {}
    return [str(paper.get("validity", paper.get("conflicts", ""))), str(paper.get("coverage", ""))]


def markdown(rows: Sequence[Row]) -> str:
    """Return the table as Markdown; the paper's own numbers in the last columns."""
    headings = ["", "inputs", "parameters", "steps", *(title for title, _ in COLUMNS.values())]
    headings += PAPER_TITLES
    lines = []
    for row in rows:
        cells = [with_seeds(row["model"], row), row["inputs"], f"{row['parameters']:,}", str(row["steps"])]
        cells += [cell(row, name, digits) for name, (_, digits) in COLUMNS.items()]
        cells += paper_cells(row)
        lines.append(cells)
    return markdown_table(headings, lines)


def with_seeds(label: str, row: Row) -> str:
    """Return a row's label with the number of seeds that it is the mean of, if there are several."""
    return f"{label} ({row['seeds']} seeds)" if row["seeds"] > 1 else label


def cell(row: Row, name: str, digits: int) -> str:
    """Return a mean, with the least and the greatest where they differ."""
    if row[name] is None:
        return "-"
    if name == "minutes":
        return f"{row[name]:.{digits}f}"
    least, greatest = row[f"{name}_spread"]
    text = with_range(row[name], least, greatest, digits)
    return f"≤ {text}" if name == "excess" and row["likelihood"] == "bound" else text
