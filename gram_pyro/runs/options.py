"""From the options of a training to its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gram_pyro.errors import UserError
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.recipes import recipe
from gram_pyro.system.cli import parse, take_option


def with_minutes(config: RunConfig, arguments: list[str]) -> RunConfig:
    """The recipe, without its number of updates if the arguments ask for minutes. Raises `UserError` if for both."""
    asked = {argument.partition("=")[0] for argument in arguments}
    if "--minutes" not in asked:
        return config
    if "--updates" in asked:
        raise UserError("--minutes and --updates both say how long to train; give one of them")
    return replace(config, training=replace(config.training, updates=None))


def configured(arguments: Sequence[str]) -> tuple[RunConfig, Path]:
    """The configuration and the run folder of a command line that starts a training.

    Raises `UserError` on wrong input.
    """
    arguments = [*arguments]
    parts = [take_option(arguments, "task", "coloring"), take_option(arguments, "preset", "cpu")]
    parts += [take_option(arguments, "model", "gram")]
    task, preset, model = (str(part) for part in parts)
    guide, init = take_option(arguments, "guide"), take_option(arguments, "init")
    folder = Path(take_option(arguments, "out") or f"runs/{Path(task.partition(':')[0]).stem}")
    base = with_minutes(recipe(task, preset, model, guide), arguments)
    config: RunConfig = parse(RunConfig, "gram_pyro.train", arguments, base)
    return replace(config, init=init or ""), folder
