"""`python -m benchmarks.memory`: what a supervision step keeps for its gradient, by its number of transitions."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pyro
import torch
from torch import Tensor

from benchmarks.report import Options, Row, publish
from benchmarks.settings import LARGE, SMALL, Setting, build
from gram_pyro.errors import run_cli
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.system.cli import parse

TRANSITIONS = (1, 2, 4, 8)
OBJECTIVES: dict[str, dict[str, Any]] = {
    "last": {"horizon": 1, "kl_transitions": "last"},
    "all": {"horizon": 1, "kl_transitions": "all"},
    "no horizon": {"horizon": None},
}


@dataclass(frozen=True)
class MemoryOptions(Options):
    """Count the bytes that one supervision step keeps for its backward pass."""


class Saved:
    """A tensor that autograd keeps; gone when its graph is."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def bytes_saved(setting: Setting, objective: dict[str, Any], seed: int) -> int:
    """Bytes of the distinct storages alive in the graph when the loss is there, without the parameters."""
    model, guide, problems, targets, state = build(setting, seed)
    live: weakref.WeakSet[Saved] = weakref.WeakSet()

    def pack(tensor: Tensor) -> Saved:
        saved = Saved(tensor)
        live.add(saved)
        return saved

    elbo = TruncatedTrace_ELBO(**{"balance": 0.8, **objective})
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor):
        terms = elbo.terms(model, guide, problems, targets, state=state)
    weights = {part.untyped_storage().data_ptr() for part in [*model.parameters(), *guide.parameters()]}
    storages = {storage.data_ptr(): storage.nbytes() for saved in live if (storage := saved.tensor.untyped_storage())}
    del terms
    return sum(size for pointer, size in storages.items() if pointer not in weights)


def measure(setting: Setting, transitions: int, seed: int) -> Row:
    """One row: every objective at one number of transitions."""
    setting = dataclasses.replace(setting, model=dataclasses.replace(setting.model, transitions=transitions))
    saved = {name: bytes_saved(setting, objective, seed) for name, objective in OBJECTIVES.items()}
    return {"setting": asdict(setting), "transitions": transitions, "bytes": saved}


def megabytes(objective: str) -> Callable[[Row], str]:
    """A cell: what an objective keeps."""
    return lambda row: f"{row['bytes'][objective] / 1e6:.3f}"


def main(arguments: list[str]) -> None:
    """Count in both settings and report."""
    options = parse(MemoryOptions, "benchmarks.memory", arguments)
    pyro.enable_validation(False)  # as training does
    rows = [measure(setting, transitions, options.seed) for setting in (SMALL, LARGE) for transitions in TRANSITIONS]
    columns: dict[str, Callable[[Row], str]] = {
        "setting": lambda row: row["setting"]["name"],
        "transitions": lambda row: str(row["transitions"]),
    }
    columns |= {f"{name} [MB]": megabytes(name) for name in OBJECTIVES}
    publish("memory", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
