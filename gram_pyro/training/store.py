"""What a training keeps on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from gram_pyro.models.heads import Heads
from gram_pyro.runs.checkpoint import checkpoints, remove_leftovers, save_checkpoint
from gram_pyro.runs.config import RunConfig, to_json
from gram_pyro.runs.lock import locked
from gram_pyro.runs.store import publish
from gram_pyro.system.files import make_folder, write_atomically
from gram_pyro.training.curves import draw_curves
from gram_pyro.training.trainer import Trainer


class Store:
    """Keeps nothing: for a training in memory, and for processes beside the one that writes."""

    picture: Path | None = None
    """Where samples are drawn."""

    def make(self) -> None:
        """Make a place for what is kept."""

    def held(self, config: RunConfig) -> AbstractContextManager[None]:
        """Hold the store while a training writes to it."""
        return nullcontext()

    def save(
        self,
        config: RunConfig,
        trainer: Trainer,
        heads: Heads | None,
        rows: Sequence[dict[str, Any]],
        state: dict[str, Any],
    ) -> None:
        """Keep the averaged weights, the rows of the log, and the `state` that a training goes on from."""

    @property
    def kept(self) -> str:
        """What is left of a training that diverged."""
        return "no checkpoint was made before"


class RunFolder(Store):
    """A run folder: config.json, checkpoints, weights.safetensors, metrics.jsonl, and pictures.

    Raises `UserError` if the configuration cannot be stored.
    """

    def __init__(self, folder: Path, config: RunConfig) -> None:
        self.folder, self.picture = folder, folder / "samples.png"
        to_json(config)

    def make(self) -> None:
        """Make the folder. Raises `UserError` if the system will not."""
        make_folder(self.folder)

    @contextmanager
    def held(self, config: RunConfig) -> Iterator[None]:
        """Hold the folder and store the configuration. Raises `UserError` if another process trains there."""
        with locked(self.folder):
            remove_leftovers(self.folder)
            write_atomically(self.folder / "config.json", to_json(config).encode())
            yield

    def save(
        self,
        config: RunConfig,
        trainer: Trainer,
        heads: Heads | None,
        rows: Sequence[dict[str, Any]],
        state: dict[str, Any],
    ) -> None:
        """Write checkpoint, weights, log and curves, each file whole or not at all."""
        save_checkpoint(self.folder, trainer.done, state)
        publish(self.folder, config, trainer.averaged, trainer.averaged_guide, heads)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        write_atomically(self.folder / "metrics.jsonl", lines.encode())
        if rows:
            draw_curves(rows, self.folder / "curves.png")

    @property
    def kept(self) -> str:
        """The newest checkpoint."""
        saved = checkpoints(self.folder)
        return f"the last good checkpoint, {saved[-1]}, is kept" if saved else super().kept
