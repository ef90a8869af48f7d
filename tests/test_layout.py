"""The rooms of the library: each knows only those to its right, as CONTRIBUTING says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gram_pyro

ROOT = Path(gram_pyro.__file__).parent
ROOMS = ["comparison", "evaluation", "training", "inference", "objectives", "effects", "guides", "models", "tasks"]
COMMANDS = {"train", "evaluate", "sample", "compare", "program", "train_heads"}
ALLOWED = {("comparison", "train")}
"""A comparison trains by the command."""


def imported(path: Path) -> set[str]:
    """Rooms and modules of the library that a file imports."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    whole = {alias.name for node in nodes if node.module == "gram_pyro" for alias in node.names}
    return whole | {node.module.split(".")[1] for node in nodes if (node.module or "").startswith("gram_pyro.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_those_to_its_right(room: str) -> None:
    unknown = {*ROOMS[: ROOMS.index(room)]} | COMMANDS
    for path in (ROOT / room).glob("*.py"):
        assert {name for name in imported(path) & unknown if (room, name) not in ALLOWED} == set(), path


def test_every_package_is_a_room() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == {*ROOMS}
