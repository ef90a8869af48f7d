"""The library from Python: train a model, or load a trained one."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.reasoner import Reasoner
from gram_pyro.runs.config import Part
from gram_pyro.runs.machine import MachineConfig
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import Run, load_run
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks.base import Task
from gram_pyro.training.objective import OBJECTIVES
from gram_pyro.training.run import train


def load(
    run: str, device: str = "auto", draft: str | None = None, draft_times: tuple[float, float] | None = None
) -> Reasoner:
    """Return a trained model, from a run folder or by the name of a checkpoint that comes with the package.

    `device` is auto (CUDA where there is one), cpu, cuda or cuda:1. `draft` is another schedule for noisy drafts than
    that of the training: constant searches for one solution, cosine finds many. `draft_times` are other times of the
    first and the last draft, from 0 (all noise) to 1 (the answer).
    Raises `gram_pyro.UserError` if there is no such run, or if its model draws no drafts and one of these is given.

    Examples
    --------
    >>> import networkx as nx
    >>> reasoner = load("coloring")  # doctest: +SKIP
    >>> reasoner.sample(nx.petersen_graph()).solutions  # doctest: +SKIP
    """
    return Reasoner(load_run(run, device, draft, draft_times))


def fit(
    task: Part | Task,
    *,
    model: Part | None = None,
    guide: Part | None = None,
    objective: str = "elbo",
    minutes: float | None = None,
    updates: int | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
    **training: Any,
) -> Reasoner:
    """Train a model on a task and return it, ready to answer.

    Raises `gram_pyro.UserError` if parts or options do not fit together.

    Parameters
    ----------
    task
        A name, a class or function that makes one, or an instance.
    model
        The same; by default that of the task's recipe.
    guide
        The same; by default that of the model.
    objective
        Name of what is minimised: elbo, importance, wake_sleep or constraint.
    minutes
        How long to train; by default as long as the recipe says.
    updates
        So many updates instead.
    out
        Folder of the run; None leaves nothing on the disk.
    quiet
        Whether to show no progress.
    training
        Fields of `TrainingConfig` (batch, depth, learning_rate ...) and `MachineConfig` (device, threads ...).

    Examples
    --------
    >>> reasoner = fit("coloring", minutes=5)  # doctest: +SKIP
    """
    if minutes is not None and updates is not None:
        raise UserError("minutes and updates both say how long to train; give one of them")
    if objective not in OBJECTIVES:
        raise UserError(f"unknown objective {objective!r}; known are {', '.join(OBJECTIVES)}")
    config = recipe(task, model=model, guide=guide)
    machine = {field.name: training.pop(field.name) for field in fields(MachineConfig) if field.name in training}
    if unknown := sorted(training.keys() - {field.name for field in fields(TrainingConfig)}):
        raise UserError(f"unknown options of fit: {', '.join(unknown)}; see gram_pyro.runs.training_config")
    training["objective"] = objective
    if minutes is not None or updates is not None:
        training |= {"updates": updates} if minutes is None else {"updates": None, "minutes": minutes}
    config = replace(config, training=replace(config.training, **training), machine=replace(config.machine, **machine))
    run = train(config, None if out is None else Path(out), quiet=quiet)
    name, depth = config.task.name if out is None else Path(out).name, config.training.depth
    own_model, own_guide = run.model.eval(), run.guide.eval()  # averages, which have no gradient
    return Reasoner(Run(name, config.task, own_model, own_guide, depth, run.device, run.heads, run.folder, run.config))
