"""From a configuration to a trained model: the one way that commands, comparisons and Python take."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import torch

from gram_pyro.errors import UserError
from gram_pyro.inference.sampling import seeded
from gram_pyro.runs.checkpoint import checkpoints
from gram_pyro.runs.config import RunConfig, from_json
from gram_pyro.runs.store import WEIGHTS, load_run, parameters_of
from gram_pyro.system.distributed import ALONE, World, join
from gram_pyro.system.files import is_file, is_folder
from gram_pyro.system.machine import choose_device, compiler_explained
from gram_pyro.system.signals import Interrupted
from gram_pyro.training.training_run import TrainingRun


def start_run(config: RunConfig, folder: Path | None, world: World = ALONE, *, quiet: bool = False) -> TrainingRun:
    """Return a run at its first update, which knows its schedule. Raises `UserError` if the folder holds a run."""
    if folder is not None and is_folder(folder) and (checkpoints(folder) or is_file(folder / WEIGHTS)):
        raise UserError(f"{folder} holds a run already; choose another --out, or --resume {shlex.quote(str(folder))}")
    config = replace(config, task=config.task.settled())
    try:
        run = TrainingRun(config, folder, load_run(config.init, "cpu") if config.init else None, world, quiet=quiet)
        run.prepare()
    except KeyboardInterrupt:
        raise Interrupted("stopped before the first update, with nothing to resume: start again") from None
    return run


def resume_run(folder: Path, world: World = ALONE, *, quiet: bool = False) -> TrainingRun:
    """Return a run where it was stopped. Raises `UserError` if the folder holds none."""
    run = TrainingRun(from_json(folder / "config.json"), folder, world=world, quiet=quiet)
    run.resume()
    return run


def announce(run: TrainingRun) -> None:
    """Print what is trained, and how."""
    world, machine, training = run.world, run.config.machine, run.config.training
    own = parameters_of(run.trainer.guide)
    guided = f" and {own:,} of the guide" if own else ""
    together = f" in each of {world.size} processes" if world.size > 1 else ""
    work = f"{parameters_of(run.trainer.model):,} parameters{guided}, {training.updates} updates of {training.batch}"
    where = f"{machine.device}, {machine.precision}, compile {machine.compile}, {machine.threads} threads{together}"
    print(f"{run.folder or 'in memory'}: {work} problems, {where}", file=sys.stderr)


def train(config: RunConfig, folder: Path | None = None, resume: bool = False, *, quiet: bool = False) -> TrainingRun:
    """Train to the end and return the run, with its averaged weights in `.model` and `.guide`.

    It is kept in `folder`, or in memory alone; with `resume`, a run in the folder goes on where it was stopped.
    Processes that torchrun started train together. A `quiet` training shows no progress. The caller's generators and
    number of threads stay as they were.
    Raises `UserError` for parts that do not fit, `Interrupted` on Ctrl-C, `Diverged` if the loss is not finite.
    """
    threads = torch.get_num_threads()
    world = join(choose_device(config.machine.device))
    try:
        with compiler_explained(), seeded(config.training.seed):
            if resume and folder is not None:
                run = resume_run(folder, world, quiet=quiet)
            else:
                run = start_run(config, folder, world, quiet=quiet)
            if world.is_main and not quiet:
                announce(run)
            run.run()
    finally:
        world.close()
        torch.set_num_threads(threads)
    return run


def train_once(config: RunConfig, folder: Path) -> TrainingRun | None:
    """Train in this folder, or go on where a training stopped; None where one is finished and has no checkpoints."""
    if checkpoints(folder):
        return train(from_json(folder / "config.json"), folder, resume=True)
    return None if is_file(folder / WEIGHTS) else train(config, folder)
