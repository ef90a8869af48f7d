"""The page in Chromium: it loads, solves, says what is wrong with bad input, and its answers pass the checkers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from gram_pyro.playground import serve, site_files
from gram_pyro.tasks import Coloring, NQueens, Sudoku
from gram_pyro.tasks.nqueens.boards import Board

SCRIPT = Path(__file__).with_name("browser.mjs")
SECONDS = 2.0  # from load to the first answer
RUNS = os.environ.get("PLAYGROUND_RUNS")
"""Folder of runs to take instead of the shipped ones."""

pytestmark = pytest.mark.slow


def node_path(node: str) -> str | None:
    """Return where node finds playwright-core, in NODE_PATH or among what npm installed globally; None if nowhere."""
    npm = shutil.which("npm")
    every = [os.environ.get("NODE_PATH", "")]
    if npm is not None:
        every.append(subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False).stdout.strip())
    for place in every:
        environment = os.environ | {"NODE_PATH": place}
        command = [node, "-e", "require('playwright-core')"]
        if not subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
            return place
    return None


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Return what a visit of the page found."""
    node = shutil.which("node")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    place = None if node is None else node_path(node)
    if node is None or browser is None or place is None:
        pytest.skip("needs Chromium, node and playwright-core (npm install -g playwright-core): no browser, no page")
    files = site_files(Path(RUNS) if RUNS else None)
    with serve(files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        folder = tmp_path_factory.mktemp("pictures")
        command = [node, str(SCRIPT), f"http://127.0.0.1:{server.server_port}/", browser, str(folder)]
        environment = os.environ | {"NODE_PATH": place}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout) | {"pictures": sorted(path.name for path in folder.iterdir())}


def test_it_loads_without_an_error(found: dict[str, Any]) -> None:
    assert found["errors"] == []
    assert len(found["pictures"]) == 6


def test_it_fits_a_phone_and_keys_change_tabs(found: dict[str, Any]) -> None:
    assert len(found["overflow"]) == 4 and max(found["overflow"]) <= 0
    assert found["tab"] == "Graph"


def test_it_solves_graphs_in_time(found: dict[str, Any]) -> None:
    petersen = found["petersen"]
    graph = nx.Graph([(u - 1, v - 1) for u, v in petersen["edges"]])
    assert nx.is_isomorphic(graph, nx.petersen_graph())
    task = Coloring(k=3)
    valid = [answer for answer in petersen["answers"] if task.violations(graph, tuple(answer)) == 0]
    assert len(petersen["answers"]) == 8 and len(valid) >= 4 and petersen["seconds"] < SECONDS
    wagner = nx.circulant_graph(8, [1, 4])
    right = sum(task.violations(wagner, tuple(answer)) == 0 for answer in found["wagner"]["answers"])
    assert len({tuple(answer) for answer in found["wagner"]["answers"]}) > 2
    assert right >= 4 and found["wagner"]["status"].startswith(f"{right} of 8 ")


def test_time_goes_back(found: dict[str, Any]) -> None:
    assert found["first"] == "step 0 of 32"


def test_a_graph_is_drawn_by_hand(found: dict[str, Any]) -> None:
    assert found["drawn"].splitlines() == ["1 2", "2 3"]
    assert found["deleted"].splitlines() == ["2 3", "1"]
    assert found["undone"] == found["drawn"]
    dragged, pushed, left = found["moved"]
    assert dragged > 10 and pushed == -3 and left == 0


def test_bad_input_gets_a_sentence_and_loses_nothing(found: dict[str, Any]) -> None:
    notes = found["notes"]
    assert found["kept"] and found["cleared"] == "" and all(note.strip().endswith(".") for note in notes.values())
    assert "Line 1" in notes["none"] and "71 vertices" in notes["large"] and "Steps" in notes["steps"]
    assert "digit 5" in notes["sudoku"] and notes["refused"] == notes["sudoku"]
    assert "a8 and b7" in notes["queens"]


def test_it_solves_a_sudoku(found: dict[str, Any]) -> None:
    task = Sudoku()
    puzzle = task.prepare("".join(map(str, found["puzzle"])))
    answers = [task.answer(puzzle, answer) for answer in found["sudoku"]["answers"]]
    assert len(answers) == 2 and all(task.violations(puzzle, answer) == 0 for answer in answers)


def test_it_places_queens_and_draws_digits(found: dict[str, Any]) -> None:
    board = Board(8, (0,))
    right = [NQueens().violations(board, tuple(answer)) == 0 for answer in found["queens"]["answers"]]
    status = found["queens"]["status"]
    assert len(right) == 8 and status.startswith(f"{sum(right)} of 8 " if any(right) else "None of 8 ")
    assert len(found["digits"]["answers"]) == 24 and "24" in found["digits"]["status"]
