"""A trained model, ready to answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from gram_pyro.errors import UserError
from gram_pyro.guides import Guide, PriorGuide
from gram_pyro.inference.config import AUTO, INDEPENDENT, MAX_NUMBER, SamplingConfig, whole_number
from gram_pyro.inference.judge import judge
from gram_pyro.inference.sampling import sample
from gram_pyro.inference.selection import check_selection, possible
from gram_pyro.inference.selection import select as choose
from gram_pyro.models import Model
from gram_pyro.models.base import Recursion
from gram_pyro.models.heads import Heads
from gram_pyro.runs.store import Run, parameters_of, publish
from gram_pyro.tasks import Answer, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gram_pyro.evaluation.inspection import Inspection

DEPTH_FACTOR, SEARCH_FACTOR = 4, 16
DEPTHS: dict[Recursion, tuple[float, ...]] = {"carried": (1, 2, 4), "planned": (0.25, 0.5, 1), "none": (1,)}
"""Depths of an evaluation, in training depths."""
MAX_DRAWN = 12


class Samples(NamedTuple):
    """Answers to one problem.

    `answers` has one answer a sample, `violations` how many constraints each breaks, and `solutions`
    the distinct answers that break none, in canonical form and in the order they were found. `chosen` is
    the place of the answer that was selected; `values` the value head's opinion of each sample, None
    without one; `spent` the supervision steps that each took.
    """

    answers: list[Answer]
    violations: list[int]
    solutions: list[Answer]
    chosen: int
    values: list[float] | None
    spent: list[int]


class Reasoner:
    """A trained model that draws many different answers to a problem; see `gram_pyro.load` and `gram_pyro.fit`.

    `steps` supervision steps are the default: more than in training, as more are better, most of all in noise.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.task, self.model, self.guide = run.task, run.model, run.guide
        factor = SEARCH_FACTOR if run.model.searches else 1 if run.model.recursion == "planned" else DEPTH_FACTOR
        self.steps = factor * run.depth

    @classmethod
    def of(
        cls, task: Task, model: Model, guide: Guide | None = None, *, depth: int = 16, heads: Heads | None = None
    ) -> Reasoner:
        """Return a reasoner of parts that a loop of one's own trained with `depth` supervision steps.

        A model that was trained with another number of values (`fields`) serves as well.
        """
        model = model.fitted(task.spec)
        device = next(model.parameters()).device
        guide = PriorGuide(task.spec, model) if guide is None else guide
        return cls(Run(task.name, task, model, guide, depth, device, heads))

    def adapted(self, **fields: Any) -> Reasoner:
        """Return the same model for another form of its task: `reasoner.adapted(k=4)` colors graphs with four colors.

        Raises `UserError` if the task has no such field, or if the weights serve only the form they were trained for.
        """
        own = self.task
        try:
            task = replace(own, **fields)  # type: ignore[type-var]
        except TypeError:
            raise UserError(f"the task {own.name} has no field {' or '.join(fields)}; see its class") from None
        kinds = self.model.nameless and {*task.spec.values} <= {*own.spec.values}
        if task.spec != own.spec._replace(values=task.spec.values if kinds else own.spec.values):
            changed = " ".join(f"{name}={value}" for name, value in fields.items())
            raise UserError(f"{self.run.name} cannot answer with {changed}: its weights are those of {own}")
        return Reasoner(self.run._replace(task=task))

    def __repr__(self) -> str:
        model, guide = type(self.model).__name__, type(self.guide).__name__
        parts = f"{model} of {parameters_of(self.model):,} parameters, {guide}"
        heads = "" if self.run.heads is None else ", value and halt heads"
        return f"<Reasoner {self.run.name}: {self.task}, {parts}{heads}, trained with {self.run.depth} steps>"

    @torch.inference_mode(False)
    def sample(
        self,
        problem: Any = None,
        num_samples: int = 20,
        steps: int | None = None,
        seed: int = 0,
        select: str = "checker",
        method: SamplingConfig = AUTO,
        progress: Callable[[int], object] | None = None,
    ) -> Samples:
        """Return `num_samples` answers, from as many prior trajectories of `steps` supervision steps, and select one.

        `select` is first, majority, value (what the value head thinks best of) or checker (what breaks the fewest
        constraints); `method` says how the trajectories run beside each other. By default each halts where its halt
        head is sure, or in noise where its answer settles; `SamplingConfig()` runs all to the last step. `progress` is
        called with the number of steps, of all trajectories together, that were done or are not needed any more.

        A problem is what the task understands; for coloring any undirected `networkx.Graph`, whose
        vertices are answered in order: by number if they are 0..n-1, else in the graph's node order;
        None where the task takes no input.
        The global random state stays as it was. Several threads may share a `Reasoner`; they draw one after the other.
        Raises `UserError` if the problem does not fit the task or the checkpoint, or if the checkpoint has no
        value and halt heads where they are needed.
        """
        num_samples = whole_number("samples", num_samples, 1, MAX_NUMBER)
        steps = self.steps if steps is None else whole_number("steps", steps, 1, MAX_NUMBER)
        seed = whole_number("seed", seed, 0, 2**32 - 1)
        task, model, heads = self.task, self.run.model, self.run.heads
        check_selection(select, heads is not None)
        problem = task.prepare(problem)
        drawn = sample(
            model, task.encode([problem]), num_samples, [steps], seed,
            method=method, heads=heads, equivalence_probs=task.equivalence_probs, progress=progress,
        )  # fmt: skip
        judged = judge(task, problem, drawn.decoded[0, 0].tolist())
        values = None if drawn.values is None else drawn.values[0, 0].tolist()
        chosen, spent = choose(select, judged, values), drawn.spent[0, 0].tolist()
        return Samples(judged.answers, judged.violations, [*dict.fromkeys(judged.valid)], chosen, values, spent)

    def evaluate(
        self,
        problems: int | Sequence[Any] = 255,
        *,
        samples: Sequence[int] = (1, 5, 20),
        steps: Sequence[int] = (),
        select: Sequence[str] = (),
        method: SamplingConfig = INDEPENDENT,
        seed: int = 0,
        data_seed: int = 7,
        bound: bool = True,
        progress: Callable[..., Any] | None = None,
    ) -> dict[str, Any]:
        """Measure samples and the bound on problems, or on so many test problems of `data_seed`.

        `steps` are depths to decode at (default: 1, 2 and 4 times the training depth; where steps are planned, a
        quarter, a half and all of it), `select` ways to choose a sample (default: all that the model can), `progress`
        wraps lists of work, as `tqdm` does.
        Returns what `python -m gram_pyro.evaluate --json` prints: `rows` with validity, coverage, ceiling ...
        """
        from gram_pyro.evaluation.evaluate import evaluate, no_progress  # here: most programs measure nothing
        from gram_pyro.inference.metrics import count_solutions

        task, run = self.task, self.run
        origin = None if isinstance(problems, Sequence) else data_seed
        if not isinstance(problems, Sequence):
            problems = task.generate("test", whole_number("problems", problems, 1, MAX_NUMBER), data_seed)
        shown = no_progress if progress is None else progress
        counts = [count_solutions(task, problem) for problem in shown(problems, desc="solutions")]
        depths = sorted({max(1, round(factor * run.depth)) for factor in DEPTHS[self.model.recursion]})
        measured = evaluate(
            run, problems, counts, samples, steps or depths, seed, shown,
            method=method, selections=select or possible(run.heads is not None), with_bound=bound,
        )  # fmt: skip
        return {"run": run.name, "problems": len(problems), "data_seed": origin, **measured}

    def inspect(self, problem: Any, target: Sequence[int] | None = None, **options: Any) -> Inspection:
        """Look inside prior and posterior on one problem; see `gram_pyro.evaluation.inspect.inspect`."""
        from gram_pyro.evaluation.inspect import inspect  # here: it needs matplotlib

        return inspect(self.run, problem, target, **options)

    def plot(
        self,
        problem: Any = None,
        samples: Samples | None = None,
        path: str | Path | None = None,
        title: str | None = None,
    ) -> Figure:
        """Draw the solutions that were found, or the chosen answer; written as PNG if a path is given.

        Of a pictorial task all samples are drawn, in one sheet.
        """
        from gram_pyro.inference.pictures import draw_answers, draw_sheet  # here: they need matplotlib

        samples = self.sample(problem) if samples is None else samples
        problem = self.task.prepare(problem)
        place = None if path is None else Path(path)
        if self.task.pictorial:
            return draw_sheet(self.task, problem, samples.answers, place, title)
        shown = samples.solutions[:MAX_DRAWN] or [samples.answers[samples.chosen]]
        return draw_answers(self.task, [problem] * len(shown), shown, place, title=title)

    def animate(
        self,
        problem: Any = None,
        path: str | Path = "trajectories.gif",
        num_samples: int = 20,
        steps: int | None = None,
        seed: int = 0,
        method: SamplingConfig = INDEPENDENT,
        progress: Callable[..., Any] | None = None,
    ) -> None:
        """Write a GIF of up to eight prior trajectories of a problem that end in different answers.

        `num_samples` trajectories run `steps` supervision steps (default: the training depth) to choose from, where the
        state is carried as `method` says. Decoded at every step, they are others than those of `sample`.
        `progress` wraps the list of pictures, as `tqdm` does.
        Raises `UserError` if the problem does not fit the task or the checkpoint.
        """
        from gram_pyro.evaluation.evaluate import no_progress  # here: they need matplotlib
        from gram_pyro.inference.animation import animate

        num_samples = whole_number("samples", num_samples, 1, MAX_NUMBER)
        steps = self.run.depth if steps is None else whole_number("steps", steps, 1, MAX_NUMBER)
        seed, shown = whole_number("seed", seed, 0, 2**32 - 1), progress or no_progress
        animate(self.run, self.task.prepare(problem), Path(path), num_samples, steps, seed, shown, method)

    def save(self, folder: str | Path) -> None:
        """Write configuration and weights to a folder that `gram_pyro.load` reads.

        Raises `UserError` if nobody knows how the model was made, or if a part has no name to find it by.
        """
        if self.run.config is None:
            raise UserError("a model of a loop of one's own has no configuration to store; save its state_dict instead")
        publish(Path(folder), self.run.config, self.model, self.guide, self.run.heads)
