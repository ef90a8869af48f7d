"""`python -m benchmarks.modes`: a training step eager and compiled, in float32 and under bfloat16 autocast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import pyro
import torch

from benchmarks.report import DeviceOptions, Row, compare, publish, ratio_cell, spread, time_paired
from benchmarks.settings import LARGE, PAPER, RECIPE, SMALL, Setting, build
from benchmarks.step import Contenders
from gram_pyro.cli import parse
from gram_pyro.errors import run_cli
from gram_pyro.machine import compile_network

MODES = tuple((compiled, precision) for compiled in (False, True) for precision in ("float32", "bfloat16"))


@dataclass(frozen=True)
class ModesOptions(DeviceOptions):
    """Time a training step in each mode that training can run in."""

    repeats: int = 100
    """Timed rounds of the small settings, each running every mode once; the large take a tenth of them."""
    threads: int = 0
    """Threads of torch; 0 leaves its own choice."""


def label(compiled: bool, precision: str) -> str:
    """How a mode is called in the table."""
    return f"{'compiled' if compiled else 'eager'} {precision}"


def contender(
    setting: Setting, compiled: bool, precision: str, seed: int, device: torch.device
) -> Callable[[], object]:
    """A training step in one mode."""
    case = build(setting, seed, device)
    if compiled:
        compile_network(case.model)
    step = Contenders(case, precision)

    def run() -> object:
        return step.update(step.loss())

    return run


def measure(setting: Setting, rounds: int, seed: int, device: torch.device) -> list[Row]:
    """One row a mode."""
    torch.compiler.reset()
    modes = {label(*mode): contender(setting, *mode, seed, device) for mode in MODES}
    times = time_paired(modes, rounds)
    base = times[label(*MODES[0])]
    single = {label(*mode): times[label(mode[0], "float32")] for mode in MODES}
    return [
        {
            "setting": asdict(setting),
            "mode": name,
            "rounds": rounds,
            "seconds": spread(taken),
            "to_eager_float32": compare(taken, base),
            "to_float32": compare(taken, single[name]),
        }
        for name, taken in times.items()
    ]


def main(arguments: list[str]) -> None:
    """Time every setting and report."""
    options = parse(ModesOptions, "benchmarks.modes", arguments)
    pyro.enable_validation(False)  # as training does
    if options.threads:
        torch.set_num_threads(options.threads)
    device, few = options.chosen, -(-options.repeats // 10)
    rounds = {SMALL: options.repeats, RECIPE: options.repeats, LARGE: few}
    rounds |= {PAPER: few} if device.type == "cuda" else {}
    rows = [row for setting, count in rounds.items() for row in measure(setting, count, options.seed, device)]
    columns: dict[str, Callable[[Row], str]] = {
        "setting": lambda row: row["setting"]["name"],
        "mode": lambda row: row["mode"],
        "step [s]": lambda row: f"{row['seconds']['median']:.5f}",
        "/ eager float32": ratio_cell("to_eager_float32"),
        "/ same in float32": lambda row: f"{row['to_float32']['ratio']:.2f}",
    }
    publish("modes", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
