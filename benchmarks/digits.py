"""`python -m benchmarks.digits RUN`: -ELBO of images by the number of drafts, under both receivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Annotated

from tyro.conf import Positional, arg

from benchmarks.receivers import RECEIVERS
from benchmarks.report import DeviceOptions, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.evaluation.bound import bound
from gram_pyro.models import Gram
from gram_pyro.models.draft import Draft
from gram_pyro.runs.store import load_run, parameters_of
from gram_pyro.system.cli import parse

STEPS = (4, 8, 10, 16, 25, 32, 50, 64, 100, 128, 256)


@dataclass(frozen=True)
class DigitsOptions(DeviceOptions):
    """The bound of a trained model on test images; receivers and numbers of drafts need no other training."""

    run: Positional[Annotated[str, arg(metavar="RUN")]] = "digits"
    """Run folder, or a shipped checkpoint."""
    problems: int = 200
    """Test images."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.problems < 2:
            raise UserError(f"--problems must be at least 2, not {self.problems}")


def measure(options: DigitsOptions) -> list[Row]:
    """A row for each receiver and number of drafts."""
    run = load_run(options.run, options.device)
    if not isinstance(run.model, Gram) or run.model.draft is None:
        raise UserError(f"the model of {options.run} draws no drafts; take a run with --model.draft")
    images = run.task.generate("test", options.problems, 0)
    rows: list[Row] = []
    for receiver, steps in product(RECEIVERS, STEPS):
        run.model.draft = Draft(run.model.config.draft, receiver)
        found = bound(run.task, run.model, run.guide, images, steps, seed=options.seed)
        row = {"receiver": receiver, "steps": steps, "images": len(images), "parameters": parameters_of(run.model)}
        error = round(found.standard_error or 0.0, 3)
        rows.append(row | {"nats": round(found.nll, 3), "standard_error": error, "drafts": round(sum(found.kl), 3)})
    return rows


def main(arguments: list[str]) -> None:
    """Measure and report."""
    options = parse(DigitsOptions, "benchmarks.digits", arguments)
    columns: dict[str, Callable[[Row], str]] = {
        "receiver": lambda row: row["receiver"],
        "drafts": lambda row: str(row["steps"]),
        "-ELBO [nats]": lambda row: "{nats:.2f} ± {standard_error:.2f}".format(**row),
    }
    publish("digits", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
