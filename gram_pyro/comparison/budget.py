"""What all systems of a comparison get alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Equal = Literal["time", "evaluations", "examples"]


@dataclass(frozen=True)
class Budget:
    """What every system of a comparison gets alike."""

    minutes: float
    """Minutes of training, the value and halt heads included; on a CPU as far as the processor works on it."""
    equal: Equal
    """What is equal: time of training and the number of samples; network evaluations of both; or examples
    that updates were made on and the number of samples. Beyond time, the reference sets the amount, and value and halt
    heads are trained on top of it."""
    samples: int
    """Samples of a problem; of the reference where evaluations are equal."""
    problems: int
    """Test problems."""
    data_seed: int
    """Seed of the test problems."""
    threads: int
    """CPU threads of a run."""
    jobs: int
    """Runs side by side."""
    device: str
    """cpu, cuda or cuda:1."""
    task_options: str = ""
    """More options of the task, such as --task.n 10."""
    reference: str = ""
    """System and inputs that set the amount where it is not time."""
    precision: str = "float32"
    """Of training."""


def difference(theirs: Mapping[str, Any], mine: Budget) -> str:
    """Return the fields in which a budget differs from mine; nothing if it is the same."""
    return ", ".join(
        f"{name} {theirs.get(name)!r}" for name, value in asdict(mine).items() if theirs.get(name) != value
    )
