"""`python -m gram_pyro.train --task coloring`: train a model and keep everything about it in a run folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gram_pyro.checkpoint import checkpoints
from gram_pyro.cli import parse, take_option
from gram_pyro.config import RunConfig, from_json
from gram_pyro.distributed import World, join
from gram_pyro.errors import UserError, run_cli
from gram_pyro.files import is_file, is_folder
from gram_pyro.machine import compiler_explained
from gram_pyro.recipes import recipe
from gram_pyro.runs import WEIGHTS, choose_device, load_run
from gram_pyro.signals import Interrupted
from gram_pyro.training.fit import Fit, parameters_of
from gram_pyro.training.validation import DEEP

USAGE = """python -m gram_pyro.train --task NAME|FILE.py [--preset cpu|paper] [--model NAME|FILE.py:Name]
    [--guide NAME|FILE.py:Name] [--init RUN] [--out RUN] [--continue] [options below]
python -m gram_pyro.train --resume RUN
torchrun --nproc-per-node N -m gram_pyro.train ...
"""


def timed(config: RunConfig, arguments: list[str]) -> RunConfig:
    """The recipe, without its number of updates if the arguments ask for minutes. Raises `UserError` if for both."""
    asked = {argument.partition("=")[0] for argument in arguments}
    if "--minutes" not in asked:
        return config
    if "--updates" in asked:
        raise UserError("--minutes and --updates both say how long to train; give one of them")
    return replace(config, training=replace(config.training, updates=None))


def make_folder(folder: Path) -> None:
    """Make a folder. Raises `UserError` if the system will not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}; choose another") from error


def train_once(folder: Path, arguments: Sequence[str]) -> None:
    """Train in this folder, or go on where a training stopped; a finished one without checkpoints is left alone."""
    if checkpoints(folder):
        main(["--resume", str(folder)])
    elif not is_file(folder / WEIGHTS):
        main(["--out", str(folder), *arguments])


def configured(arguments: Sequence[str]) -> tuple[RunConfig, Path]:
    """The configuration and the run folder of a command line that starts a training.

    Raises `UserError` on wrong input.
    """
    arguments = [*arguments]
    if {"-h", "--help"} & {*arguments}:
        print(USAGE)
    parts = [take_option(arguments, "task", "coloring"), take_option(arguments, "preset", "cpu")]
    parts += [take_option(arguments, "model", "gram")]
    task, preset, model = (str(part) for part in parts)
    guide, init = take_option(arguments, "guide"), take_option(arguments, "init")
    folder = Path(take_option(arguments, "out") or f"runs/{Path(task.partition(':')[0]).stem}")
    base = timed(recipe(task, preset, model, guide), arguments)
    config: RunConfig = parse(RunConfig, "gram_pyro.train", arguments, base)
    return replace(config, init=init or ""), folder


def stopped(resumed: str, others: Sequence[str]) -> tuple[RunConfig, Path]:
    """Configuration and folder of a run to go on with. Raises `UserError` if there is none, or on other options."""
    if others:
        raise UserError(f"--resume repeats the run's own configuration and takes no other option: {others[0]}")
    folder = Path(resumed)
    if not is_folder(folder):
        raise UserError(f"no run folder {resumed!r} to resume")
    return from_json(folder / "config.json"), folder


def fresh(arguments: Sequence[str]) -> tuple[RunConfig, Path]:
    """Configuration and folder of a run to start. Raises `UserError` if the folder holds one."""
    config, folder = configured(arguments)
    if is_folder(folder) and (checkpoints(folder) or is_file(folder / WEIGHTS)):
        raise UserError(f"{folder} holds a run already; choose another --out, or --resume {folder}")
    return config, folder


def started(config: RunConfig, folder: Path, world: World) -> Fit:
    """A run at its first update, which knows its length."""
    try:
        fit = Fit(config, folder, load_run(config.init, "cpu") if config.init else None, world)
        make_folder(folder)
        fit.settle_updates()
    except KeyboardInterrupt:
        raise Interrupted("stopped before the first update, with nothing to resume: start again") from None
    return fit


def again(config: RunConfig, folder: Path, world: World) -> Fit:
    """A run where it was stopped."""
    fit = Fit(config, folder, world=world)
    fit.resume()
    return fit


def announce(fit: Fit, folder: Path) -> None:
    """Say what is trained, and how."""
    world = fit.world
    machine, training = fit.config.machine, fit.config.training
    own = parameters_of(fit.trainer.guide)
    guided = f" and {own:,} of the guide" if own else ""
    together = f" in each of {world.size} processes" if world.size > 1 else ""
    if world.first:
        print(
            f"{folder}: {parameters_of(fit.network):,} parameters{guided}, {training.updates} updates of "
            f"{training.batch} problems, {machine.device}, {machine.precision}, compile {machine.compile}, "
            f"{machine.threads} threads{together}",
            file=sys.stderr,
        )


def main(arguments: list[str]) -> None:
    """Train, or go on with a run."""
    if "--continue" in arguments:
        arguments.remove("--continue")
        _, folder = configured(arguments)
        take_option(arguments, "out")
        train_once(folder, arguments)
        return
    resumed = take_option(arguments, "resume")
    config, folder = fresh(arguments) if resumed is None else stopped(resumed, arguments)
    world = join(choose_device(config.machine.device))
    try:
        with compiler_explained():
            fit = started(config, folder, world) if resumed is None else again(config, folder, world)
            announce(fit, folder)
            fit.run()
    finally:
        world.leave()
    if not world.first:
        return
    check = [row for row in fit.metrics if "validity" in row][-1]
    depth = fit.config.training.depth
    print(
        f"{folder}: after {fit.seconds / 60:.1f} minutes, on unseen problems: validity {check['validity']:.3f} and "
        f"coverage / ceiling {check['ratio']:.3f} at {depth} steps, {check['validity_deep']:.3f} and "
        f"{check['ratio_deep']:.3f} at {DEEP * depth} steps"
    )
    print(f"next: python -m gram_pyro.evaluate {folder}")


if __name__ == "__main__":
    run_cli(main)
