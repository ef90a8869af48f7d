"""How the prior does on problems that training does not see."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gram_pyro.inference.metrics import count_solutions, measure
from gram_pyro.inference.pictures import draw_samples
from gram_pyro.inference.sampling import sample
from gram_pyro.models.base import Model
from gram_pyro.system.distributed import World
from gram_pyro.tasks.base import Task

DEEP = 2  # samples are measured at the training depth, and this many times deeper
PROBLEMS = 64
SAMPLES = 20
PART = 8  # one problem of so many is tried first, to see how long all take
PATIENCE = 1.0  # seconds that these may take, for all problems to be tried


class Validation:
    """Validity and coverage of prior samples on validation problems; the processes of a `world` share the sampling."""

    def __init__(
        self, task: Task, depth: int, seed: int, world: World, device: torch.device, count: int | None = None
    ) -> None:
        self.task, self.steps, self.seed, self.world, self.device = task, (depth, DEEP * depth), seed, world, device
        self.problems = task.generate("validation", max(PROBLEMS, count or 0), seed)[:count]
        self.samples = SAMPLES if task.blank is None else 1  # problems without an input are all the same
        self.counts = [count_solutions(task, problem) for problem in self.problems]

    @property
    def cost(self) -> int:
        """Supervision steps of all samples together."""
        return len(self.problems) * self.samples * self.steps[-1]

    def measure(self, model: Model, picture: Path | None, count: int | None = None) -> dict[str, float]:
        """Return a row of the log, at the training depth and `DEEP` times as deep; draw samples if there is a path.

        `count` problems are measured, all by default.
        """
        problems, counts = self.problems[:count], self.counts[:count]
        decoded = self.sampled(model, len(problems))
        if picture is not None:
            draw_samples(self.task, problems, decoded[1], picture)
        pairs = zip(decoded, self.steps, strict=True)
        usual, deep = (measure(self.task, problems, values, self.samples, depth, counts) for values, depth in pairs)
        row = {name: getattr(usual, name) for name in self.task.scores}
        row |= {f"{name}_deep": getattr(deep, name) for name in self.task.scores if name != "coverage"}
        if self.task.blank is not None:
            for values, end in zip(decoded, ("", "_deep"), strict=True):
                answers = [self.task.answer(*pair) for pair in zip(problems, values[:, 0].tolist(), strict=True)]
                row |= {f"{name}{end}": score for name, score in self.task.logged_quality(answers).items()}
        return {name: round(value or 0.0, 5) for name, value in row.items()}

    def fit(self, model: Model, picture: Path | None, clock: Callable[[], float], most: float = math.inf) -> float:
        """Return about how long `measure` takes on a `clock` [s], with fewer problems from here on, an eighth at least,
        if all would take longer than `most`.

        Where an eighth of the problems is slow, the rest is not tried: it would cost much of the training.
        """
        few, began = max(1, len(self.problems) // PART), clock()
        self.measure(model, None, few)
        took = clock() - began
        if self.world.any([took > PATIENCE], self.device)[0]:
            fitting = min(len(self.problems), most / took * few)
            (kept,) = self.world.broadcast([max(few, int(fitting))], self.device)
            self.problems, self.counts = self.problems[:kept], self.counts[:kept]
            return kept / few * took
        began = clock()
        self.measure(model, picture)
        return clock() - began

    def sampled(self, model: Model, count: int) -> list[Tensor]:
        """Return decoded values of the first `count` problems at each depth, `(problems, samples, length)`."""
        world = self.world
        each = -(-count // world.size)
        own = range(world.rank * each, (world.rank + 1) * each)
        problems = self.task.encode([self.problems[min(i, count - 1)] for i in own])
        decoded = sample(model, problems, self.samples, self.steps, self.seed + world.rank).decoded
        return [world.gather(values.to(self.device))[:count].cpu() for values in decoded]
