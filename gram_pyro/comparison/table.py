"""The tables of a comparison: rows over seeds, and Markdown."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from gram_pyro.comparison.entry import Result
from gram_pyro.comparison.systems import System
from gram_pyro.system.markdown import markdown_table, with_range

Row = dict[str, Any]
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


def measures(result: Result, index: int) -> dict[str, float | None]:
    """Return the numbers of one measured row; those of the model at its training depth in the first row alone."""
    row = result["rows"][index]
    bound, evenness = result["bound"] or {}, row["evenness"] or {}
    of_the_model = {
        "excess": result["likelihood"]["excess"],
        "nll": result["likelihood"]["nll"],
        "value_calibration": result["calibration"]["value"],
        "halt_calibration": result["calibration"]["halt"],
        "gap": result["gap"],
        "elbo_excess": bound.get("excess"),
        "posterior_validity": bound.get("posterior_validity"),
    }
    return {
        **{name: row[name] for name in ("validity", "conflicts", "coverage", "ceiling", "ratio")},
        "best_of_n": row["accuracy"].get("value"),
        "checked": row["accuracy"].get("checker"),
        "distance": evenness.get("distance"),
        "uniform_distance": evenness.get("uniform"),
        "sampling_seconds": row["seconds"],
        **(of_the_model if index == 0 else dict.fromkeys(of_the_model)),
        "minutes": result["minutes"],
        "updates": result["updates"],
    }


def rows_of(system: System, results: Sequence[Result], inputs: str) -> list[Row]:
    """Return a row for each way to sample a system and each depth: means over seeds, with their spread.
    `results` are of all inputs; `inputs` names those that count, the others stand beside them as `other_inputs`."""
    by_inputs: dict[str, list[Result]] = {}
    for result in results:
        by_inputs.setdefault(result["entry"]["inputs"], []).append(result)
    chosen = by_inputs.pop(inputs)
    return [
        summary_of(chosen, index)
        | {
            "inputs": inputs,
            "seeds": len(chosen),
            "paper": None if index else paper_of(system, chosen[0]),
            "other_inputs": {name: summary_of(other, index) for name, other in by_inputs.items()},
        }
        for index in range(len(chosen[0]["rows"]))
    ]


def first_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first row of each system, at its training depth, by the system's label."""
    firsts: dict[str, Row] = {}
    for row in rows:
        firsts.setdefault(row["model"], row)
    return firsts


def summary_of(results: Sequence[Result], index: int) -> Row:
    """Return the row at one index of each result, averaged; `NAME_spread` is the least and the greatest."""
    first = results[0]
    row = first["rows"][index]
    summary: Row = {
        "model": row["label"],
        **{name: row[name] for name in ("steps", "samples", "method")},
        **{name: first[name] for name in ("parameters", "budget", "machine")},
        "likelihood": first["likelihood"]["kind"],
    }
    each = [measures(result, index) for result in results]
    for name in each[0]:
        measured = [number for numbers in each if (number := numbers[name]) is not None]
        summary[name] = mean(measured) if measured else None
        summary[f"{name}_spread"] = [min(measured), max(measured)] if measured else None
    kls = [result["bound"]["kl"] for result in results if index == 0 and result["bound"] and "kl" in result["bound"]]
    summary["kl"] = [mean(kl) for kl in zip(*kls, strict=True)]
    return summary


def paper_of(system: System, result: Result) -> Row | None:
    """Return what the paper has in this row, if anything for a problem of this size."""
    task = result["entry"]["task"]
    found = system.paper.get(f"{task}-{result['size']}")
    names = ("parameters", "conflicts" if task == "coloring" else "validity", "coverage")
    return None if found is None else dict(zip(names, found, strict=True))


def paper_cells(row: Row) -> list[str]:
    """Return what the paper has in this row, under `PAPER_TITLES`."""
    paper = row["paper"] or {}
    return [str(paper.get("validity", paper.get("conflicts", ""))), str(paper.get("coverage", ""))]


def markdown(rows: Sequence[Row]) -> str:
    """Return the table as Markdown; the paper's own numbers in the last columns."""
    headings = ["", "inputs", "parameters", "steps", *(title for title, _ in COLUMNS.values()), *PAPER_TITLES]
    lines = []
    for row in rows:
        cells = [with_seeds(row["model"], row), row["inputs"], f"{row['parameters']:,}", str(row["steps"])]
        cells += [cell(row, name, digits) for name, (_, digits) in COLUMNS.items()]
        lines.append(cells + paper_cells(row))
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
