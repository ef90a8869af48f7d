"""One system of a comparison: trained under the common budget, and measured like all others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from gram_pyro import train
from gram_pyro.checkpoint import checkpoints, write_atomically
from gram_pyro.errors import UserError
from gram_pyro.evaluation import draw_all, measure_draws
from gram_pyro.fit import VALIDATION_PROBLEMS, VALIDATION_SAMPLES, parameters_of
from gram_pyro.importance import likelihood
from gram_pyro.inference import Method
from gram_pyro.machine import machine_facts
from gram_pyro.metrics import Seen, bound, count_solutions
from gram_pyro.recipes import recipe
from gram_pyro.runs import Run, build_parts, load_run
from gram_pyro.scores import calibration, evenness
from gram_pyro.selection import possible
from gram_pyro.systems import ABLATIONS, SYSTEMS, Naive, System, methods_of, training_options
from gram_pyro.training import TrainingConfig

Equal = Literal["time", "evaluations", "samples"]
TABLES = {"table1": SYSTEMS, "table3": ABLATIONS}
SCORED_PROBLEMS = 100
"""Problems whose likelihood is measured: it takes many trajectories of each."""
MAX_SAMPLES = 1000
MAX_TARGETS = 8
"""Targets of a problem that the posterior is shown."""
DEEP = 4
"""Systems are measured at their training depth, and at so many times of it."""
RESULT = "result.json"


@dataclass(frozen=True)
class Budget:
    """What every system of a comparison gets alike."""

    minutes: float
    """Wall minutes of training, the value and halt heads included."""
    equal: Equal
    """What is equal: wall time of training and the number of samples; network evaluations of both; or examples
    seen in training and the number of samples. Beyond time, the reference sets the amount."""
    samples: int
    """Samples of a problem; of the reference where evaluations are equal."""
    problems: int
    """Test problems."""
    data_seed: int
    """Seed of the test problems."""
    threads: int
    """CPU threads of a run."""
    device: str
    """auto (CUDA where there is one), cpu, cuda, cuda:1."""
    task_options: str = ""
    """More options of the task, such as --task.n 10."""


@dataclass(frozen=True)
class Entry:
    """One training run of a comparison."""

    table: str
    task: str
    name: str
    inputs: str
    seed: int

    @property
    def system(self) -> System:
        """What is trained."""
        return TABLES[self.table][self.name]

    def folder(self, out: Path) -> Path:
        """Where it lies."""
        return out / self.task / f"{self.name}-{self.inputs}-{self.seed}"

    def arguments(self, budget: Budget, updates: int | None) -> list[str]:
        """Arguments of `gram_pyro.train`, but for the folder."""
        length = ["--minutes", str(budget.minutes)] if updates is None else ["--updates", str(updates)]
        machine = ["--threads", str(budget.threads), "--device", budget.device]
        told = training_options(self.system, self.task, self.inputs)
        return [*told, *budget.task_options.split(), "--seed", str(self.seed), *length, *machine]


def result_of(entry: Entry, out: Path) -> dict[str, Any] | None:
    """What `perform` found, or None if it has not run to its end."""
    path = entry.folder(out) / RESULT
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}; remove it to measure that system again") from None
    return found


def perform(entry: Entry, out: Path, budget: Budget, reference: dict[str, Any] | None, quiet: bool) -> dict[str, Any]:
    """Train a system, or go on with it, and measure it; a run that is finished is only measured.

    `reference` is the result whose training and sampling set the amount where evaluations or samples are equal.
    """
    if quiet:
        os.environ["TQDM_DISABLE"] = "1"
    folder = entry.folder(out)
    if not (folder / "config.json").exists():
        updates = None if reference is None else equal_updates(entry, budget, reference)
        train.main(["--out", str(folder), *entry.arguments(budget, updates)])
    elif checkpoints(folder):
        train.main(["--resume", str(folder)])
    torch.set_num_threads(budget.threads or os.cpu_count() or 1)
    run = load_run(str(folder), budget.device)
    result: dict[str, Any] = {"entry": asdict(entry), "label": entry.system.label} | facts_of(run, folder, budget)
    result.update(measured(run, entry.system, budget, reference))
    write_atomically(folder / RESULT, (json.dumps(result, indent=2) + "\n").encode())
    return result


def facts_of(run: Run, folder: Path, budget: Budget) -> dict[str, Any]:
    """How a run was trained, and what it had reached on validation problems in the end."""
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {
        "parameters": parameters_of(run.model),
        "minutes": max(row["seconds"] for row in metrics) / 60,
        "updates": config["training"]["updates"],
        "batch": config["training"]["batch"],
        "blocks": run.model.blocks,
        "steps_an_update": 1 if config["training"]["deep_supervision"] else config["training"]["depth"],
        "validation": [row for row in metrics if "validity" in row][-1],
        "budget": asdict(budget),
        "machine": machine_facts(),
    }


def equal_updates(entry: Entry, budget: Budget, reference: dict[str, Any]) -> int | None:
    """Updates that cost as many evaluations, or see as many examples, as the reference's; None if time decides."""
    if budget.equal == "time":
        return None
    training = recipe(entry.task, model=entry.system.model).training
    examples: float = reference["updates"] * reference["batch"] / training.batch
    if budget.equal == "samples":
        return max(1, round(examples))
    deep = "--no-deep-supervision" not in entry.system.options.split()
    blocks: int = blocks_of(entry, budget) * (1 if deep else training.depth)
    evaluations: float = examples * reference["blocks"] * reference["steps_an_update"]
    return max(1, round(evaluations / blocks))


def blocks_of(entry: Entry, budget: Budget) -> int:
    """Blocks that a supervision step of a system runs through, before it is trained."""
    config = train.configured(entry.arguments(budget, 1)).config
    return build_parts(config)[0].blocks


def measured(run: Run, system: System, budget: Budget, reference: dict[str, Any] | None) -> dict[str, Any]:
    """The rows of a trained system, one for each way to sample it and each depth, and its scores."""
    problems = run.task.generate("test", budget.problems, budget.data_seed)
    counts = [count_solutions(run.task, problem) for problem in problems]
    seen: Seen = {}
    rows: list[dict[str, Any]] = []
    for way in methods_of(system):
        method = chosen_method(run, way)
        for depth in depths_of(run):
            samples = samples_at(run, depth, budget, reference)
            began = time.monotonic()
            drawn = draw_all(run, problems, samples, [depth], 0, method, no_progress)
            seconds = time.monotonic() - began
            ways = possible(run.heads is not None)
            row = measure_draws(run.task, problems, drawn, 0, samples, depth, counts, seen, None, ways)
            even = evenness(run.task, problems, [each.decoded[0] for each in drawn], counts, seen)
            found = {"label": way.label, "method": asdict(method), "seconds": seconds, **row._asdict()}
            rows.append(found | {"evenness": None if even is None else even._asdict()})
    few = [problem for problem, count in zip(problems, counts, strict=True) if count][:SCORED_PROBLEMS]
    usual = depths_of(run)[0]
    posterior = None
    if run.model.draws and run.model.recursion == "carried":
        posterior = bound(run.task, run.model, run.guide, few, usual, max_targets=MAX_TARGETS).posterior_validity
    return {
        "rows": rows,
        "gap": None if posterior is None else posterior - rows[0]["validity"],
        "size": getattr(run.task, "n", None),
        "likelihood": likelihood(run, few, usual)._asdict(),
        "calibration": calibration(run, problems, DEEP * usual, 0)._asdict(),
    }


def depths_of(run: Run) -> list[int]:
    """Depths that a system is measured at: the training depth, and deeper; masked diffusion is planned at the same."""
    if run.model.recursion == "none":
        return [1]
    depth = TrainingConfig().depth if run.model.recursion == "planned" else run.depth
    return [depth, DEEP * depth]


def samples_at(run: Run, depth: int, budget: Budget, reference: dict[str, Any] | None) -> int:
    """Samples of a problem under the budget."""
    if budget.equal != "evaluations" or reference is None:
        return budget.samples
    evaluations: int = budget.samples * reference["blocks"] * reference["rows"][0]["steps"]
    return max(1, min(MAX_SAMPLES, round(evaluations / (run.model.blocks * depth))))


def chosen_method(run: Run, way: Naive) -> Method:
    """Of several methods the one of most coverage on validation problems."""
    if len(way.methods) == 1:
        return way.methods[0]
    problems = run.task.generate("validation", VALIDATION_PROBLEMS, 0)
    counts = [count_solutions(run.task, problem) for problem in problems]

    def coverage(method: Method) -> float:
        drawn = draw_all(run, problems, VALIDATION_SAMPLES, [run.depth], 0, method, no_progress)
        row = measure_draws(run.task, problems, drawn, 0, VALIDATION_SAMPLES, run.depth, counts, {}, None, ())
        return row.coverage or 0.0

    return max(way.methods, key=coverage)


def no_progress(items: Sequence[Any], desc: str) -> Sequence[Any]:
    """Progress that nobody sees."""
    return items
