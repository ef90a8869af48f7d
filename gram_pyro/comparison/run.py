"""One system of a comparison: trained under the common budget, and measured like all others."""

import json
import sys
import time
from contextlib import ExitStack, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gram_pyro.comparison.config import Budget
from gram_pyro.comparison.entry import RESULT, Entry, Result
from gram_pyro.comparison.generation import generated
from gram_pyro.comparison.systems import SamplingVariant, System
from gram_pyro.errors import Diverged
from gram_pyro.evaluation.bound import bound
from gram_pyro.evaluation.evaluate import draw_all, measure_draws, no_progress
from gram_pyro.evaluation.likelihood import likelihood
from gram_pyro.evaluation.scores import calibration, evenness
from gram_pyro.guides.base import Guide
from gram_pyro.inference.config import INDEPENDENT
from gram_pyro.inference.judge import ViolationCache
from gram_pyro.inference.metrics import count_solutions
from gram_pyro.inference.sampling import Draws, seeded
from gram_pyro.inference.selection import possible
from gram_pyro.models.base import Model
from gram_pyro.models.fields import FieldBlock
from gram_pyro.models.layers import Block
from gram_pyro.runs.config import RunConfig, from_json
from gram_pyro.runs.machine import compile_network
from gram_pyro.runs.store import Run, build_parts, load_run, parameters_of
from gram_pyro.system.files import write_atomically
from gram_pyro.system.machine import arithmetic, compiler_explained, machine_facts
from gram_pyro.system.signals import Interrupted
from gram_pyro.training.objective import OBJECTIVES
from gram_pyro.training.run import train_once

SCORED_PROBLEMS = 100  # problems whose likelihood is measured: it takes many trajectories of each
MAX_SAMPLES = 1000
MAX_TARGETS = 8  # targets of a problem that the posterior steers to
DEEP = 4  # systems are measured at their training depth, and this many times deeper


def train_and_measure(entry: Entry, out: Path, budget: Budget, reference: Result | None) -> Result:
    """Train a system, or go on with it, and measure it; note a training that diverged as `failed`.

    `reference` sets the amount where evaluations or examples are equal. Raises `Interrupted` on Ctrl-C.
    """
    folder = entry.folder(out)
    result: Result = {"entry": asdict(entry), "label": entry.system.label, "failed": None, "budget": asdict(budget)}
    updates = None if reference is None else equal_updates(entry, budget, reference)
    try:
        with redirect_stdout(sys.stderr):
            train_once(entry.config(budget, updates), folder)
        torch.set_num_threads(budget.threads)
        run = load_run(str(folder), budget.device)
        result.update(facts_of(run, folder))
        if run.config is not None and run.config.machine.compile != "off":
            compile_network(run.model)
        with arithmetic(run.device, budget.precision), compiler_explained():
            if entry.table == "generation":
                result.update(generated(run, budget))
            else:
                result.update(measured(run, entry.system, budget, reference))
    except Diverged as error:
        result["failed"] = str(error)
    except Interrupted:
        raise Interrupted("stopped, everything is saved; the same command goes on") from None
    write_atomically(folder / RESULT, (json.dumps(result, indent=2) + "\n").encode())
    return result


def facts_of(run: Run, folder: Path) -> Result:
    """Return how a run was trained, and what it had reached on validation problems in the end."""
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    config = from_json(folder / "config.json")
    return {
        "parameters": parameters_of(run.model),
        "minutes": max(row["seconds"] for row in metrics) / 60,
        "updates": config.training.updates or 0,
        "examples": config.training.batch,
        "evaluations": evaluations_of(config, run.model, run.guide),
        "blocks": run.model.blocks,
        "validation": next((row for row in reversed(metrics) if "validity" in row), {}),
        "machine": machine_facts(run.device),
    }


def evaluations_of(config: RunConfig, model: Model, guide: Guide) -> int:
    """Return how many blocks an update runs, those of a guide's and an objective's own runs too, times its batch."""
    task, device = config.task, next(model.parameters()).device
    problem = task.generate("train", 1, 0)
    targets = task.targets(problem[0])[:1].to(device)
    run_kwargs = {"steps": config.training.steps(model.transitions), **guide.side_information(task, problem, targets)}
    calls: list[object] = []
    with ExitStack() as hooks, torch.no_grad(), seeded(0):
        for block in model.modules():
            if isinstance(block, Block | FieldBlock):
                hooks.callback(block.register_forward_hook(lambda *_: calls.append(None)).remove)
        elbo = OBJECTIVES[config.training.objective](config.training, task)
        elbo.terms(model, guide, task.encode(problem).to(device), targets, **run_kwargs)
    return len(calls) * config.training.batch


def equal_updates(entry: Entry, budget: Budget, reference: Result) -> int | None:
    """Return how many updates cost as many evaluations, or see as many examples, as the reference; None for time."""
    if budget.equal == "time":
        return None
    config = entry.config(budget, 1)
    by_examples = budget.equal == "examples"
    an_update = config.training.batch if by_examples else evaluations_of(config, *build_parts(config))
    amount = reference["examples" if by_examples else "evaluations"] * reference["updates"]
    return max(1, round(amount / an_update))


def measured(run: Run, system: System, budget: Budget, reference: Result | None) -> Result:
    """Return a row for each way to sample a trained system and each depth, and its scores at the first depth."""
    problems = run.task.generate("test", budget.problems, budget.data_seed)
    counts = [count_solutions(run.task, problem) for problem in problems]
    seen: ViolationCache = {}
    rows: list[dict[str, Any]] = []
    usual = depths_of(run)[0]
    first: list[Draws] = []
    for way in [SamplingVariant(system.label, INDEPENDENT), *system.naive]:
        for depth in depths_of(run):
            samples = samples_at(run, depth, budget, reference)
            began = time.monotonic()
            drawn = draw_all(run, problems, samples, [depth], 0, way.method, no_progress)
            seconds = time.monotonic() - began
            ways = possible(run.heads is not None)
            row = measure_draws(run.task, problems, drawn, 0, samples, depth, counts, seen, None, ways)
            first = first or drawn
            even = evenness(run.task, problems, [each.decoded[0] for each in drawn], counts, seen)
            measures = {"label": way.label, "method": asdict(way.method), "seconds": seconds, **row._asdict()}
            rows.append(measures | {"evenness": None if even is None else even._asdict()})
    scored = [place for place, count in enumerate(counts) if count][:SCORED_PROBLEMS]
    few = [problems[place] for place in scored]
    result: Result = {
        "rows": rows,
        "gap": None,
        "bound": None,
        "size": getattr(run.task, "n", None),
        "likelihood": likelihood(run, few, usual)._asdict(),
        "calibration": calibration(run, problems, usual, 0)._asdict(),
    }
    if run.model.draws and run.model.carries:
        posterior = bound(run.task, run.model, run.guide, few, usual, max_targets=MAX_TARGETS)
        samples = samples_at(run, usual, budget, reference)
        prior = measure_draws(run.task, problems, first, 0, samples, usual, counts, seen, scored, ())
        result |= {"bound": posterior._asdict(), "gap": posterior.posterior_validity - prior.validity}
    return result


def depths_of(run: Run) -> list[int]:
    """Return the depths that a system is measured at: the training depth, and deeper."""
    return [1] if run.model.recursion == "none" else [run.depth, DEEP * run.depth]


def samples_at(run: Run, depth: int, budget: Budget, reference: Result | None) -> int:
    """Return the samples of a problem; where evaluations are equal, as many as cost what the reference's cost."""
    if budget.equal != "evaluations":
        return budget.samples
    blocks, steps = run.model.blocks, depths_of(run)[0]
    if reference is not None:
        blocks, steps = reference["blocks"], reference["rows"][0]["steps"]
    return max(1, min(MAX_SAMPLES, round(budget.samples * blocks * steps / (run.model.blocks * depth))))
