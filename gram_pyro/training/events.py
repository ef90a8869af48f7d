"""The log of a training for TensorBoard."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError

FOLDER = "tensorboard"


class EventLog:
    """Scalars of a run's log, in `tensorboard/` of its folder.

    A process that goes on with a run writes the whole log anew, so that no step is there twice and none is missing.
    Raises `UserError` if TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # here: most trainings do without
        except ImportError:
            advice = "pip install -e '.[tensorboard]' brings it"
            raise UserError(f"--log tensorboard needs the package tensorboard; {advice}") from None
        self.folder, self.open = folder / FOLDER, SummaryWriter
        self.writer: SummaryWriter | None = None
        self.written = 0

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write those of all `rows` of the log that are not written yet."""
        if self.writer is None:
            for old in self.folder.glob("events.out.tfevents.*"):
                old.unlink()
            self.writer = self.open(self.folder)
            self.began = time.time() - rows[-1]["seconds"]
        for row in rows[self.written :]:
            for name in row.keys() - {"update", "seconds"}:
                if row[name] is not None:
                    self.writer.add_scalar(name, row[name], row["update"], self.began + row["seconds"])
        self.written = len(rows)
        self.writer.flush()

    def close(self) -> None:
        """Close the file; what is written later starts another."""
        if self.writer is not None:
            self.writer.close()
