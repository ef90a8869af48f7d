"""`python -m benchmarks.processes`: what a second process on a second core brings to training."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import pyro
import torch

from benchmarks.report import Options, Row, compare, publish, spread
from gram_pyro.errors import UserError, run_cli
from gram_pyro.guides import GaussianGuide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.cli import parse
from gram_pyro.system.distributed import join
from gram_pyro.tasks import NQueens
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.trainer import Trainer

MODEL = GramConfig(width=256, heads=8, hidden=512)
CONTENDERS = {"one process, one thread": (1, 1), "one process, two threads": (1, 2), "two processes": (2, 1)}
"""Processes, and threads in each."""
WARMUP = 2


@dataclass(frozen=True)
class ProcessesOptions(Options):
    """Time updates of N-Queens on 36 squares, D = 256, in one process and in two."""

    batch: int = 64
    """Problems of an update, whoever computes them."""
    updates: int = 10
    """Timed updates of a contender in each round."""
    repeats: int = 3
    """Rounds, each starting every contender anew."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.batch, self.updates, self.repeats) < 1:
            raise UserError("--batch, --updates and --repeats must be at least 1")


def worker(rank: int, size: int, threads: int, port: int, options: ProcessesOptions) -> list[float]:
    """Seconds of updates in one process of `size`."""
    torch.set_num_threads(threads)
    pyro.enable_validation(False)  # as training does
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    world = join(torch.device("cpu"))
    torch.manual_seed(options.seed)
    task = NQueens(n=6)
    problems = task.generate("train", 200, options.seed)
    model = Gram(task.spec, MODEL)
    config = TrainingConfig(batch=options.batch)
    guide = GaussianGuide(task.spec, model)
    trainer = Trainer(model, guide, Pool(task, problems), config, 1000, world)
    times = []
    for turn in range(-WARMUP, options.updates):
        began = time.perf_counter()
        trainer.update()
        if turn >= 0:
            times.append(time.perf_counter() - began)
    world.close()
    return times


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(size: int, threads: int, options: ProcessesOptions) -> list[float]:
    """Seconds of updates, as the first process of `size` sees them."""
    port = free_port()
    with ProcessPoolExecutor(size, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(worker, rank, size, threads, port, options) for rank in range(size)]
        times, *_ = [future.result() for future in futures]
    return times


def measure(options: ProcessesOptions) -> list[Row]:
    """A row for each contender."""
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(options.repeats):
        for name, (size, threads) in CONTENDERS.items():
            times[name] += run(size, threads, options)
    alone = times["one process, one thread"]
    cores = {name: size * threads for name, (size, threads) in CONTENDERS.items()}
    return [
        {
            "contender": name,
            "model": asdict(MODEL),
            "batch": options.batch,
            "seconds": spread(taken),
            "speed": speed,
            "of_ideal": round(speed["ratio"] / cores[name], 4),
        }
        for name, taken in times.items()
        for speed in [compare(alone, taken)]
    ]


def main(arguments: list[str]) -> None:
    """Time and report."""
    options = parse(ProcessesOptions, "benchmarks.processes", arguments)
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "": lambda row: row["contender"],
        "update [s]": lambda row: f"{row['seconds']['median']:.3f}",
        "speed": lambda row: f"{row['speed']['ratio']:.2f}",
        "of ideal": lambda row: f"{row['of_ideal']:.2f}",
    }
    publish("processes", options, columns, measure(options))


if __name__ == "__main__":
    run_cli(main)
