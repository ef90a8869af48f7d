"""Measure a trained model on test problems: `python -m gram_pyro.evaluate RUN`."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from gram_pyro.checkpoint import write_atomically
from gram_pyro.cli import parse
from gram_pyro.errors import UserError, run_cli
from gram_pyro.inference import INDEPENDENT, MAX_NUMBER, Draws, Method, sample
from gram_pyro.metrics import Row, Seen, bound, by_size, count_solutions, measure
from gram_pyro.runs import Run, load_run
from gram_pyro.scaling import draw_by_solutions, draw_depth_width, draw_frontier, frontier
from gram_pyro.selection import SELECTIONS
from gram_pyro.tasks.base import Task

DEPTH_FACTORS = (1, 2, 4)
MAX_SOLUTIONS = 20_000
"""Solutions of a problem up to which the bound is measured on it: it takes all of them."""
PROBLEMS_AT_ONCE = 64
Progress = Callable[..., Any]
COLUMNS = [name for name in Row._fields if name != "accuracy"]


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a trained model: validity, coverage, conflicts, and how far its bound is from perfect."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """Run folder, or the name of a checkpoint that comes with the package, such as coloring."""
    problems: int = 255
    """Number of generated test problems."""
    data_seed: int = 7
    """Seed of the test problems."""
    graphs: Annotated[str | None, tyro.conf.arg(aliases=["--boards", "--puzzles"], metavar="PATH")] = None
    """A file or a folder of problems of your own, instead of generated ones."""
    samples: tuple[int, ...] = (1, 5, 20)
    """Numbers of samples to measure, drawn once."""
    steps: tuple[int, ...] = ()
    """Supervision steps to decode at; 1, 2 and 4 times the training depth unless told otherwise."""
    select: tuple[str, ...] = ()
    """Ways to choose one of the samples: first, majority, value, checker; all that the checkpoint can, unless told
    otherwise."""
    method: Annotated[Method, tyro.conf.arg(name="")] = field(default_factory=Method)
    bound: bool = True
    """Whether to measure the bound too."""
    seed: int = 0
    """Seed of the samples."""
    device: str = "auto"
    """auto (CUDA where there is one), cpu, cuda, cuda:1."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON object and nothing else."""
    out: str | None = None
    """File for the JSON, the figures go beside it; evaluation.json in the run folder unless told otherwise."""


def draw_all(
    run: Run,
    problems: Sequence[Any],
    samples: int,
    depths: Sequence[int],
    seed: int,
    method: Method,
    progress: Progress,
) -> list[Draws]:
    """Samples of problems of any sizes: for each one `Draws` without the batch, shapes `(depths, samples, ...)`."""
    task = run.task
    drawn: dict[int, Draws] = {}
    groups = by_size(task, problems)
    parts = [group[i : i + PROBLEMS_AT_ONCE] for group in groups for i in range(0, len(group), PROBLEMS_AT_ONCE)]
    for number, part in enumerate(progress(parts, desc="samples")):
        x = task.encode([problems[place] for place in part])
        part_seed = seed + 1_000_003 * number  # the same noise in every part would correlate the problems
        found = sample(run.model, x, samples, depths, part_seed, method=method, heads=run.heads, belief=task.belief)
        for i, place in enumerate(part):
            drawn[place] = Draws(*(None if tensor is None else tensor[:, i] for tensor in found))  # type: ignore[arg-type]
    return [drawn[place] for place in range(len(problems))]


def evaluate(
    run: Run,
    problems: Sequence[Any],
    counts: Sequence[int | None],
    samples: Sequence[int],
    steps: Sequence[int],
    seed: int = 0,
    progress: Progress = lambda items, desc: items,
    *,
    method: Method = INDEPENDENT,
    selections: Sequence[str] = (),
    with_bound: bool = True,
) -> dict[str, Any]:
    """Measure samples, and the bound on the problems whose number of solutions `counts` knows.

    Samples that know of each other are drawn anew for each number of samples; of independent ones the
    first so many are taken. Returns what `--json` prints, less where the problems came from. Raises
    `UserError` if the model gives numbers that are not finite.
    """
    task, depths = run.task, sorted({*steps, run.depth})
    known = [place for place, count in enumerate(counts) if count and count <= MAX_SOLUTIONS]
    seen: Seen = {}
    rows: list[Row] = []
    drawn: list[Draws] = []

    def row(number: int, depth: int, places: Sequence[int]) -> Row:
        d = depths.index(depth)
        return measure(
            task, problems, [each.decoded[d] for each in drawn], number, depth, counts, seen, places,
            values=None if run.heads is None else [each.values[d] for each in drawn],  # type: ignore[index]
            spent=[each.spent[d] for each in drawn], selections=selections,
        )  # fmt: skip

    everything = range(len(problems))
    for number in sorted(set(samples), reverse=True):
        if not drawn or method.couples:
            drawn = draw_all(run, problems, number, depths, seed, method, progress)
        rows += [row(number, depth, everything) for depth in sorted(set(steps))]
        if number == max(samples):
            usual = row(number, run.depth, known) if known else None
            deepest = max(steps)
            groups = [
                {"least": least, "most": most, "problems": len(places)} | row(number, deepest, places)._asdict()
                for least, most, places in by_solutions(counts)
            ]
    rows.sort(key=lambda each: (each.steps, each.samples))
    result: dict[str, Any] = {"depth": run.depth, "posterior_validity": None, "gap": None, "bound": None}
    if usual is not None and with_bound:
        chosen = [problems[place] for place in known]
        bar = partial(progress, desc="bound")
        distance = bound(task, run.model, run.guide, chosen, run.depth, seed=seed, progress=bar)
        if not math.isfinite(distance.excess):
            raise UserError(f"the model of {run.name} gives numbers that are not finite: its training diverged")
        result["posterior_validity"] = distance.posterior_validity
        result["gap"] = distance.posterior_validity - usual.validity
        result["bound"] = {name: value for name, value in distance._asdict().items() if name != "posterior_validity"}
    return {
        **result,
        "method": asdict(method),
        "rows": [each._asdict() for each in rows],
        "by_solutions": groups,
        "frontier": frontier(rows),
    }


def by_solutions(counts: Sequence[int | None]) -> list[tuple[int, int, list[int]]]:
    """Places of problems with 1, 2, 3-4, 5-8, ... solutions, with the least and the most of each group."""
    groups: dict[int, list[int]] = {}
    for place, count in enumerate(counts):
        if count:
            groups.setdefault((count - 1).bit_length(), []).append(place)
    return [((1 << bits) // 2 + 1, 1 << bits, groups[bits]) for bits in sorted(groups)]


def user_problems(task: Task, path: str) -> list[Any]:
    """The solvable problems of a file or folder; how many were left out is said on standard error."""
    loaded = [task.prepare(problem) for problem in task.load(path)]
    problems = [problem for problem in loaded if task.solvable(problem)]
    if not problems:
        raise UserError(f"{path}: none of {len(loaded)} problems is known to be solvable; there is nothing to measure")
    if len(problems) < len(loaded):
        left_out = len(loaded) - len(problems)
        print(f"{left_out} of {len(loaded)} problems left out: not known to be solvable", file=sys.stderr)
    return problems


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as aligned plain text; a column of problems solved for each way to select."""
    selections = [*rows[0]["accuracy"]]

    def cell(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = [[*COLUMNS, *selections]]
    lines += [[*(cell(row[name]) for name in COLUMNS), *(cell(row["accuracy"][s]) for s in selections)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


def report(result: dict[str, Any]) -> str:
    """What a person reads."""
    origin = "" if result["data_seed"] is None else f" (data seed {result['data_seed']})"
    lines = [f"{result['run']}: {result['problems']} problems{origin}, trained with {result['depth']} steps"]
    lines.append(table(result["rows"]))
    if result["bound"]:
        excess, error, nll, entropy = result["bound"].values()
        spread = "" if error is None else f" +- {error:.3f}"
        lines += [
            f"bound: -ELBO - H(y | x) = {excess:.3f}{spread} nats a problem (-ELBO {nll:.3f}, H {entropy:.3f})",
            f"posterior validity {result['posterior_validity']:.3f}, gap to one sample {result['gap']:.3f}",
        ]
    return "\n".join(lines)


def draw_figures(measured: dict[str, Any], out: Path) -> None:
    """Pictures beside the JSON: what the rows have to show."""
    rows = [Row(**row) for row in measured["rows"]]
    if len({row.samples for row in rows}) > 1 and len({row.steps for row in rows}) > 1:
        draw_depth_width(rows, out.with_name(f"{out.stem}-depth-width.png"))
        draw_frontier(rows, out.with_name(f"{out.stem}-frontier.png"))
    if len(measured["by_solutions"]) > 1:
        draw_by_solutions(measured["by_solutions"], out.with_name(f"{out.stem}-solutions.png"))


def main(arguments: list[str]) -> None:
    """The command line. Raises `UserError` on wrong input."""
    config: EvaluateConfig = parse(EvaluateConfig, "gram_pyro.evaluate", arguments)
    numbers = (config.problems, *config.samples, *config.steps)
    if not config.samples or not all(1 <= number <= MAX_NUMBER for number in numbers):
        raise UserError(f"--problems, --samples and --steps must each lie between 1 and {MAX_NUMBER:,}")
    if not (0 <= config.seed < 2**32 and 0 <= config.data_seed < 2**32):
        raise UserError("--seed and --data-seed must lie between 0 and 2**32 - 1")
    for name in config.select:
        if name not in SELECTIONS:
            raise UserError(f"unknown selection {name!r}; known are {', '.join(SELECTIONS)}")
    if config.out and Path(config.out).is_dir():
        raise UserError(f"--out takes a file, but {config.out} is a folder")
    run = load_run(config.run, config.device)
    task = run.task
    if config.graphs is None:
        problems = task.generate("test", config.problems, config.data_seed)
    else:
        problems = user_problems(task, config.graphs)
    steps = config.steps or [factor * run.depth for factor in DEPTH_FACTORS]
    quiet = config.json and not sys.stderr.isatty()
    progress = partial(tqdm, disable=quiet, leave=False)
    counts = [count_solutions(task, problem) for problem in progress(problems, desc="solutions")]
    selections = config.select or [name for name in SELECTIONS if name != "value" or run.heads is not None]
    measured = evaluate(
        run, problems, counts, config.samples, steps, config.seed, progress,
        method=config.method, selections=selections, with_bound=config.bound,
    )  # fmt: skip
    data_seed = config.data_seed if config.graphs is None else None
    result = {"run": run.name, "problems": len(problems), "data_seed": data_seed, **measured}
    folder = Path(config.run)
    out = Path(config.out) if config.out else folder / "evaluation.json" if folder.is_dir() else None
    if out:
        write_atomically(out, (json.dumps(result, indent=2) + "\n").encode())
        draw_figures(measured, out)
    print(json.dumps(result) if config.json else report(result))


if __name__ == "__main__":
    run_cli(main)
