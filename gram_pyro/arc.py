"""Answer ARC puzzles by votes over views, and score them: `python -m gram_pyro.arc RUN`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.config import AUTO, MAX_NUMBER, SamplingConfig
from gram_pyro.options import Device, Json, TrainedRun
from gram_pyro.system.cli import parse
from gram_pyro.system.files import is_folder, write_atomically
from gram_pyro.system.startup import quick_imports


@dataclass(frozen=True)
class Output:
    """What is printed and written."""

    submission: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="(default: RUN/submission.json)")] = None
    """File for two attempts at each test, in the official form."""
    predictions: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """File for every prediction, and what was to be predicted, to score them again by other code."""
    json: Json = False
    """Print one JSON object and nothing else."""


@dataclass(frozen=True)
class ArcConfig:
    """Answer ARC puzzles by votes over views, and score them by the official protocol."""

    run: TrainedRun
    puzzles: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="(default: those of its data)")] = None
    """File or folder of puzzles whose demonstrations were trained."""
    views: Annotated[int | None, arg(help_behavior_hint="(default: as many as were trained)")] = None
    """Number of views of each test."""
    samples: int = 4
    """Number of samples of each view."""
    steps: Annotated[int | None, arg(help_behavior_hint="(default: 4 times the training depth)")] = None
    """Supervision steps of a sample."""
    seed: int = 0
    """Seed of the samples."""
    device: Device = "auto"
    method: Annotated[OmitArgPrefixes[SamplingConfig], arg(name="trajectory")] = AUTO
    output: Annotated[OmitArgPrefixes[Output], arg(name="output")] = Output()


def report(result: dict[str, Any]) -> str:
    """Return what a person reads."""
    tasks, scored = result["tasks"], result["scored"]
    how = f"{result['views']} views, {result['samples']} samples each, {result['steps']} steps"
    lines = [f"{result['run']}: {tasks} tasks, two attempts a test, {how}"]
    names = {"no_views": "no views", "votes": "votes", "votes_and_width": "votes and width"}
    if scored:
        lines += [f"  {label:16} {100 * result[name]:6.2f} %" for name, label in names.items()]
    if scored < tasks:
        lines.append(f"{tasks - scored} tasks are not scored: an output is not known")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run the command line. Raises `UserError` on wrong input."""
    config: ArcConfig = parse(ArcConfig, "gram_pyro.arc", arguments)
    for name in ("views", "samples", "steps"):
        if not 1 <= (getattr(config, name) or 1) <= MAX_NUMBER or getattr(config, name) == 0:
            raise UserError(f"--{name} must lie between 1 and {MAX_NUMBER:,}")
    if not 0 <= config.seed < 2**32:
        raise UserError("--seed must lie between 0 and 2**32 - 1")
    with quick_imports():  # here: --help needs none of them
        from tqdm import tqdm

        from gram_pyro.evaluation.arc import measure, predict, settings
        from gram_pyro.reasoner import Reasoner
        from gram_pyro.runs.store import load_run
        from gram_pyro.tasks import Arc
        from gram_pyro.tasks.arc.files import read_puzzles
        from gram_pyro.tasks.arc.protocol import attempts_of, record, submission

    output = config.output
    for option, path in (("submission", output.submission), ("predictions", output.predictions)):
        if path and is_folder(path):
            raise UserError(f"--{option} takes a file, but {path} is a folder")
    reasoner = Reasoner(load_run(config.run, config.device))
    run, task = reasoner.run, reasoner.task
    if not isinstance(task, Arc):
        raise UserError(f"{run.name} is no run of the task arc, but of {task.name}")
    views, steps = config.views or task.views, config.steps or reasoner.steps
    if views > task.views:
        raise UserError(f"--views is {views}, but {run.name} was trained with {task.views} views")
    puzzles = task.data_set.scored if config.puzzles is None else tuple(read_puzzles(config.puzzles))
    tests = task.tests_of(puzzles, config.puzzles or task.data or "the embedded rules")
    progress = partial(tqdm, disable=output.json and not sys.stderr.isatty(), leave=False)
    predictions = predict(run, tests, views, config.samples, steps, config.seed, config.method, progress)
    result = {"run": run.name, **settings(views, config.samples, steps, config.seed, config.method)}
    result |= measure(puzzles, predictions)
    own = None if run.folder is None else run.folder / "submission.json"
    place = Path(output.submission) if output.submission else own
    if place:
        write_atomically(place, (json.dumps(submission(puzzles, attempts_of(predictions))) + "\n").encode())
    if output.predictions:
        write_atomically(Path(output.predictions), record(run.name, puzzles, predictions).encode())
    print(json.dumps(result) if output.json else report(result))
    if place and not output.json:
        print(f"submission: {place}")


if __name__ == "__main__":
    run_cli(main)
