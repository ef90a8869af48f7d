"""What a training leaves behind: the rows of its log, and on the disk a run folder."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gram_pyro.errors import Diverged
from gram_pyro.models.heads import Heads
from gram_pyro.runs.checkpoint import checkpoints, locked, remove_leftovers, save_checkpoint
from gram_pyro.runs.config import RunConfig, to_json
from gram_pyro.runs.store import publish
from gram_pyro.system.files import write_atomically
from gram_pyro.training.curves import draw_curves
from gram_pyro.training.events import EventLog
from gram_pyro.training.trainer import Trainer, UpdateMetrics

LOG_EVERY = 100  # updates that a row of the log is the mean of, unless an evaluation comes before
IN_BAR = ("loss", "posterior_accuracy", "validity", "coverage", "confident")  # what the progress bar shows


class Store:
    """A log, and a run folder: config.json, checkpoints, weights.safetensors, metrics.jsonl, pictures, and events.

    Without a folder nothing is written: for a training in memory, and for processes beside the one that writes.
    The next row of the log is the mean of the `pending` updates.
    Raises `UserError` if the configuration cannot be stored, or if TensorBoard is missing that is to read the log.
    """

    def __init__(self, folder: Path | None, config: RunConfig) -> None:
        self.folder = folder
        self.picture = None if folder is None else folder / "samples.png"
        self.rows: list[dict[str, Any]] = []
        self.pending: list[UpdateMetrics] = []
        self.events: EventLog | None = None
        if folder is not None:
            to_json(config)
            if config.training.log == "tensorboard":
                self.events = EventLog(folder)

    @contextmanager
    def reserved(self, config: RunConfig) -> Iterator[None]:
        """Lock the folder and store the configuration. Raises `UserError` if another process trains there."""
        if self.folder is None:
            yield
            return
        with locked(self.folder):
            remove_leftovers(self.folder)
            write_atomically(self.folder / "config.json", to_json(config).encode())
            try:
                yield
            finally:
                if self.events is not None:
                    self.events.close()

    def log(self, update: int, seconds: float, row: dict[str, Any]) -> None:
        """Add a row of what was measured after `update`, when the training had taken so long [s]."""
        self.rows.append({"update": update, "seconds": round(seconds, 2)} | row)
        if self.events is not None:
            self.events.write(self.rows)

    def log_pending(self, update: int, seconds: float) -> None:
        """Turn the pending updates, the last of which is `update`, into a row. Raises `Diverged` as `check` does."""
        self.log(update, seconds, {name: round(each.mean().item(), 5) for name, each in self.check(update).items()})
        self.pending = []

    def check(self, update: int) -> dict[str, torch.Tensor]:
        """Return each measure of the pending updates, `(updates,)`. Raises `Diverged` if one is not finite."""
        if not self.pending:
            return {}
        measures = zip(UpdateMetrics._fields, zip(*self.pending, strict=True), strict=True)
        columns = {name: torch.stack(numbers).float().cpu() for name, numbers in measures}
        for name, what in (("loss", "loss"), ("gradient_norm", "gradient")):
            numbers = columns[name]
            if len(bad := (~numbers.isfinite()).nonzero()):
                first = update - len(self.pending) + int(bad[0]) + 1
                saved = [] if self.folder is None else checkpoints(self.folder)
                kept = f"the last good checkpoint, {saved[-1]}, is kept" if saved else "no checkpoint was made before"
                wrong = f"the {what} is not finite ({numbers[bad[0]].item()}) at update {first}"
                raise Diverged(f"{wrong}; {kept}; a smaller --learning-rate may help")
        return columns

    def latest(self) -> dict[str, str]:
        """Return the newest value of each measure that the progress bar shows."""
        newest = {name: value for row in self.rows for name, value in row.items()}
        return {name.removesuffix("_accuracy"): f"{newest[name]:.3f}" for name in IN_BAR if name in newest}

    def save(self, config: RunConfig, trainer: Trainer, heads: Heads | None, state: dict[str, Any]) -> None:
        """Write the `state` to go on from, the averaged weights, the log and its curves, each file whole or not."""
        if self.folder is None:
            return
        save_checkpoint(self.folder, trainer.done, state)
        publish(self.folder, config, trainer.averaged, trainer.averaged_guide, heads)
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        write_atomically(self.folder / "metrics.jsonl", lines.encode())
        if self.rows:
            draw_curves(self.rows, self.folder / "curves.png")
