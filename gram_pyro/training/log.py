"""The log of a training: a row for every hundred updates, and one for every evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from gram_pyro.errors import Diverged
from gram_pyro.training.trainer import UpdateMetrics

LOG_EVERY = 100
"""Updates that a row is the mean of, unless an evaluation comes before."""
IN_BAR = ("loss", "posterior_accuracy", "validity", "coverage")
"""What the progress bar shows."""


class Log:
    """The rows of a log, and the `pending` updates that the next row is the mean of; `remains` says what is saved."""

    def __init__(self, remains: Callable[[], str]) -> None:
        self.remains = remains
        self.rows: list[dict[str, Any]] = []
        self.pending: list[UpdateMetrics] = []

    def add(self, update: int, seconds: float, row: dict[str, Any]) -> None:
        """Add a row of what was measured after `update`, when the training had taken so long [s]."""
        self.rows.append({"update": update, "seconds": round(seconds, 2)} | row)

    def add_pending(self, update: int, seconds: float) -> None:
        """Turn the pending updates, the last of which is `update`, into a row. Raises `Diverged` as `check` does."""
        self.add(update, seconds, {name: round(each.mean().item(), 5) for name, each in self.check(update).items()})
        self.pending = []

    def check(self, update: int) -> dict[str, torch.Tensor]:
        """Return each measure of the pending updates, `(updates,)`.

        Raises `Diverged` if a loss or a gradient is not finite.
        """
        if not self.pending:
            return {}
        measures = zip(UpdateMetrics._fields, zip(*self.pending, strict=True), strict=True)
        columns = {name: torch.stack(numbers).float().cpu() for name, numbers in measures}
        for name, what in (("loss", "loss"), ("gradient_norm", "gradient")):
            numbers = columns[name]
            if len(bad := (~numbers.isfinite()).nonzero()):
                first = update - len(self.pending) + int(bad[0]) + 1
                raise Diverged(
                    f"the {what} is not finite ({numbers[bad[0]].item()}) at update {first}; {self.remains()}; "
                    f"a smaller --learning-rate may help"
                )
        return columns

    def latest(self) -> dict[str, str]:
        """Return the newest value of each measure that the progress bar shows."""
        newest = {name: value for row in self.rows for name, value in row.items()}
        return {name.removesuffix("_accuracy"): f"{newest[name]:.3f}" for name in IN_BAR if name in newest}
