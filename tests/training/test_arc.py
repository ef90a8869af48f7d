"""ARC on the largest canvas fits into the memory of a small machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRAINING = """
import resource
from dataclasses import replace
from gram_pyro.runs.recipes import recipe
from gram_pyro.tasks import Arc
from gram_pyro.training import validation
from gram_pyro.training.run import train

validation.PROBLEMS = validation.SAMPLES = 2  # their memory does not grow with their number, and their time does
config = recipe("arc")
short = replace(config.training, updates=2, batch=16, evaluations=1, head_rounds=0)
machine = replace(config.machine, threads=1, precision="float32")
train(replace(config, task=Arc(side=30), training=short, machine=machine), quiet=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_thirty_by_thirty_cells_in_batches_of_sixteen() -> None:
    """All embedded rules: under 4 GiB at the peak, of which a hundred MiB would not show."""
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < (4 << 20)  # KiB
