"""From a configuration to a trained model in its folder."""

from __future__ import annotations

import sys
from pathlib import Path

from gram_pyro.runs.checkpoint import checkpoints
from gram_pyro.runs.config import RunConfig, from_json
from gram_pyro.runs.store import WEIGHTS, load_run
from gram_pyro.system.distributed import World, join
from gram_pyro.system.files import is_file, make_folder
from gram_pyro.system.machine import choose_device, compiler_explained
from gram_pyro.system.signals import Interrupted
from gram_pyro.training.training_run import TrainingRun, parameters_of


def start_run(config: RunConfig, folder: Path, world: World) -> TrainingRun:
    """A run at its first update, which knows its length."""
    try:
        fit = TrainingRun(config, folder, load_run(config.init, "cpu") if config.init else None, world)
        make_folder(folder)
        fit.settle_updates()
    except KeyboardInterrupt:
        raise Interrupted("stopped before the first update, with nothing to resume: start again") from None
    return fit


def resume_run(config: RunConfig, folder: Path, world: World) -> TrainingRun:
    """A run where it was stopped."""
    fit = TrainingRun(config, folder, world=world)
    fit.resume()
    return fit


def announce(fit: TrainingRun, folder: Path) -> None:
    """Say what is trained, and how."""
    world = fit.world
    machine, training = fit.config.machine, fit.config.training
    own = parameters_of(fit.trainer.guide)
    guided = f" and {own:,} of the guide" if own else ""
    together = f" in each of {world.size} processes" if world.size > 1 else ""
    if world.is_main:
        print(
            f"{folder}: {parameters_of(fit.network):,} parameters{guided}, {training.updates} updates of "
            f"{training.batch} problems, {machine.device}, {machine.precision}, compile {machine.compile}, "
            f"{machine.threads} threads{together}",
            file=sys.stderr,
        )


def train(config: RunConfig, folder: Path, resume: bool = False) -> TrainingRun:
    """Train to the end, or go on with a run that was stopped; processes that torchrun started do it together."""
    world = join(choose_device(config.machine.device))
    try:
        with compiler_explained():
            run = resume_run(config, folder, world) if resume else start_run(config, folder, world)
            announce(run, folder)
            run.run()
    finally:
        world.close()
    return run


def train_once(config: RunConfig, folder: Path) -> TrainingRun | None:
    """Train in this folder, or go on where a training stopped; None where one is finished and has no checkpoints."""
    if checkpoints(folder):
        return train(from_json(folder / "config.json"), folder, resume=True)
    return None if is_file(folder / WEIGHTS) else train(config, folder)
