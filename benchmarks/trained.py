"""A training run that benchmarks measure: made, gone on with, or left as it is; and what to note of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Row
from gram_pyro import train
from gram_pyro.machine import machine_facts


def train_once(folder: Path, arguments: Sequence[str]) -> None:
    """Train in this folder, or go on where a training stopped; a finished one without checkpoints is left alone."""
    if not (folder / "config.json").exists():
        train.main(["--out", str(folder), *arguments])
    elif list(folder.glob("checkpoint-*.pt")):
        train.main(["--resume", str(folder)])


def facts_of(folder: Path, command: str) -> Row:
    """The command, the machine, the configuration of a run and the minutes it took."""
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "command": command.strip(),
        "machine": machine_facts(),
        "config": json.loads((folder / "config.json").read_text()),
        "minutes": max(row["seconds"] for row in metrics) / 60,
    }
