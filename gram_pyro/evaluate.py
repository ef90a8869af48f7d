"""Measure a trained model on test problems: `python -m gram_pyro.evaluate RUN`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.config import INDEPENDENT, MAX_NUMBER, SamplingConfig
from gram_pyro.options import Device, Draft, DraftTimes, Json, TrainedRun
from gram_pyro.system.cli import parse, parse_changes, split_prefixed
from gram_pyro.system.files import is_folder, write_atomically
from gram_pyro.system.startup import quick_imports

if TYPE_CHECKING:
    from gram_pyro.tasks import Task


@dataclass(frozen=True)
class Machine:
    """What the network runs on."""

    device: Device = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the network."""
    compile: FlagCreatePairsOff[bool] = False
    """Compile the network first, which takes about a minute and pays where many steps are run."""


@dataclass(frozen=True)
class Output:
    """What is printed and written."""

    json: Json = False
    """Print one JSON object and nothing else."""
    out: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="(default: RUN/evaluation.json)")] = None
    """File for the JSON; the figures go beside it."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a trained model: validity, coverage, conflicts, and its bound.

    Add `--task.FIELD VALUE` for other problems than the task of the run generates: `--task.n 12`.
    """

    run: TrainedRun
    problems: int = 255
    """Number of generated test problems."""
    graphs: Annotated[str | None, arg(aliases=["--boards", "--puzzles"], metavar="PATH", help_behavior_hint="")] = None
    """A file or a folder of problems of your own, instead of generated ones."""
    samples: tuple[int, ...] = (1, 5, 20)
    """Numbers of samples to measure: the first so many, or drawn anew where they know of each other."""
    steps: Annotated[tuple[int, ...], arg(help_behavior_hint="(default: 1, 2 and 4 times the training depth)")] = ()
    """Supervision steps to decode at, up to the planned number where steps are planned."""
    select: Annotated[tuple[str, ...], arg(metavar="NAME [NAME ...]", help_behavior_hint="(default: all)")] = ()
    """Ways to choose one of the samples: first, majority, checker, and value where there is a value head."""
    bound: bool = True
    """Whether to measure the bound too."""
    draft: Draft = None
    draft_times: DraftTimes = None
    data_seed: int = 7
    """Seed of the test problems."""
    seed: int = 0
    """Seed of the samples."""
    skip_bad: FlagCreatePairsOff[bool] = False
    """Leave out bad files of a folder and bad rows of a file, and name them, instead of stopping at the first."""
    method: Annotated[OmitArgPrefixes[SamplingConfig], arg(name="trajectory")] = INDEPENDENT
    machine: Annotated[OmitArgPrefixes[Machine], arg(name="machine")] = Machine()
    output: Annotated[OmitArgPrefixes[Output], arg(name="output")] = Output()


def problems_of(config: EvaluateConfig, task: Task) -> list[Any]:
    """Return generated problems, or the solvable ones of a file or folder. Raises `UserError` if there is none."""
    if config.graphs is None:
        if config.skip_bad and not hasattr(task, "skip_bad"):
            raise UserError(f"--skip-bad is for files, and {task.name} generates its problems; add --graphs PATH")
        own = replace(task, skip_bad=True) if config.skip_bad else task  # type: ignore[type-var]
        return own.generate("test", config.problems, config.data_seed)
    loaded = [task.prepare(problem) for problem in task.load(config.graphs, config.skip_bad)]
    problems, count = [problem for problem in loaded if task.solvable(problem)], len(loaded)
    if not problems:
        raise UserError(f"{config.graphs}: none of {count} problems is known to be solvable; nothing to measure")
    if len(problems) < count:
        print(f"{count - len(problems)} of {count} problems left out: not known to be solvable", file=sys.stderr)
    return problems


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as aligned plain text; a column of problems solved for each way to select, where rows have any."""

    def cell(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)

    flat = [{**row, **row.get("accuracy", {})} for row in rows]
    names = [name for name in flat[0] if name != "accuracy"]
    lines = [names, *([cell(row[name]) for name in names] for row in flat)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


def report(result: dict[str, Any]) -> str:
    """Return what a person reads."""
    origin = "" if result["data_seed"] is None else f" (data seed {result['data_seed']})"
    title = f"{result['run']}: {result['problems']} problems{origin}, trained with {result['depth']} steps"
    quality = result.get("quality")
    lines = [title, table(quality or result["rows"])]
    if quality and result["quality_note"]:
        lines.append(result["quality_note"])
    if not quality and (uncounted := result["uncounted"]):
        lines.append(f"coverage leaves out {uncounted} problems whose solutions are too many to count")
    if result["bound"]:
        gap = "" if result["gap"] is None else f", gap to one sample {result['gap']:.3f}"
        excess, error, nll, entropy = (result["bound"][name] for name in ("excess", "standard_error", "nll", "entropy"))
        spread = "" if error is None else f" +- {error:.3f}"
        name, parts = ("-ELBO - H(y | x)", f" (-ELBO {nll:.3f}, H {entropy:.3f})") if entropy else ("-ELBO", "")
        lines.append(f"bound: {name} = {excess:.3f}{spread} nats a problem{parts}")
        if not quality:
            lines.append(f"posterior validity {result['posterior_validity']:.3f}{gap}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run the command line. Raises `UserError` on wrong input."""
    arguments, changes = split_prefixed(arguments, "--task.")
    config: EvaluateConfig = parse(EvaluateConfig, "gram_pyro.evaluate", arguments)
    numbers = (config.problems, *config.samples, *config.steps)
    if not config.samples or not all(1 <= number <= MAX_NUMBER for number in numbers):
        raise UserError(f"--problems, --samples and --steps must each lie between 1 and {MAX_NUMBER:,}")
    if not (0 <= config.seed < 2**32 and 0 <= config.data_seed < 2**32):
        raise UserError("--seed and --data-seed must lie between 0 and 2**32 - 1")
    machine, output = config.machine, config.output
    if output.out and is_folder(output.out):
        raise UserError(f"--out takes a file, but {output.out} is a folder")
    with quick_imports():  # here: --help needs none of them
        from tqdm import tqdm

        from gram_pyro.evaluation.scaling import draw_figures
        from gram_pyro.inference.selection import check_selection
        from gram_pyro.reasoner import Reasoner
        from gram_pyro.runs.machine import compile_network
        from gram_pyro.runs.store import load_run
        from gram_pyro.system.machine import arithmetic, compiler_explained

    reasoner = Reasoner(load_run(config.run, machine.device, config.draft, config.draft_times))
    if changes:
        reasoner = reasoner.adapted(**parse_changes(reasoner.task, "task", "gram_pyro.evaluate", changes))
    run = reasoner.run
    for name in config.select:
        check_selection(name, run.heads is not None)
    config.method.check(run.model, run.heads)
    progress = partial(tqdm, disable=output.json and not sys.stderr.isatty(), leave=False)
    options = {name: getattr(config, name) for name in ("samples", "steps", "select", "method", "seed", "bound")}
    problems = problems_of(config, run.task)
    if machine.compile:
        compile_network(run.model)
    with arithmetic(run.device, machine.precision), compiler_explained():
        result = reasoner.evaluate(problems, progress=progress, **options)
    result["precision"] = machine.precision
    result["data_seed"] = config.data_seed if config.graphs is None else None
    out = Path(output.out) if output.out else None if run.folder is None else run.folder / "evaluation.json"
    if out:
        write_atomically(out, (json.dumps(result, indent=2) + "\n").encode())
        if "quality" not in result:
            draw_figures(result, out)
    print(json.dumps(result) if output.json else report(result))


if __name__ == "__main__":
    run_cli(main)
