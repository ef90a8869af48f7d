"""`python -m benchmarks.receivers`: nats that one cell costs a Bayesian flow network without a network."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.report import Options, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.guides import DiffusionGuide
from gram_pyro.models import GramConfig
from gram_pyro.models.draft import Receiver, Schedule
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.system.cli import parse
from gram_pyro.tasks import Problems, Spec

EXAMPLE = Path(__file__).parents[1] / "docs/examples/bayesian_flow.py"
CELL = Spec(vocabulary=1, values=(0,) * 9)
SCHEDULES: tuple[Schedule, ...] = ("flow", "cosine")
RECEIVERS: tuple[Receiver, ...] = ("mean", "mixture")
STEPS = (1, 8, 64, 256)


@dataclass(frozen=True)
class ReceiverOptions(Options):
    """The bound on a cell of nine values, by schedule, receiver and number of looks; at least log 9."""

    cells: int = 9000
    """Cells of each number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cells < 2:
            raise UserError(f"--cells must be at least 2, not {self.cells}")


def nats(schedule: Schedule, receiver: Receiver, steps: int, cells: int) -> Tensor:
    """Return the bound of each cell `(cells,)`, whose values take turns."""
    network = runpy.run_path(str(EXAMPLE))["BayesianFlow"]
    config = GramConfig(core="flat", guidance=False, draft=schedule, receiver=receiver, memory="alone")
    model = network(CELL, config)
    nothing = Problems(torch.zeros(cells, 1, dtype=torch.long))
    values = torch.arange(cells)[:, None] % CELL.classes
    bound = TruncatedTrace_ELBO(None)
    with torch.no_grad():
        terms = bound.terms(model, DiffusionGuide(CELL, model), nothing, values, steps=steps, supervise="last")
    return terms.draft_kl.sum(0) - terms.log_likelihood


def measure(options: ReceiverOptions) -> list[Row]:
    """A row for each schedule, receiver and number of looks."""
    torch.manual_seed(options.seed)
    rows: list[Row] = []
    for schedule, receiver, steps in product(SCHEDULES, RECEIVERS, STEPS):
        drawn = nats(schedule, receiver, steps, options.cells)
        error = drawn.std().item() / len(drawn) ** 0.5
        row = {"schedule": schedule, "receiver": receiver, "steps": steps}
        rows.append(row | {"nats": round(drawn.mean().item(), 4), "standard_error": round(error, 4)})
    return rows


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(ReceiverOptions, "benchmarks.receivers", arguments)
    columns: dict[str, Callable[[Row], str]] = {
        "schedule": lambda row: row["schedule"],
        "receiver": lambda row: row["receiver"],
        "steps": lambda row: str(row["steps"]),
        "nats": lambda row: "{nats:.3f} ± {standard_error:.3f}".format(**row),
    }
    publish("receivers", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
