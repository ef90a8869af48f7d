"""`python -m benchmarks.step`: what a training step costs under Pyro and without it.

Three contenders take turns on one network and one batch: the library's own step, `pyro.infer.SVI`
over the same objective (no clipping, no averaging, one AdamW a parameter: what Pyro's optimiser
does), and the library's arithmetic written out in PyTorch.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Literal

import pyro
import torch
from matplotlib.figure import Figure
from pyro.infer import SVI
from pyro.optim import PyroOptim
from torch import Tensor, nn

from benchmarks.reference_step import reference_loss
from benchmarks.report import DeviceOptions, FigureOptions, Row, compare, publish, ratio_cell, spread, time_paired
from benchmarks.roofline import ROOFLINE, roofline, roofline_cell
from benchmarks.settings import LARGE, PAPER, RECIPE, SMALL, Case, Setting, build, with_model
from gram_pyro.errors import UserError, run_cli
from gram_pyro.models import GramConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.machine import compile_network
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import arithmetic

TRAINING = TrainingConfig()
BALANCE = 0.8
ADAMW = {"lr": 1e-4, "betas": (0.9, 0.95), "weight_decay": TRAINING.weight_decay, "fused": True}
TOLERANCE = {"float32": 1e-4, "bfloat16": 1e-2}
HEADS = 8


@dataclass(frozen=True)
class StepOptions(DeviceOptions, FigureOptions):
    """Time a training step: the library's, Pyro's SVI, and plain PyTorch."""

    repeats: int = 100
    """Timed rounds of the small settings, each running every contender once; the large take a tenth of them."""
    compile: bool = False
    """Compile the network's tensor functions, as training does where it pays."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the network, for all contenders."""
    model: Literal["gram", "fields", "trm", "hrm", "looped"] = "gram"
    """What is trained; fields with a draft channel."""
    d: int | None = None
    """Width of a setting of your own, which takes the place of the others; its other sizes follow."""
    batch: int = 32
    """Problems of a batch, with --d."""
    tokens: int = 81
    """Positions of a problem, with --d."""
    layers: int = 2
    """Blocks of each network, with --d."""
    k: int = 2
    """Refinements before each proposal, with --d."""
    t: int = 1
    """Transitions of a supervision step, with --d."""
    profile: bool = False
    """Show on standard error where the library's step spends its time."""


class Contenders:
    """Three ways to the same update of the same network."""

    def __init__(self, case: Case, precision: str = "float32", graphs: bool = False) -> None:
        self.case, self.precision, self.graphs = case, precision, graphs
        self.elbo = TruncatedTrace_ELBO(
            TRAINING.horizon,
            beta=TRAINING.beta,
            balance=BALANCE,
            kl_transitions=TRAINING.kl_transitions,
            draft_weight=TRAINING.draft_weight,
        )
        self.parameters: list[Tensor] = [*case.model.parameters(), *case.guide.parameters()]
        self.averaged = [parameter.detach().clone() for parameter in self.parameters]
        self.optimizer = torch.optim.AdamW(self.parameters, **ADAMW)  # type: ignore[arg-type]
        pyro.clear_param_store()
        self.pyro_step = SVI(case.model, case.guide, PyroOptim(torch.optim.AdamW, ADAMW), self.elbo).step

    def loss(self) -> Tensor:
        """The library's loss a problem."""
        model, guide, problems, targets, state = self.case
        return self.elbo.terms(model, guide, problems, targets, state=state).loss / len(targets)

    def reference_loss(self) -> Tensor:
        """The same number from plain PyTorch."""
        return reference_loss(self.case, TRAINING.beta, BALANCE)

    def arithmetic(self) -> AbstractContextManager[None]:
        """The precision that was asked for."""
        return arithmetic(self.case.targets.device, self.precision, self.graphs)

    def update(self, loss: Callable[[], Tensor]) -> Tensor:
        """What training does with a loss: backward, clip, AdamW, average. Returns the gradient's norm."""
        self.optimizer.zero_grad()
        with self.arithmetic():
            loss().backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.parameters, TRAINING.clip)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.parameters, 1 - TRAINING.ema)
        return norm

    def svi(self) -> float:
        """Pyro's own step; its loss is summed over problems."""
        _, _, problems, targets, state = self.case
        with self.arithmetic():
            summed: float = self.pyro_step(problems, targets, state=state)  # type: ignore[no-untyped-call]
        return summed / len(targets)

    def check(self, seed: int) -> Row:
        """The losses from equal noise. Raises `RuntimeError` unless losses and gradients are the same."""
        measured: dict[str, tuple[float, list[Tensor]]] = {}
        for name, function in (("ours", self.loss), ("reference", self.reference_loss)):
            torch.manual_seed(seed)
            self.optimizer.zero_grad()
            with self.arithmetic():
                loss = function()
                loss.backward()  # type: ignore[no-untyped-call]
            measured[name] = loss.item(), [p.grad.clone() for p in self.parameters if p.grad is not None]
        (ours, our_gradient), (reference, reference_gradient) = measured.values()
        norm = nn.utils.get_total_norm(our_gradient)
        gap = nn.utils.get_total_norm([a - b for a, b in zip(our_gradient, reference_gradient, strict=True)])
        tolerance = TOLERANCE[self.precision]
        if abs(ours - reference) > tolerance * abs(reference) or gap > 10 * tolerance * norm:
            raise RuntimeError(f"not the same step: losses {ours} and {reference}, gradients of {norm} differ by {gap}")
        return {"loss_ours": ours, "loss_reference": reference, "gradient_gap": (gap / norm).item()}


def measure(setting: Setting, rounds: int, options: StepOptions) -> Row:
    """One row: every contender in one setting."""
    case = build(setting, options.seed, options.chosen)
    if options.compile:
        compile_network(case.model)
    contenders = Contenders(case, options.precision)
    checked = contenders.check(options.seed)

    def ours() -> None:
        contenders.update(contenders.loss)

    def reference() -> None:
        contenders.update(contenders.reference_loss)

    times = time_paired({"ours": ours, "svi": contenders.svi, "reference": reference}, rounds)
    if options.profile:
        profile(setting.name, rounds, ours)
    with contenders.arithmetic():
        taken, precision = spread(times["ours"])["median"], getattr(torch, options.precision)
        bounds = roofline(ours, taken, precision, options.chosen)
    return {
        "setting": asdict(setting),
        "rounds": rounds,
        "seconds": {name: spread(taken) for name, taken in times.items()},
        "ours_to_reference": compare(times["ours"], times["reference"]),
        "svi_to_reference": compare(times["svi"], times["reference"]),
        "check": checked,
        "roofline": bounds,
    }


def profile(name: str, steps: int, step: Callable[[], object]) -> None:
    """The functions that take most time, on standard error."""
    profiler = cProfile.Profile()
    with profiler:
        for _ in range(steps):
            step()
    print(f"{steps} steps, setting {name}:", file=sys.stderr)
    pstats.Stats(profiler, stream=sys.stderr).strip_dirs().sort_stats("tottime").print_stats(15)


def draw(rows: list[Row]) -> Figure:
    """Draw the time of a step over that of the reference, with the quartiles of the paired ratios."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    labels = {"ours_to_reference": "the library's step", "svi_to_reference": "pyro.infer.SVI"}
    for place, (name, label) in enumerate(labels.items()):
        found = [row[name] for row in rows]
        ratios = [each["ratio"] for each in found]
        reach = [
            [each["ratio"] - each["ratio_lower"] for each in found],
            [each["ratio_upper"] - each["ratio"] for each in found],
        ]
        places = [i + 0.36 * place - 0.18 for i in range(len(rows))]
        axes.bar(places, ratios, 0.34, yerr=reach, capsize=3, label=label)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(rows)), [row["setting"]["name"] for row in rows])
    axes.set_ylim(bottom=0.8)
    axes.set_ylabel("time / time of the reference")
    axes.legend(frameon=False)
    return figure


def seconds(contender: str) -> Callable[[Row], str]:
    """A cell: the median seconds of a contender."""
    return lambda row: f"{row['seconds'][contender]['median']:.5f}"


def settings(options: StepOptions) -> list[tuple[Setting, int]]:
    """What is timed, and in how many rounds."""
    few = -(-options.repeats // 10)
    if options.d is None:
        gpu = [(PAPER, few)] if options.chosen.type == "cuda" else []
        return [(SMALL, options.repeats), (RECIPE, options.repeats), (LARGE, few), *gpu]
    model = GramConfig(
        width=options.d,
        heads=HEADS,
        layers=options.layers,
        hidden=options.d,
        refinements=options.k,
        transitions=options.t,
    )
    return [(Setting("your own", options.batch, options.tokens, model), few)]


def main(arguments: list[str]) -> None:
    """Time every setting and report."""
    options = parse(StepOptions, "benchmarks.step", arguments)
    pyro.enable_validation(False)  # as training does
    if options.model == "gram" and options.d is not None and options.t != 1:
        raise UserError("the reference step of GRAM has one transition: take --t 1, or a model without guidance")
    rows = [measure(with_model(setting, options.model), count, options) for setting, count in settings(options)]
    columns: dict[str, Callable[[Row], str]] = {"setting": lambda row: row["setting"]["name"]}
    columns |= {f"{name} [s]": seconds(name) for name in ("ours", "svi", "reference")}
    columns |= {f"{name} / reference": ratio_cell(f"{name}_to_reference") for name in ("ours", "svi")}
    columns[ROOFLINE] = roofline_cell
    publish("step", options, columns, rows, draw)


if __name__ == "__main__":
    run_cli(main)
