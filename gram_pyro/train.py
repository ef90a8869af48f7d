"""`python -m gram_pyro.train --task coloring`: train a model and keep everything about it in a run folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.config import RunConfig, from_json
from gram_pyro.runs.train_options import configured
from gram_pyro.system.cli import take_option
from gram_pyro.system.files import is_folder

if TYPE_CHECKING:
    from gram_pyro.training.training_run import TrainingRun


def stored_run(resumed: str, others: Sequence[str]) -> tuple[RunConfig, Path]:
    """Return configuration and folder of a run to go on with. Raises `UserError` if there is none, or for options."""
    if others:
        raise UserError(f"--resume repeats the run's own configuration and takes no other option: {others[0]}")
    folder = Path(resumed)
    if not is_folder(folder):
        raise UserError(f"no run folder {resumed!r} to resume")
    return from_json(folder / "config.json"), folder


SCORES = {"validity": "validity", "ratio": "coverage / ceiling", "confident": "confident samples"}
"""What is printed at the end, by column of the log."""


def report(run: TrainingRun | None) -> None:
    """Print what a training reached, and what comes next."""
    from gram_pyro.training.validation import DEEP  # here: --help does without

    if run is None or not run.world.is_main:
        return
    folder, depth = run.folder, run.config.training.depth
    names = {name: words for name, words in SCORES.items() if any(name in row for row in run.metrics)}
    check = [row for row in run.metrics if {*names} <= {*row}][-1]
    usual, deep = (
        " and ".join(f"{words} {check[name + end]:.3f}" for name, words in names.items()) for end in ("", "_deep")
    )
    where = "on unseen problems: " if run.config.task.scores else ""
    reached = f", {where}{usual} at {depth} steps, {deep} at {DEEP * depth} steps" if names else ""
    print(f"{folder}: after {run.seconds / 60:.1f} minutes{reached}")
    print(f"next: python -m gram_pyro.evaluate {shlex.quote(str(folder))}")


def main(arguments: list[str]) -> None:
    """Train, or go on with a run."""
    resumed, goes_on = take_option(arguments, "resume"), "--continue" in arguments
    config, folder = configured(arguments) if resumed is None else stored_run(resumed, arguments)

    from gram_pyro.training.run import train, train_once  # here: --help does without

    report(train_once(config, folder) if goes_on else train(config, folder, resume=resumed is not None))


if __name__ == "__main__":
    run_cli(main)
