"""The log of a training: a row for every hundred updates, and one for every evaluation."""

from __future__ import annotations

from typing import Any

import torch

from gram_pyro.errors import Diverged
from gram_pyro.training.trainer import UpdateMetrics

LOG_EVERY = 100
"""Updates that a row is the mean of, unless an evaluation comes before."""
COLUMNS = {"accuracy": "posterior_accuracy", "norm": "gradient_norm"}
"""Measures of an update that the log calls by another name."""
IN_BAR = ("loss", "posterior_accuracy", "validity", "coverage")
"""What the progress bar shows."""


class Log:
    """The rows of a log, and the `pending` updates that the next row is the mean of."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.pending: list[UpdateMetrics] = []

    @property
    def full(self) -> bool:
        """Whether the pending updates make a row."""
        return len(self.pending) >= LOG_EVERY

    def add(self, update: int, seconds: float, row: dict[str, Any]) -> None:
        """Add a row of what was measured after `update`, when the training had taken so long [s]."""
        self.rows.append({"update": update, "seconds": round(seconds, 2)} | row)

    def add_pending(self, update: int, seconds: float, kept: str) -> None:
        """Turn the pending updates, the last of which is `update`, into a row. Raises `Diverged` as `check` does."""
        means = {name: round(column.mean().item(), 5) for name, column in self.check(update, kept).items()}
        self.pending = []
        self.add(update, seconds, {COLUMNS.get(name, name): mean for name, mean in means.items()})

    def check(self, update: int, kept: str) -> dict[str, torch.Tensor]:
        """Return each measure of the pending updates, `(updates,)`.

        Raises `Diverged` if a loss or a gradient is not finite, and says which checkpoint is `kept`.
        """
        if not self.pending:
            return {}
        names = UpdateMetrics._fields
        columns = {name: torch.stack([getattr(each, name) for each in self.pending]).float().cpu() for name in names}
        for name, what in (("loss", "loss"), ("norm", "gradient")):
            bad = (~columns[name].isfinite()).nonzero()
            if len(bad):
                first = update - len(self.pending) + int(bad[0]) + 1
                raise Diverged(
                    f"the {what} is not finite ({columns[name][bad[0]].item()}) at update {first}; {kept}; "
                    f"a smaller --learning-rate may help"
                )
        return columns

    def latest(self) -> dict[str, str]:
        """Return the newest value of each measure that the progress bar shows."""
        newest = {name: value for row in self.rows for name, value in row.items()}
        return {name.removesuffix("_accuracy"): f"{newest[name]:.3f}" for name in IN_BAR if name in newest}
