"""`python -m benchmarks.survive`: kill trainings, damage what they wrote, and compare with one that nobody touched."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from safetensors.torch import load_file

from benchmarks.report import Options, Row, publish
from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.checkpoint import MAGIC, checkpoints, read_latest
from gram_pyro.system.cli import parse

SMALL = "--task coloring --task.n 5 --model.width 16 --model.hidden 16 --model.layers 1 --problems 200 --batch 8"
LONG = f"{SMALL} --updates 1500 --evaluations 60 --head-rounds 1 --compile off --precision float32 --threads 1".split()
MOST_WRITES = 30
PATIENCE = 300
"""Seconds that a training may take, the start included."""
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "100"]


@dataclass(frozen=True)
class SurviveOptions(Options):
    """Kill training at random moments, fill the disk, kill one of two workers, damage checkpoints; count survivors."""

    kills: int = 20
    """Kills at random moments."""
    writing: int = 5
    """Kills while a file is being written."""
    full: int = 3
    """Disks that are full at a checkpoint."""
    workers: int = 3
    """Kills of one worker of two under torchrun."""
    damages: int = 60
    """Checkpoints that are damaged."""


def start(
    folder: Path, *, together: bool = False, limit: int | None = None, writes: int | None = None
) -> subprocess.Popen[bytes]:
    """A training in the folder that goes on where it was.

    `limit` is the most bytes a file may have; in the middle of write number `writes` it dies.
    """

    def smaller() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    runner = TORCHRUN if together else [] if writes is None else ["-m", "benchmarks.kill_mid_write", str(writes)]
    module = ["gram_pyro.train"] if writes is not None else ["-m", "gram_pyro.train"]
    command = [sys.executable, *runner, *module, *LONG, "--out", str(folder)]
    log = (folder.parent / f"{folder.name}.log").open("ab")
    return subprocess.Popen(
        [*command, "--continue"], stdout=log, stderr=log, env=environment, preexec_fn=smaller, start_new_session=True
    )  # fmt: skip


def trace_of(folder: Path) -> tuple[str, list[Row]]:
    """A digest of the weights, and the log without its times."""
    weights = load_file(folder / "weights.safetensors")
    digest = hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return digest, [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]


def ended(folder: Path, process: subprocess.Popen[bytes], expected: int | None = None) -> int:
    """How a training ended. Raises `UserError` if it never does, or not with the code that is `expected`."""
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        code = None
    if code is None or expected not in (None, code):
        said = (folder.parent / f"{folder.name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        how = f"did not end in {PATIENCE} s" if code is None else f"ended with {code}, not {expected}"
        raise UserError(f"the training {folder.name} {how}; its last words: {' '.join(said[-3:])[-500:]}")
    return code


def finish(folder: Path, together: bool = False) -> None:
    """Train to the end. Raises `UserError` if that fails."""
    ended(folder, start(folder, together=together), 0)


def kill_at_random(folder: Path, count: int, dice: random.Random) -> int:
    """SIGKILL after random seconds, again and again until there were enough, or it came to its end."""
    done = 0
    while done < count:
        process = start(folder)
        try:
            process.wait(dice.uniform(2.0, 9.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done += 1
            continue
        ended(folder, process, 0)
        shutil.rmtree(folder)
    return done


def kill_while_writing(folder: Path, count: int, dice: random.Random) -> int:
    """SIGKILL in the middle of writing a file: a checkpoint, weights, the log or a picture."""
    done = 0
    while done < count:
        process = start(folder, writes=dice.randint(1, MOST_WRITES))
        if ended(folder, process) == -signal.SIGKILL:
            done += 1
        else:
            ended(folder, process, 0)
            shutil.rmtree(folder)
    return done


def fill_disk(folder: Path, count: int, dice: random.Random) -> int:
    """Let no file grow beyond what a checkpoint needs; the training has to say so, and leave the last one sound."""
    for _ in range(count):
        process = start(folder)
        while not checkpoints(folder) and process.poll() is None:
            time.sleep(0.05)
        process.kill()
        process.wait()
        if not checkpoints(folder):
            ended(folder, process, -signal.SIGKILL)
        size = checkpoints(folder)[-1].stat().st_size
        ended(folder, start(folder, limit=dice.randrange(size // 2, size)), 2)
        read_latest(folder)
    return count


def kill_worker(folder: Path, count: int, dice: random.Random) -> int:
    """SIGKILL one of two workers; torchrun has to start both again."""
    process = start(folder, together=True)
    done = 0
    while done < count and process.poll() is None:
        time.sleep(dice.uniform(8.0, 14.0))
        workers = children(process.pid)
        if len(workers) == 2:
            os.kill(dice.choice(workers), signal.SIGKILL)
            done += 1
    ended(folder, process)
    return done


def children(parent: int) -> list[int]:
    """The processes that a process started, on Linux."""
    try:
        return [int(number) for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def damage(content: bytes, kind: str, dice: random.Random) -> bytes:
    """What might have happened to a file."""
    place = dice.randrange(len(content))
    if kind == "truncated":
        return content[:place]
    if kind == "bit flipped":
        return content[:place] + bytes([content[place] ^ (1 << dice.randrange(8))]) + content[place + 1 :]
    if kind == "block of zeros":
        return content[:place] + bytes(min(512, len(content) - place)) + content[place + 512 :]
    if kind == "another version":
        return content.replace(MAGIC, MAGIC.replace(b"1", b"2"), 1)
    return b""


def damage_checkpoints(run: Path, count: int, dice: random.Random) -> tuple[int, int]:
    """How many damaged checkpoints there were, and how many were named and passed over for the one before."""
    kinds = ("truncated", "bit flipped", "block of zeros", "another version", "empty")
    older, newest = checkpoints(run)
    sound, expected = newest.read_bytes(), int(older.stem.rpartition("-")[2])
    tried = recognised = 0
    while tried < count:
        bad = damage(sound, kinds[tried % len(kinds)], dice)
        if bad == sound:
            continue
        tried += 1
        newest.write_bytes(bad)
        said = StringIO()
        with redirect_stderr(said):
            found = read_latest(run)["trainer"]["done"]
        recognised += found == expected and str(newest) in said.getvalue()
    newest.write_bytes(sound)
    return tried, recognised


def main(arguments: list[str]) -> None:
    """Try everything and report."""
    options = parse(SurviveOptions, "benchmarks.survive", arguments)
    dice = random.Random(options.seed)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        finish(place / "untouched")
        untouched = trace_of(place / "untouched")
        attempts: dict[str, tuple[int, Callable[[Path], int]]] = {
            "killed at a random moment": (options.kills, lambda run: kill_at_random(run, options.kills, dice)),
            "killed while writing": (options.writing, lambda run: kill_while_writing(run, options.writing, dice)),
            "disk full": (options.full, lambda run: fill_disk(run, options.full, dice)),
        }
        for label, (wanted, attempt) in attempts.items():
            if wanted:
                run = place / label.replace(" ", "-")
                tried = attempt(run)
                finish(run)
                rows.append({"what": label, "tried": tried, "survived": tried * (trace_of(run) == untouched)})
        if options.workers:
            finish(place / "both", together=True)
            tried = kill_worker(place / "one", options.workers, dice)
            finish(place / "one", together=True)
            same = trace_of(place / "one") == trace_of(place / "both")
            rows.append({"what": "one worker of two killed", "tried": tried, "survived": tried * same})
        if options.damages:
            tried, recognised = damage_checkpoints(place / "untouched", options.damages, dice)
            rows.append({"what": "damaged checkpoint", "tried": tried, "survived": recognised})
    columns: dict[str, Callable[[Row], str]] = {
        "what": lambda row: row["what"],
        "tried": lambda row: str(row["tried"]),
        "survived": lambda row: str(row["survived"]),
    }
    publish("survive", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
