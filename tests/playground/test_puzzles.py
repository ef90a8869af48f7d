"""What the page reads and how it judges, without a browser: the tests are in puzzles.test.mjs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gram_pyro.playground import PAGE

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node, which runs the modules of the page without a browser")
def test_what_the_page_reads_and_how_it_judges() -> None:
    command = [str(NODE), "--test", str(Path(__file__).with_name("puzzles.test.mjs"))]
    done = subprocess.run(
        command, env=os.environ | {"PLAYGROUND": str(PAGE)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
