"""The fuzzer in short: mutated files and command lines end in a result or in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fuzz
from benchmarks.fuzz import attempt, fuzz_file, fuzz_line, run
from benchmarks.fuzz_targets import lines, targets

CASES = 60
TARGETS = targets()


@pytest.mark.parametrize("name", TARGETS)
def test_sound_examples_are_read(name: str, tmp_path: Path) -> None:
    for example in TARGETS[name].examples:
        path = tmp_path / name.split()[0]
        path.write_bytes(example)
        TARGETS[name].read(path)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files(name: str) -> None:
    found = fuzz_file(TARGETS[name], CASES, 1)
    assert found["tried"] == CASES and not found["failures"]


@pytest.mark.parametrize("name", lines())
def test_mutated_command_lines(name: str) -> None:
    found = fuzz_line(name, CASES, 1)
    assert found["tried"] == CASES and not found["failures"]


def test_a_reader_that_breaks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(content: bytes) -> None:
        if b"9" in content:
            raise KeyError("nine")

    found = run(fuzz.mutated((b"1 2 3\n",)), breaks, 200, 0)
    assert list(found["failures"]) == ["KeyError: 'nine'"]
    monkeypatch.setattr(fuzz, "SLOW", -1.0)
    assert attempt(lambda: None) == "slow"
    assert attempt(lambda: exit(1)) == "left with 1"
