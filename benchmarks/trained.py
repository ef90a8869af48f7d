"""What benchmarks note of a training run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.report import Row
from gram_pyro import evaluate
from gram_pyro.system.figures import save_figure
from gram_pyro.system.machine import machine_facts

CURVE = ("validity", "ratio", "validity_deep", "ratio_deep")


def facts_of(folder: Path, command: str) -> Row:
    """The command, the machine, the configuration of a run, the minutes it took, and what it reached on the way.

    Minutes count from the first update, by the processor's clock where one thread does all the work.
    """
    config = json.loads((folder / "config.json").read_text())
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    curve = [
        {"minutes": row["seconds"] / 60, **{name: row[name] for name in CURVE if name in row}}
        for row in metrics
        if CURVE[0] in row
    ]
    return {
        "command": command.strip(),
        "machine": machine_facts(config["machine"]["device"]),
        "config": config,
        "minutes": max(row["seconds"] for row in metrics) / 60,
        "curve": curve,
    }


def evaluation_of(folder: Path, out: Path, *options: str) -> Row:
    """What `python -m gram_pyro.evaluate` says of a run, with these options; it stays in the file `out`."""
    evaluate.main([str(folder), "--out", str(out), *options])
    found: Row = json.loads(out.read_text())
    return found


def draw_minutes(curves: Mapping[str, Sequence[Row]], path: Path) -> None:
    """What runs had reached on validation problems after how many minutes, a line for each."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("validity_deep", "ratio_deep"), strict=True):
        for label, curve in curves.items():
            axes.plot([row["minutes"] for row in curve], [row[name] for row in curve], "o-", label=label)
        axes.set(xlabel="minutes", ylabel={"validity_deep": "validity", "ratio_deep": "coverage / ceiling"}[name])
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)
