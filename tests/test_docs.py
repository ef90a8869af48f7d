"""The pages on extending: what they show runs, with less training."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

import gram_pyro
from gram_pyro import api

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "examples" / "latin_squares.py"
LESS = {"updates": 2, "problems": 40, "batch": 8, "depth": 4, "evaluations": 1, "head_rounds": 0, "threads": 1}


def test_a_task_takes_sixty_lines_and_passes_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """And every block of the page runs in order."""
    assert len(EXAMPLE.read_text().splitlines()) <= 60

    def fit(task: Any, *, minutes: float | None = None, **options: Any) -> gram_pyro.Reasoner:
        return api.fit(task, **options | LESS, quiet=True, precision="float32", device="cpu")

    monkeypatch.syspath_prepend(EXAMPLE.parent)
    monkeypatch.setattr(gram_pyro, "fit", fit)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "extending.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(block, names)
    assert len(blocks) >= 3 and isinstance(names["reasoner"].guide, names["Shift"])
    sys.modules.pop("latin_squares", None)


def test_the_page_on_posteriors_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    monkeypatch.setattr(sys, "path", [*sys.path])
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "posteriors.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(block, names)
    assert len(blocks) >= 6
