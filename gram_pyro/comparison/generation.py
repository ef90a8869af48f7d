"""What draws answers from nothing: its measures, and its table with a row for each family."""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyro
import torch

from gram_pyro.comparison.config import Budget
from gram_pyro.comparison.entry import Result
from gram_pyro.comparison.systems import FAMILIES, GENERATION
from gram_pyro.comparison.table import Row
from gram_pyro.errors import Diverged
from gram_pyro.evaluation.bound import bound, excess_of
from gram_pyro.evaluation.likelihood import by_posterior
from gram_pyro.inference.sampling import sample, seeded
from gram_pyro.runs.store import Run
from gram_pyro.system.markdown import markdown_table
from gram_pyro.tasks.base import Task
from gram_pyro.tasks.digits.quality import Pixels, independent_pixels
from gram_pyro.tasks.digits.task import Digits, reference

STEPS = (8, 16, 32, 64, 128, 256)
SHOWN = (8, 64, 256)  # those of the table
DRAWS, WEIGHED = 16, 100  # trajectories of the importance-weighted bound, and the most images it is measured on
SCORES = {"frechet": 1, "score": 2, "confident": 2}  # those of the table, with their digits


def generated(run: Run, budget: Budget) -> Result:
    """Return -ELBO by steps, the importance-weighted bound, and the scores of samples at the training depth and deep.

    All are of test images; `validation` has -ELBO on those for validation at the training depth, by which the member of
    a family is chosen. Steps are None where there is no recursion. Raises `Diverged` if a bound is not finite.
    """
    task = run.task
    problems, unseen = (task.generate(split, budget.problems, budget.data_seed) for split in ("test", "validation"))
    recursive = run.model.recursion != "none"
    depth = run.depth if recursive else 1
    few = problems[:WEIGHED]
    found: Result = {
        "validation": bound_at(run, unseen, depth if recursive else None),
        "elbo": [bound_at(run, problems, steps) for steps in (STEPS if recursive else [None])],
        "likelihood": {"draws": DRAWS, "images": len(few), **weighted(run, few, depth)},
        "rows": [drawn(run, budget.samples, steps) for steps in sorted({depth, *STEPS[-1:] * recursive})],
    }
    if run.config is not None:
        found["rate"] = run.config.training.learning_rate
    return found


def bound_at(run: Run, problems: Sequence[Any], steps: int | None) -> dict[str, Any]:
    """Return -ELBO at so many steps [nats], with its standard error."""
    found = bound(run.task, run.model, run.guide, problems, steps or 1)
    if not math.isfinite(found.nll):
        raise Diverged(f"the model of {run.name} gives numbers that are not finite: its training diverged")
    return {"steps": steps, "nll": found.nll, "standard_error": found.standard_error}


def weighted(run: Run, problems: list[Any], steps: int) -> dict[str, Any]:
    """Return the bound of `DRAWS` posterior trajectories each [nats], with its standard error."""
    targets = [run.task.targets(problem) for problem in problems]
    with seeded(0), pyro.validation_enabled(False):
        nll, _ = by_posterior(run, problems, targets, steps, DRAWS, 1)
    return excess_of(nll, torch.zeros_like(nll))


def drawn(run: Run, samples: int, steps: int) -> dict[str, Any]:
    """Return the scores of so many samples, all drawn of one problem."""
    task = run.task
    began = time.monotonic()
    decoded = sample(run.model, task.encode([task.blank]), samples, [steps], 0).decoded
    seconds = time.monotonic() - began
    answers = [task.answer(task.blank, row) for row in decoded[0, 0].tolist()]
    return {"steps": steps, "samples": samples, "seconds": seconds, **task.quality(answers)["samples"]}


def family_rows(results: Sequence[Result]) -> list[Row]:
    """Return a row for each family: the member with the least -ELBO on validation images, of so many that ran."""
    families: dict[str, list[Result]] = {}
    for result in results:
        families.setdefault(GENERATION[result["entry"]["name"]].family, []).append(result)
    rows = []
    for family, ran in families.items():
        best = min(ran, key=lambda result: result["validation"]["nll"])
        kept = ("parameters", "minutes", "updates", "rate", "elbo", "validation", "budget", "machine")
        rows.append(
            {"model": FAMILIES[family][0], "member": best["entry"]["name"], "members": len(ran)}
            | {name: best.get(name) for name in kept}
            | {"bound": best["likelihood"]["nll"], "samples": best["rows"]}
        )
    return rows


def baselines(task: Task, budget: Budget) -> list[Row]:
    """Return the rows of independent pixels, with their exact nats, and of real images."""
    assert isinstance(task, Digits)
    train = reference(task).train
    test = np.array([np.frombuffer(image.pixels, np.bool_) for image in tests(task, budget)])
    alone = reference(task).scores(independent_pixels(train, budget.samples, 0))
    nothing = dict.fromkeys(("member", "parameters", "minutes", "updates", "rate", "bound"))
    real = reference(task).real_scores(budget.samples)
    exact = [{"steps": None, "nll": independent_nats(train, test)}]
    return [
        {"model": name, "members": 0, **nothing, "elbo": elbo, "samples": [{"steps": None, **scores}]}
        for name, elbo, scores in (("independent pixels", exact, alone), ("real images", [], real))
    ]


def tests(task: Digits, budget: Budget) -> list[Any]:
    """Return the test images of a budget."""
    return task.generate("test", budget.problems, budget.data_seed)


def independent_nats(train: Pixels, images: Pixels) -> float:
    """Return the mean -log p of images `(images, pixels)` [nats] whose pixels are black as often as in `train`, and
    once more in either color."""
    black = (train.sum(0) + 1) / (len(train) + 2)
    return float(-np.where(images, np.log(black), np.log1p(-black)).sum(1).mean())


def generation_markdown(rows: Sequence[Row]) -> str:
    """Return the table as Markdown; scores are those of samples at the training depth."""
    shown = " / ".join(map(str, SHOWN))
    bounds = [f"-ELBO at {shown} steps [nats]", f"bound of {DRAWS} [nats]"]
    headings = ["", "parameters", "rate", "minutes", *bounds, "Fréchet", "score", "confident", "least to most"]
    return markdown_table(headings, map(cells, rows))


def cells(row: Row) -> list[str]:
    """Return the cells of a row."""
    best = f", best of {row['members']}" if row["members"] > 1 else ""
    scores = row["samples"][0]
    return [
        f"{row['model']}{best}",
        said(row["parameters"], ","),
        said(row["rate"], "g"),
        said(row["minutes"], ".1f"),
        elbo_cell(row["elbo"]),
        said(row["bound"], ".2f"),
        *(said(scores.get(name), f".{digits}f") for name, digits in SCORES.items()),
        f"{scores['least']:.2f} to {scores['most']:.2f}" if "least" in scores else "-",
    ]


def elbo_cell(bounds: Sequence[dict[str, Any]]) -> str:
    """Return -ELBO at the steps that are shown, or the only one there is."""
    shown = [each["nll"] for each in bounds if each["steps"] in (None, *SHOWN)]
    return " / ".join(f"{nll:.2f}" for nll in shown) or "-"


def said(value: float | None, form: str) -> str:
    """Return a number, or a dash if there is none."""
    return "-" if value is None else format(value, form)
