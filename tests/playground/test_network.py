"""The network in the page is that of the library: the same logits on the same noise."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pyro
import pytest
import torch
import torch.distributions.normal
from torch import Tensor

from gram_pyro.models.base import State
from gram_pyro.models.draft import Schedule
from gram_pyro.models.fields import Fields, FieldsConfig
from gram_pyro.models.gram import Gram
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.shipped import SHIPPED
from gram_pyro.runs.store import WEIGHTS, build_parts, load_run, publish
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring, Digits, NQueens, Sudoku, Task
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.nqueens.boards import Board

PAGE = Path(__file__).parents[2] / "docs" / "playground"
SCRIPT = Path(__file__).with_name("trajectory.mjs")
NODE = shutil.which("node")
HARD = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
STEPS = 4

pytestmark = pytest.mark.skipif(NODE is None, reason="needs node, which runs the network of the page without a browser")


def small(task: Task, draft: Schedule, layers: int, folder: Path) -> None:
    """Store a small network that is not trained."""
    torch.manual_seed(0)
    shape = FieldsConfig(width=8, hidden=12, layers=layers, refinements=2, guidance=False, draft=draft)
    config = RunConfig(task, shape, TrainingConfig(), guide="diffusion", task_name=task.name, model_name="fields")
    publish(folder, config, *build_parts(config), None)


def problem_of(problems: Problems, kinds: list[int]) -> dict[str, Any]:
    """Return the first problem as the page writes it."""
    relations: Any = [] if problems.relations is None else problems.relations
    if len(relations) and relations.dim() == 4:
        relations = relations[0]
    return {
        "length": problems.tokens.shape[1],
        "tokens": problems.tokens[0].tolist(),
        "kinds": kinds,
        "relations": [[row.nonzero()[:, 0].tolist() for row in relation] for relation in relations],
        "pins": None if problems.pins is None else problems.pins[0].tolist(),
    }


def logits_of(model: Gram, problems: Problems, noise: Tensor, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Return logits before the first step and after each, `(steps + 1, length, values)`, where drafts draw `noise`."""
    rows: Iterator[Tensor] = iter(noise[:, None])
    monkeypatch.setattr(torch.distributions.normal, "_standard_normal", lambda *_, **__: next(rows))
    with torch.no_grad():
        trace = pyro.poutine.trace(model).get_trace(problems, steps=len(noise), supervise="none")
    states = [State(*(trace.nodes[f"{part}_{t}"]["value"] for part in ("high", "low"))) for t in range(STEPS + 1)]
    return torch.cat([model.logits(state) for state in states])


def compare(folder: Path, task: Task, problem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run both on one problem."""
    model = load_run(str(folder), "cpu").model
    assert isinstance(model, Gram) and model.draft is not None
    model.draft.receiver = "mean"  # a mixture draws more than noise
    problems = task.encode([task.prepare(problem)])
    kinds = model.kinds_of(problems.values).tolist() if isinstance(model, Fields) else [*task.spec.values]
    noise = torch.randn(STEPS, problems.tokens.shape[1], len(kinds), generator=torch.Generator().manual_seed(1))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["model"]["receiver"] = "mean"
    given = {
        "config": config,
        "weights": str(folder / WEIGHTS),
        "problem": problem_of(problems, kinds),
        "noise": noise.tolist(),
    }
    command = [str(NODE), str(SCRIPT), str(PAGE)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = torch.tensor(json.loads(done.stdout)).view(STEPS + 1, -1, len(kinds))
    torch.testing.assert_close(found, logits_of(model, problems, noise, monkeypatch), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("task", "problem", "draft", "layers"),
    [
        (Coloring(k=4), nx.lollipop_graph(4, 3), "cosine", 1),
        (Coloring(k=3), nx.petersen_graph(), "flow", 2),
        (NQueens(n=5), Board(5, (1, 8)), "cosine", 1),
        (Sudoku(box=2), "1...............", "constant", 1),
    ],
    ids=["graph", "two layers", "board", "puzzle"],
)
def test_it_is_the_network_of_the_library(
    task: Task, problem: Any, draft: Schedule, layers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(task, draft, layers, tmp_path)
    compare(tmp_path, task, problem, monkeypatch)


@pytest.mark.parametrize(
    ("name", "task", "problem"),
    [
        ("sudoku", Sudoku(), HARD),
        ("sudoku_extreme", Sudoku(), HARD),
        ("digits", Digits(given=0.1), None),
        ("digits", Digits(given=0.1), "0011" * 8 + "." * 32),
    ],
    ids=["sudoku", "sudoku_extreme", "digits", "half a digit"],
)
def test_it_is_what_is_shipped(name: str, task: Task, problem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(SHIPPED / name, task, problem, monkeypatch)
