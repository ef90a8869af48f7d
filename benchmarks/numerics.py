"""`python -m benchmarks.numerics`: the fast paths against float64, and long runs in bfloat16."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyro
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from tqdm import tqdm

from benchmarks.report import Options, Row, publish
from benchmarks.settings import LARGE, RECIPE, Case, Setting, build
from gram_pyro.errors import UserError, run_cli
from gram_pyro.guides import GUIDES
from gram_pyro.models import Gram, GramConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.machine import compile_network
from gram_pyro.runs.recipes import recipe
from gram_pyro.system.cli import parse
from gram_pyro.tasks import TASKS
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.trainer import Trainer

PATHS = ("float32", "float32 compiled", "bfloat16", "bfloat16 compiled")
STEPS = 4
TINY = GramConfig(width=32, heads=4, layers=1, hidden=64)


@dataclass(frozen=True)
class NumericsOptions(Options):
    """Relative errors of loss and gradient over four transitions; or --updates in bfloat16 on every task."""

    updates: int = 0
    """Train so many updates of a small network in bfloat16 on each task instead, and look for what is not finite."""
    tasks: tuple[str, ...] = ("coloring", "nqueens", "sudoku")
    """Tasks of the long runs."""


class SameNoise(TorchFunctionMode):
    """Normal noise drawn in float32, whatever it is needed in."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func is Tensor.normal_:
            return args[0].copy_(torch.empty(args[0].shape).normal_())
        return func(*args, **(kwargs or {}))


def wider(case: Case) -> Case:
    """The same network and batch in float64."""
    model, guide = copy.deepcopy((case.model, case.guide))
    x = case.problems
    relations = None if x.relations is None else x.relations.double()
    state = case.state.map(torch.Tensor.double)
    return Case(model.double(), guide.double(), Problems(x.tokens, relations), case.targets, state)


def measured(case: Case, seed: int, context: AbstractContextManager[Any]) -> tuple[Tensor, Tensor]:
    """Loss, and gradient as one vector, of the full ELBO over some transitions; on equal noise."""
    model, guide, problems, targets, state = case
    parameters = [*model.parameters(), *guide.parameters()]
    for parameter in parameters:
        parameter.grad = None
    torch.manual_seed(seed)
    with context, SameNoise():
        loss = (
            TruncatedTrace_ELBO(None, balance=0.8).terms(model, guide, problems, targets, state=state, steps=STEPS).loss
        )
        loss.backward()  # type: ignore[no-untyped-call]
    gradient = torch.cat([p.grad.flatten().double() for p in parameters if p.grad is not None])
    return loss.detach().double(), gradient


def errors(setting: Setting, seed: int) -> list[Row]:
    """A row for each path."""
    case = build(setting, seed)
    loss, gradient = measured(wider(case), seed, nullcontext())
    rows = []
    for path in PATHS:
        ours = copy.deepcopy(case)
        if "compiled" in path:
            compile_network(ours.model)
        half = path.startswith("bfloat16")
        context = torch.autocast("cpu", torch.bfloat16) if half else nullcontext()
        our_loss, our_gradient = measured(ours, seed, context)
        rows.append(
            {
                "setting": asdict(setting),
                "path": path,
                "loss": ((our_loss - loss).abs() / loss.abs()).item(),
                "gradient": ((our_gradient - gradient).norm() / gradient.norm()).item(),
                "cosine": torch.cosine_similarity(our_gradient, gradient, 0).item(),
            }
        )
    return rows


def long_run(name: str, updates: int, seed: int) -> Row:
    """Updates in bfloat16 until one is not finite, or all were."""
    base = recipe(name, model="gram")
    task, training = base.task, replace(base.training, updates=updates, batch=16, problems=500, seed=seed)
    torch.manual_seed(seed)
    model = Gram(task.spec, TINY)
    guide = GUIDES.find(base.guide)(task.spec, model)
    problems = task.generate("train", training.problems, seed)
    trainer = Trainer(model, guide, Pool(task, problems), training, updates)
    first = last = 0.0
    with tqdm(total=updates, desc=name, file=sys.stderr) as bar, torch.autocast("cpu", torch.bfloat16):
        for done in range(1, updates + 1):
            seen = trainer.update()
            last = seen.loss.item()
            first = first or last
            bar.update()
            if not (seen.loss.isfinite() and seen.gradient_norm.isfinite()):
                return {"task": name, "finite": done - 1, "updates": updates, "first_loss": first, "last_loss": last}
    return {"task": name, "finite": updates, "updates": updates, "first_loss": first, "last_loss": last}


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(NumericsOptions, "benchmarks.numerics", arguments)
    unknown = [name for name in options.tasks if name not in TASKS]
    if unknown or options.updates < 0:
        raise UserError(f"known tasks are {', '.join(TASKS)}, and --updates must be 0 or more")
    pyro.enable_validation(False)  # as training does
    columns: dict[str, Callable[[Row], str]]
    if options.updates:
        rows = [long_run(name, options.updates, options.seed) for name in options.tasks]
        columns = {
            "task": lambda row: row["task"],
            "updates": lambda row: str(row["updates"]),
            "finite": lambda row: str(row["finite"]),
            "loss": lambda row: f"{row['first_loss']:.3f} to {row['last_loss']:.3f}",
        }
    else:
        rows = [row for setting in (RECIPE, LARGE) for row in errors(setting, options.seed)]
        columns = {
            "setting": lambda row: row["setting"]["name"],
            "path": lambda row: row["path"],
            "loss": lambda row: f"{row['loss']:.1e}",
            "gradient": lambda row: f"{row['gradient']:.1e}",
            "cosine": lambda row: f"{row['cosine']:.6f}",
        }
    publish("numerics", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
