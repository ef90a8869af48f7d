"""`python -m benchmarks.fuzz`: anything in place of a file or a command line gives a result, or one sentence."""

from __future__ import annotations

import gzip
import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from benchmarks.fuzz_targets import Target, lines, targets
from benchmarks.report import Options, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse

SLOW = 10.0
"""Seconds after which a case counts as hanging."""
WORDS = b" \n\t,;#0123456789.-+eEpPcnQqxX[]{}:\"'\\/*~?\0\xff\x80\xef\xbb\xbf"
HUGE = [
    b"99999999999999999999",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"p edge 100000000 1\n",
    b"~~~~~~~~",
]


@dataclass(frozen=True)
class FuzzOptions(Options):
    """Feed mutated files and command lines to every reader, and count what is not answered as it should be."""

    cases: int = 2000
    """Cases of each reader."""
    targets: tuple[str, ...] = ()
    """Readers by name; all unless told otherwise."""


@st.composite
def mutated(draw: st.DrawFn, examples: tuple[bytes, ...]) -> bytes:
    """A sound example with some changes, or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = draw(st.sampled_from(examples))
    packed = content[:2] == b"\x1f\x8b" and draw(st.booleans())
    content = gzip.decompress(content) if packed else content
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = draw(st.integers(start, min(len(content), start + 30)))
        piece = draw(
            st.binary(max_size=8)
            | st.sampled_from(HUGE)
            | st.lists(st.sampled_from(WORDS), max_size=12).map(bytes)
            | st.just(content[start:stop] * 2)
        )
        content = content[:start] + piece + content[stop:]
    if draw(st.integers(0, 9)) == 0:
        content = content[: draw(st.integers(0, len(content)))]
    return gzip.compress(content) if packed else content


VALUES = [
    "0",
    "1",
    "-1",
    "8",
    "1e9",
    "1e999",
    "nan",
    "",
    "None",
    "true",
    "cpu",
    "gram",
    "coloring",
    "nqueens",
    "\0",
    "9" * 30,
]
VALUES += ["x.py", "x.py:Name", "../..", "relations", "tokens", "--", "-h2", "é", "(1,2)", "0.5"]


def command_lines(names: list[str]) -> st.SearchStrategy[list[str]]:
    """Options, sound or not, with values, sound or not."""
    option = st.sampled_from(names).map(lambda name: f"--{name}") | st.text(max_size=8)
    return st.lists(option | st.sampled_from(VALUES) | st.text(max_size=6), max_size=8)


def attempt(act: Callable[[], object]) -> str:
    """What went wrong, or nothing: a result and a sentence are both right."""
    began = time.monotonic()
    try:
        act()
    except UserError as error:
        if not str(error).strip():
            return "an empty sentence"
    except SystemExit as stop:
        if stop.code:
            return f"left with {stop.code}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "slow" if time.monotonic() - began > SLOW else ""


def run(cases: st.SearchStrategy[Any], act: Callable[[Any], object], count: int, seed: int) -> Row:
    """Try cases of a target; the failures are kept, with what caused the first of each kind."""
    tried, slowest = 0, 0.0
    failures: dict[str, str] = {}

    @seeded(seed)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(cases)
    def case(given_case: Any) -> None:
        nonlocal tried, slowest
        tried += 1
        began = time.monotonic()
        trouble = attempt(lambda: act(given_case))
        slowest = max(slowest, time.monotonic() - began)
        if trouble:
            failures.setdefault(trouble[:80], repr(given_case)[:300])

    case()
    return {"tried": tried, "failures": failures, "slowest": round(slowest, 3)}


def fuzz_file(target: Target, count: int, seed: int) -> Row:
    """Mutate the files of a reader."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / target.name.split()[0]

        def act(content: bytes) -> None:
            path.write_bytes(content)
            target.read(path)

        return {"target": target.name, **run(mutated(target.examples), act, count, seed)}


def fuzz_line(name: str, count: int, seed: int) -> Row:
    """Mutate a command line."""
    names, read = lines()[name]

    def act(arguments: list[str]) -> None:
        shown, sys.stdout = sys.stdout, io.StringIO()
        try:
            read([*arguments])
        finally:
            sys.stdout = shown

    return {"target": f"{name} [options]", **run(command_lines(names), act, count, seed)}


def main(arguments: list[str]) -> None:
    """Try everything and report."""
    options = parse(FuzzOptions, "benchmarks.fuzz", arguments)
    known = targets()
    names = options.targets or (*known, *lines())
    unknown = [name for name in names if name not in known and name not in lines()]
    if unknown or options.cases < 1:
        raise UserError(f"known targets are {', '.join([*known, *lines()])}, and --cases must be at least 1")
    np.seterr(all="ignore")
    rows = []
    for name in names:
        told = options.cases, options.seed
        rows.append(fuzz_file(known[name], *told) if name in known else fuzz_line(name, *told))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    columns: dict[str, Callable[[Row], str]] = {
        "target": lambda row: row["target"],
        "cases": lambda row: str(row["tried"]),
        "failures": lambda row: str(len(row["failures"])),
        "slowest [s]": lambda row: f"{row['slowest']:.2f}",
    }
    publish("fuzz", options, columns, [row | {"peak_memory_of_all": peak} for row in rows])
    for row in rows:
        for trouble, cause in row["failures"].items():
            print(f"{row['target']}: {trouble}\n    {cause}", file=sys.stderr)


if __name__ == "__main__":
    run_cli(main)
