"""The rooms of the library: each knows only those to its right, as CONTRIBUTING says."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gram_pyro

ROOT = Path(gram_pyro.__file__).parent
ROOMS = [
    "comparison", "evaluation", "training", "inference", "objectives", "effects", "runs", "guides", "models", "tasks",
    "system",
]  # fmt: skip
SHARED = {"errors", "registry", "system"}
"""What every room may use."""
SIBLINGS = {("evaluation", "training")}
"""Neither may know the other."""
KIN = {"grids": {"sudoku"}}
"""The other families that a family may know: grids are the solutions of sudoku's blank puzzle."""
MAX_LINES = 300
FILES = sorted(ROOT.rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a file, the package for an `__init__`."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


def imported(path: Path) -> set[str]:
    """Modules of the library that a file imports, wherever in it; type hints alone do not count."""
    tree = ast.parse(path.read_text())
    hints = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in hints:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name in MODULES and name != "gram_pyro"}


def room_of(module: str) -> str:
    """The room, or the module itself where it stands at the top."""
    return module.split(".")[1]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_those_to_its_right(room: str) -> None:
    known = {*ROOMS[ROOMS.index(room) :]} | SHARED
    for first, second in SIBLINGS:
        known -= {second} if room == first else {first} if room == second else set()
    for path in (ROOT / room).rglob("*.py"):
        assert {module for module in imported(path) if room_of(module) not in known} == set(), path


def test_every_package_is_a_room() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == {*ROOMS}


def test_a_task_knows_no_other_task() -> None:
    families = {path.parent.name for path in (ROOT / "tasks").glob("*/__init__.py")}
    for path in (ROOT / "tasks").glob("*/*.py"):
        others = families - {path.parent.name} - KIN.get(path.parent.name, set())
        assert {module for module in imported(path) if {*module.split(".")[2:3]} & others} == set(), path


def test_no_imports_run_in_a_circle() -> None:
    arrows = {module_of(path): imported(path) - {module_of(path)} for path in FILES}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        raise AssertionError(f"imports in a circle: {' -> '.join(error.args[1])}") from None


def test_files_are_short() -> None:
    assert {path.name: length for path in FILES if (length := len(path.read_text().splitlines())) > MAX_LINES} == {}
