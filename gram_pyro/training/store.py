"""What a training keeps on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gram_pyro.models.heads import Heads
from gram_pyro.runs.checkpoint import checkpoints, remove_leftovers, save_checkpoint
from gram_pyro.runs.config import RunConfig, to_json
from gram_pyro.runs.lock import locked
from gram_pyro.runs.store import publish
from gram_pyro.system.files import write_atomically
from gram_pyro.training.curves import draw_curves
from gram_pyro.training.trainer import Trainer


class Store:
    """A run folder: config.json, checkpoints, weights.safetensors, metrics.jsonl, and pictures.

    Without a folder it keeps nothing: for a training in memory, and for processes beside the one that writes.
    Raises `UserError` if the configuration cannot be stored.
    """

    def __init__(self, folder: Path | None, config: RunConfig) -> None:
        self.folder = folder
        self.picture = None if folder is None else folder / "samples.png"
        if folder is not None:
            to_json(config)

    @contextmanager
    def reserved(self, config: RunConfig) -> Iterator[None]:
        """Lock the folder and store the configuration. Raises `UserError` if another process trains there."""
        if self.folder is None:
            yield
            return
        with locked(self.folder):
            remove_leftovers(self.folder)
            write_atomically(self.folder / "config.json", to_json(config).encode())
            yield

    def save(
        self, config: RunConfig, trainer: Trainer, heads: Heads | None, rows: Sequence[dict[str, Any]], state: Any
    ) -> None:
        """Write the `state` to go on from, the averaged weights, the log and its curves, each file whole or not."""
        if self.folder is None:
            return
        save_checkpoint(self.folder, trainer.done, state)
        publish(self.folder, config, trainer.averaged, trainer.averaged_guide, heads)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        write_atomically(self.folder / "metrics.jsonl", lines.encode())
        if rows:
            draw_curves(rows, self.folder / "curves.png")

    def remains(self) -> str:
        """Say what is left of a training that diverged."""
        saved = [] if self.folder is None else checkpoints(self.folder)
        return f"the last good checkpoint, {saved[-1]}, is kept" if saved else "no checkpoint was made before"
