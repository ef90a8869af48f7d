"""A run folder belongs to one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gram_pyro.errors import UserError
from gram_pyro.runs.checkpoint import locked

HOLD = """
import sys, pathlib
from gram_pyro.runs.checkpoint import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_ends_however_it_ends(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another process is training in"), locked(tmp_path):
            pass
        other.kill()
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
