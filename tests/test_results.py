"""Every stored result has a row in the index, and every row of the index holds."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.report import RESULTS

INDEX = RESULTS / "README.md"


class Entry(NamedTuple):
    """A row of the index."""

    kind: str
    files: list[str]
    commands: list[str]
    commit: str
    feeds: list[str]


def entries() -> list[Entry]:
    """Read the rows of the index, whose headings are the folders."""
    found: list[Entry] = []
    kind = ""
    for line in INDEX.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind = line.removeprefix("## ")
        elif line.startswith("| `"):
            files, command, commit, feeds = line.strip("| ").split(" | ")
            quoted = re.compile("`([^`]+)`")
            links = re.findall(r"\]\(([^)]+)\)", feeds)
            found.append(Entry(kind, quoted.findall(files), quoted.findall(command), commit.strip("`"), links))
    return found


ENTRIES = entries()


def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_files_and_rows_match() -> None:
    listed = [f"{entry.kind}/{file}" for entry in ENTRIES for file in entry.files]
    stored = {path.relative_to(RESULTS).as_posix() for path in RESULTS.rglob("*") if path.is_file()}
    assert len(listed) == len({*listed})
    assert {*listed} == stored - {INDEX.name}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}/{entry.files[0]}")
def test_a_row_names_a_command_a_commit_and_a_section(entry: Entry) -> None:
    for command in entry.commands:
        python, flag, module, *_ = shlex.split(command)
        assert (python, flag) == ("python", "-m") and re.match(r"(benchmarks|gram_pyro)\.", module)
        assert importlib.util.find_spec(module) is not None, command
    assert re.fullmatch("[0-9a-f]{7,40}", entry.commit)
    assert entry.feeds
    for link in entry.feeds:
        file, _, anchor = link.partition("#")
        assert anchor in anchors(RESULTS / file), link


def flags(command: str) -> dict[str, Any]:
    """Options of a command line, as a JSON holds them."""
    found: dict[str, Any] = {}
    for part in re.split(r" --", command)[1:]:
        name, _, value = part.partition(" ")
        found[name.replace("-", "_")] = value or "True"
    return found


def spelled(value: Any) -> str:
    """An option's value as a command line has it."""
    return " ".join(map(spelled, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}/{entry.files[0]}")
def test_a_row_has_the_command_of_its_json(entry: Entry) -> None:
    path = RESULTS / entry.kind / entry.files[0]
    facts = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else {}
    if "command" in facts:
        assert entry.commands == [re.sub(" --out [^ ]+", "", facts["command"])]
    elif "options" in facts:
        assert entry.commands[0].split()[2] == f"benchmarks.{facts['benchmark']}"
        named = flags(entry.commands[0])
        assert named == {name: spelled(facts["options"][name]) for name in named}
