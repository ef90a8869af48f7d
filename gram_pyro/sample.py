"""Solve a problem in many ways: `python -m gram_pyro.sample RUN --graph FILE`, `--board`, `--puzzle` ..."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import OmitArgPrefixes, arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference.config import AUTO, SamplingConfig
from gram_pyro.options import Device, Draft, DraftTimes, Json, Problem, TrainedRun
from gram_pyro.system.cli import parse
from gram_pyro.system.files import is_file, is_folder
from gram_pyro.system.startup import quick_imports

if TYPE_CHECKING:
    from gram_pyro.reasoner import Reasoner, Samples
    from gram_pyro.tasks import Task


@dataclass(frozen=True)
class Output:
    """What is printed and written."""

    out: Annotated[
        str | None, arg(metavar="PATH", help_behavior_hint="(default: NAME-solutions.png or -samples.png)")
    ] = None
    """PNG file for the picture, or a folder for it."""
    animate: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """GIF file or folder: up to eight more trajectories to different answers, as many steps as in training."""
    json: Json = False
    """Print one JSON object and nothing else; no picture unless --out names one."""


@dataclass(frozen=True)
class SampleConfig:
    """Draw many different solutions of one problem, each checked."""

    run: TrainedRun
    graph: Problem = None
    samples: int = 20
    """Number of samples."""
    steps: Annotated[int | None, arg(help_behavior_hint="(default: 4 times the training depth)")] = None
    """Supervision steps, at most if trajectories halt; 16 times in noise that stays, once where steps are planned."""
    select: Annotated[str, arg(metavar="first|majority|value|checker")] = "checker"
    """How the answer is chosen among the samples."""
    draft: Draft = None
    draft_times: DraftTimes = None
    colors: Annotated[str | None, arg(metavar="K|auto", help_behavior_hint="(default: as trained)")] = None
    """For graphs: how many colors to color with; auto: the fewest in which a sample succeeds."""
    seed: int = 0
    """Seed of the samples."""
    device: Device = "auto"
    method: Annotated[OmitArgPrefixes[SamplingConfig], arg(name="trajectory")] = AUTO
    output: Annotated[OmitArgPrefixes[Output], arg(name="output")] = Output()


def summary(task: Task, problem: Any, samples: Samples, select: str) -> dict[str, Any]:
    """Return what `--json` prints."""
    valid, count = samples.violations.count(0), len(samples.answers)
    singular, feasible = task.wording.singular, task.feasible
    solvable = True if valid else task.solvable(problem)
    failed = f"no solution was found in {count} sample{'s' * (count > 1)}"
    message = {
        True: f"{failed}, though the {singular} is {feasible}",
        False: f"no solution exists: the {singular} is not {feasible}",
        None: f"{failed}; whether the {singular} is {feasible} is undecided",
    }[solvable]
    checked = task.pictorial or task.checks(problem)
    if not checked:
        message = (
            f"{count} samples, {len({*samples.answers})} of them distinct; no solution is known to check them with"
        )
    elif task.pictorial:
        true = f", {valid} {task.wording.valid}" if task.checks(problem) else ""
        message = f"{count} {singular}{'s' * (count > 1)} drawn, {len({*samples.answers})} of them distinct{true}"
    elif valid:
        distinct = f", {len(samples.solutions)} of them {task.wording.distinct}" if valid > 1 else ""
        message = f"{valid} of {count} samples {'are' if valid > 1 else 'is'} valid{distinct}"
    return {
        "samples": count,
        "valid": valid if checked else None,
        "conflicts": samples.violations,
        "answers": [task.to_json(answer) for answer in samples.answers],
        **task.details(problem),
        "solutions": [task.to_json(solution) for solution in samples.solutions if checked],
        "select": select,
        "answer": task.to_json(task.canonical(samples.answers[samples.chosen])),
        "answer_conflicts": samples.violations[samples.chosen],
        "values": samples.values,
        "evaluations": sum(samples.spent),
        task.wording.feasible: solvable if checked else None,
        "message": message,
    }


def report(task: Task, problem: Any, samples: Samples, result: dict[str, Any]) -> str:
    """Return what a person reads: each solution once, then the answer that was selected; no images as text."""
    if task.pictorial:
        return str(result["message"])
    texts = [task.text(problem, solution) for solution in samples.solutions]
    answer = task.text(problem, task.canonical(samples.answers[samples.chosen]))
    gap, before = ("\n\n", "\n") if "\n" in answer else ("\n", " ")
    chosen = f"answer chosen by {result['select']}"
    if conflicts := result["answer_conflicts"]:
        last = f"{chosen} ({conflicts} constraint{'s' * (conflicts > 1)} violated):{before}{answer}"
    else:
        kind = "answer" if result["valid"] is None else "solution"
        last = f"{chosen}: {kind} {texts.index(answer) + 1} of {len(texts)}"
    return gap.join([result["message"], *texts, last])


def picture_path(option: str, target: str, name: str) -> Path:
    """Return where a picture goes that is called `name` in a folder. Raises `UserError` for another kind of file."""
    path, suffix = Path(target), Path(name).suffix
    if is_folder(path) or not path.suffix:
        return path / name
    if path.suffix.lower() != suffix:
        raise UserError(f"--{option} must be a {suffix} file or a folder, not {target}")
    return path


def name_of(source: str | None, task: Task) -> str:
    """Return what pictures of a problem are called: as its file, or as the task calls a problem."""
    named = source is not None and is_file(source)
    return Path(str(source).removesuffix(".gz")).stem if named else task.wording.singular


def problem_of(source: str | None, task: Task, program: str = "gram_pyro.sample") -> Any:
    """Return the one problem that an option gives, or the one without input. Raises `UserError` if there is none."""
    singular = task.wording.singular
    loaded = [task.blank] if source is None else task.read(source)
    if loaded == [None]:
        raise UserError(f"missing: --{singular} FILE, the {singular} to solve; see python -m {program} --help")
    if len(loaded) != 1:
        raise UserError(f"{source} holds {len(loaded)} problems; --{singular} takes one")
    return task.prepare(loaded[0])


def colored(reasoner: Reasoner, problem: Any, config: SampleConfig) -> tuple[Reasoner, str]:
    """Return the reasoner for the colors that `--colors` asks for, and what is known of fewer after "auto"."""
    from gram_pyro.tasks import Coloring  # here: --help needs none of it
    from gram_pyro.tasks.coloring.fewest import color_number, fewest_colors

    if config.colors is None:
        return reasoner, ""
    if not isinstance(reasoner.task, Coloring):
        raise UserError(f"--colors is for graphs, and {reasoner.run.name} solves a {reasoner.task.wording.singular}")
    if config.colors != "auto":
        return reasoner.adapted(k=color_number(config.colors, problem)), ""

    def succeeds(k: int) -> bool:
        chosen = reasoner.adapted(k=k).sample(problem, config.samples, config.steps, config.seed, method=config.method)
        return 0 in chosen.violations

    fewest, note = fewest_colors(problem, succeeds)
    return reasoner.adapted(k=fewest), f"; {note}"


def main(arguments: list[str]) -> None:
    """Run the command line. Raises `UserError` on wrong input."""
    config: SampleConfig = parse(SampleConfig, "gram_pyro.sample", arguments)
    with quick_imports():  # here: --help needs none of them
        from tqdm import tqdm

        from gram_pyro.reasoner import Reasoner
        from gram_pyro.runs.store import load_run

    reasoner = Reasoner(load_run(config.run, config.device, config.draft, config.draft_times))
    problem = problem_of(config.graph, reasoner.task)
    reasoner, note = colored(reasoner, problem, config)
    task = reasoner.task
    name = name_of(config.graph, task)
    kind = "samples" if task.pictorial else "solutions"
    path = picture_path("out", config.output.out or ".", f"{name}-{kind}.png")
    animation = picture_path("animate", config.output.animate or ".", f"{name}-trajectories.gif")
    total = config.samples * (config.steps or reasoner.steps)
    quiet = config.output.json and not sys.stderr.isatty()
    with tqdm(total=total, desc="steps", unit_scale=True, delay=1, leave=False, disable=quiet) as bar:
        samples = reasoner.sample(
            problem, config.samples, config.steps, config.seed, config.select, config.method, bar.update
        )
    result = summary(task, problem, samples, config.select)
    if config.colors is not None:
        k = task.spec.classes
        result |= {"colors": k, "message": f"{k} colors: {result['message']}{note}"}
    print(json.dumps(result) if config.output.json else report(task, problem, samples, result), flush=True)
    if config.output.out or not config.output.json:
        reasoner.plot(problem, samples, path, result["message"])
    if config.output.animate:
        shown = partial(tqdm, delay=1, leave=False, disable=quiet)
        reasoner.animate(problem, animation, config.samples, config.steps, config.seed, config.method, shown)
    if not config.output.json:
        print(f"picture: {path}", *([f"animation: {animation}"] if config.output.animate else []), sep="\n")


if __name__ == "__main__":
    run_cli(main)
