"""`python -m benchmarks.modes`: a training step eager, compiled and with CUDA graphs, in float32 and in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import pyro
import torch

from benchmarks.report import DeviceOptions, Row, compare, publish, ratio_cell, spread, time_paired
from benchmarks.settings import LARGE, RECIPE, SMALL, Setting, build
from benchmarks.step import Contenders
from gram_pyro.errors import run_cli
from gram_pyro.runs.machine import compile_network
from gram_pyro.system.cli import parse

PRECISIONS = ("float32", "bfloat16")
COMPILATIONS = {"cpu": ("eager", "compiled"), "cuda": ("eager", "compiled", "graphs")}


@dataclass(frozen=True)
class ModesOptions(DeviceOptions):
    """Time a training step in each mode that training can run in."""

    repeats: int = 100
    """Timed rounds of the small settings, each running every mode once; the large takes a tenth of them."""
    threads: int = 0
    """Threads of torch; 0 leaves its own choice."""


def contender(
    setting: Setting, compilation: str, precision: str, seed: int, device: torch.device
) -> Callable[[], object]:
    """A training step in one mode."""
    case = build(setting, seed, device)
    if compilation != "eager":
        compile_network(case.model, graphs=compilation == "graphs")
    step = Contenders(case, precision, compilation == "graphs")

    def run() -> object:
        return step.update(step.loss)

    return run


def measure(setting: Setting, rounds: int, seed: int, device: torch.device) -> list[Row]:
    """One row a mode."""
    torch.compiler.reset()
    modes = [(compilation, precision) for compilation in COMPILATIONS[device.type] for precision in PRECISIONS]
    contenders = {" ".join(mode): contender(setting, *mode, seed, device) for mode in modes}
    times = time_paired(contenders, rounds)
    return [
        {
            "setting": asdict(setting),
            "mode": name,
            "rounds": rounds,
            "seconds": spread(taken),
            "to_eager_float32": compare(taken, times["eager float32"]),
            "to_float32": compare(taken, times[f"{compilation} float32"]),
        }
        for (name, taken), (compilation, _) in zip(times.items(), modes, strict=True)
    ]


def main(arguments: list[str]) -> None:
    """Time every setting and report."""
    options = parse(ModesOptions, "benchmarks.modes", arguments)
    pyro.enable_validation(False)  # as training does
    if options.threads:
        torch.set_num_threads(options.threads)
    rounds = {SMALL: options.repeats, RECIPE: options.repeats, LARGE: -(-options.repeats // 10)}
    rows = [row for setting, count in rounds.items() for row in measure(setting, count, options.seed, options.chosen)]
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
