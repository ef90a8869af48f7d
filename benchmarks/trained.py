"""What benchmarks note of a training run."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.report import Row
from gram_pyro.machine import machine_facts


def facts_of(folder: Path, command: str) -> Row:
    """The command, the machine, the configuration of a run and the minutes it took."""
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "command": command.strip(),
        "machine": machine_facts(),
        "config": json.loads((folder / "config.json").read_text()),
        "minutes": max(row["seconds"] for row in metrics) / 60,
    }
