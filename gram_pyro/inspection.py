"""Look inside prior and posterior on one problem: `python -m gram_pyro.inspection RUN --graph FILE`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from gram_pyro.errors import run_cli
from gram_pyro.options import Device, Draft, DraftTimes, Json, Problem, TrainedRun
from gram_pyro.sample import name_of, picture_path, problem_of
from gram_pyro.system.cli import parse
from gram_pyro.system.startup import quick_imports

if TYPE_CHECKING:
    from gram_pyro.evaluation.inspection import Inspection
    from gram_pyro.tasks import Task

PROGRAM = "gram_pyro.inspection"  # `inspect` would hide Python's own from scripts in this folder


@dataclass(frozen=True)
class InspectConfig:
    """Show when prior and posterior decide on a problem, and how likely each answer is."""

    run: TrainedRun
    graph: Problem = None
    steps: Annotated[int | None, arg(help_behavior_hint="(default: the training depth)")] = None
    """Supervision steps."""
    samples: int = 32
    """Trajectories of the prior, and as many of the posterior."""
    draws: int = 64
    """Trajectories for the likelihood of each solution, half of them of the prior."""
    seed: int = 0
    """Seed of the trajectories."""
    draft: Draft = None
    draft_times: DraftTimes = None
    device: Device = "auto"
    out: Annotated[str | None, arg(metavar="PATH", help_behavior_hint="(default: NAME-inspection.png)")] = None
    """PNG file for the picture, or a folder for it."""
    json: Json = False
    """Print one JSON object and nothing else; no picture unless --out names one."""


def summary(task: Task, inspection: Inspection) -> dict[str, Any]:
    """Return what `--json` prints."""
    found = inspection.likelihoods
    solutions = None if found is None else [task.to_json(solution) for solution in found.solutions]
    return {
        "target": task.to_json(inspection.target),
        "prior_validity": inspection.prior.valid.mean(1).tolist(),
        "posterior_validity": inspection.posterior.valid.mean(1).tolist(),
        "kl": inspection.divergence.nats.sum(1).tolist(),
        "solutions": solutions,
        "probability": None if found is None else found.probability.tolist(),
    }


def report(result: dict[str, Any]) -> str:
    """Return what a person reads."""
    kl, probability = result["kl"], result["probability"]
    lines = [
        f"prior right at the end: {result['prior_validity'][-1]:.2f}, posterior {result['posterior_validity'][-1]:.2f}",
        f"the posterior says {sum(kl):.2f} nats in {len(kl)} transitions, {kl[0]:.2f} of them in the first",
    ]
    if probability is not None:
        least, most = min(probability), max(probability)
        spread = f"p(solution | x) {least:.3f} to {most:.3f}, {sum(probability):.3f} in all"
        lines.append(f"{len(probability)} solution{'s' * (len(probability) > 1)}, {spread}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run the command line. Raises `UserError` on wrong input."""
    config: InspectConfig = parse(InspectConfig, PROGRAM, arguments)
    with quick_imports():  # here: --help needs none of them
        from tqdm import tqdm

        from gram_pyro.evaluation.inspect import PARTS
        from gram_pyro.reasoner import Reasoner
        from gram_pyro.runs.store import load_run

    reasoner = Reasoner(load_run(config.run, config.device, config.draft, config.draft_times))
    task = reasoner.task
    problem = problem_of(config.graph, task, PROGRAM)
    path = picture_path("out", config.out or ".", f"{name_of(config.graph, task)}-inspection.png")
    counts: dict[str, Any] = {"steps": config.steps, "samples": config.samples, "draws": config.draws}
    quiet = config.json and not sys.stderr.isatty()
    with tqdm(total=PARTS, desc="prior, posterior, likelihoods", leave=False, disable=quiet) as bar:
        inspection = reasoner.inspect(problem, **counts, seed=config.seed, progress=bar.update)
    result = summary(task, inspection)
    if config.out or not config.json:
        inspection.plot(path)
    print(json.dumps(result) if config.json else f"{report(result)}\npicture: {path}")


if __name__ == "__main__":
    run_cli(main)
