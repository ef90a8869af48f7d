"""`python -m benchmarks.gradient`: how far gradients of a short horizon are from those of the full ELBO."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyro
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from benchmarks.report import FigureOptions, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.guides import GaussianGuide, Guide
from gram_pyro.models.base import Model, State
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.store import load_run
from gram_pyro.system.cli import parse
from gram_pyro.tasks.base import Examples
from gram_pyro.tasks.pool import Pool

GROUPS = {"core": ("high_network", "low_network", "embedding"), "prior": ("guidance_head",), "decoder": ("decoder",)}
"""Parts of the model by the names of their parameters; the guide is a part of its own."""
LossModule = Callable[[Model, Guide, Examples, int], Tensor]


@dataclass(frozen=True)
class GradientOptions(FigureOptions):
    """Cosine and norm of surrogate gradients against the full ELBO's, averaged over batches, on equal noise.

    The full gradient includes how the posterior moves with the prior's location and scale, which training leaves out
    (`GaussianGuide.detach_prior`); the prior's head does not learn through it.
    """

    run: str = "coloring_gram"
    """A trained run."""
    batches: int = 40
    """Batches that each gradient is averaged over."""
    batch: int = 64
    """Problems of a batch."""


def truncated(horizon: int | None) -> LossModule:
    """The full ELBO, its gradient cut at a horizon: one likelihood, at the end."""

    def loss(model: Model, guide: Guide, examples: Examples, depth: int) -> Tensor:
        elbo = TruncatedTrace_ELBO(horizon, kl_transitions="all")
        run_kwargs = {"steps": depth, "supervise": "last"}
        return elbo.terms(model, guide, examples.problems, examples.targets, **run_kwargs).loss

    return loss


def supervised(horizon: int) -> LossModule:
    """Deep supervision: every step has a likelihood, and pieces of `horizon` steps a gradient of their own."""

    def loss(model: Model, guide: Guide, examples: Examples, depth: int) -> Tensor:
        elbo = TruncatedTrace_ELBO(None)
        state: State | None = None
        total = torch.zeros(())
        for _ in range(depth // horizon):
            terms = elbo.terms(model, guide, examples.problems, examples.targets, steps=horizon, state=state)
            state = terms.outcome.state.detach()
            total = total + terms.loss
        return total

    return loss


def gradient(parts: dict[str, list[nn.Parameter]]) -> dict[str, Tensor]:
    """The gradient of each part as one vector."""
    return {
        name: torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        for name, parameters in parts.items()
    }


def joined(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same parts, all of them together anew."""
    return found | {"all": torch.cat([vector for name, vector in found.items() if name != "all"])}


def parts_of(model: Model, guide: Guide) -> dict[str, list[nn.Parameter]]:
    """Parameters by part, and all of them."""
    parts: dict[str, list[nn.Parameter]] = {
        group: [p for name, p in model.named_parameters() if name.split(".")[0] in names]
        for group, names in GROUPS.items()
    }
    parts["guide"] = [*guide.parameters()]
    return {"all": [p for group in parts.values() for p in group], **parts}


def against(found: list[dict[str, Tensor]], reference: list[dict[str, Tensor]]) -> Row:
    """Cosine and norm ratio of mean gradients, by part; and the cosine a batch, on equal noise."""
    result: Row = {}
    for part in reference[0]:
        ours, theirs = (torch.stack([each[part] for each in some]) for some in (found, reference))
        mine, its = ours.mean(0), theirs.mean(0)
        result[part] = {
            "cosine": round(torch.cosine_similarity(mine, its, 0).item(), 4),
            "ratio": round((mine.norm() / its.norm()).item(), 4),
            "cosine_of_a_batch": round(torch.cosine_similarity(ours, theirs, 1).mean().item(), 4),
        }
    return result


def measure(options: GradientOptions) -> list[Row]:
    """A row for each surrogate; the first is the full ELBO on other noise, the most that can be expected."""
    run = load_run(options.run, "cpu")
    depth, task = run.depth, run.task
    guide = run.guide
    if not isinstance(guide, GaussianGuide) or run.model.transitions != 1:
        raise UserError(
            f"{options.run} has no Gaussian of one transition a step; take a run of GRAM, such as coloring_gram"
        )
    pool = Pool(task, task.generate("train", 500, options.seed))
    generator = torch.Generator().manual_seed(options.seed)
    batches = [pool.draw(options.batch, generator) for _ in range(options.batches)]
    for part in (run.model, run.guide):
        part.requires_grad_(True)
    parts = parts_of(run.model, run.guide)

    def gradients(losses: LossModule, seed: int, held: bool = True) -> list[dict[str, Tensor]]:
        guide.detach_prior = held
        found = []
        for place, examples in enumerate(batches):
            torch.manual_seed(seed + place)
            for parameter in parts["all"]:
                parameter.grad = None
            (losses(run.model, run.guide, examples, depth) / options.batch).backward()  # type: ignore[no-untyped-call]
            found.append(gradient(parts))
        return found

    def full(seed: int) -> list[dict[str, Tensor]]:
        whole, held = (gradients(truncated(None), seed, held) for held in (False, True))
        return [joined({**one, "prior": other["prior"]}) for one, other in zip(whole, held, strict=True)]

    reference = full(options.seed)
    horizons = [2**power for power in range(depth.bit_length()) if depth % 2**power == 0]
    rows = [
        {
            "surrogate": "full ELBO, other noise",
            "horizon": depth,
            **against(full(options.seed + 10**6), reference),
        }
    ]
    for name, surrogate in (("one likelihood, cut", truncated), ("deep supervision", supervised)):
        for horizon in horizons:
            found = gradients(surrogate(horizon), options.seed)
            rows.append({"surrogate": name, "horizon": horizon, **against(found, reference)})
    return rows


def draw(rows: list[Row]) -> Figure:
    """Cosine and norm ratio by horizon, a line for each kind of surrogate."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    horizons = sorted({row["horizon"] for row in rows})
    for axes, measure_name, label in zip(
        figure.subplots(1, 2), ("cosine", "ratio"), ("cosine with the full gradient", "norm / its norm"), strict=True
    ):
        for name in dict.fromkeys(row["surrogate"] for row in rows[1:]):
            line = [row for row in rows if row["surrogate"] == name]
            axes.plot([row["horizon"] for row in line], [row["all"][measure_name] for row in line], "o-", label=name)
        if measure_name == "cosine":
            axes.axhline(rows[0]["all"]["cosine"], color="#59a14f", linestyle="--", label=rows[0]["surrogate"])
            axes.legend(frameon=False)
        else:
            axes.set_yscale("log", base=2)
            axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xscale("log", base=2)
        axes.set_xticks(horizons, [str(horizon) for horizon in horizons])
        axes.set(xlabel="horizon [transitions]", ylabel=label)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(GradientOptions, "benchmarks.gradient", arguments)
    if options.batches < 1 or options.batch < 1:
        raise UserError(f"--batches and --batch must be at least 1, not {options.batches} and {options.batch}")
    pyro.enable_validation(False)  # as training does
    rows = measure(options)
    columns: dict[str, Callable[[Row], str]] = {
        "surrogate": lambda row: row["surrogate"],
        "horizon": lambda row: str(row["horizon"]),
        "cosine": lambda row: f"{row['all']['cosine']:.3f}",
        "norm ratio": lambda row: f"{row['all']['ratio']:.2f}",
    }
    for part in ("core", "prior", "decoder", "guide"):
        columns[part] = lambda row, part=part: f"{row[part]['cosine']:.3f}"  # type: ignore[misc]
    publish("gradient", options, columns, rows, draw)


if __name__ == "__main__":
    run_cli(main)
