"""Writing so that nothing is lost, by one process at a time; reading so that nothing is executed."""

import contextlib
import hashlib
import importlib
import io
import os
import pickle
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from gram_pyro.errors import UserError
from gram_pyro.system.files import write_atomically

MAGIC = b"gram_pyro checkpoint 1\n"
KEEP = 2


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed training left half written."""
    for name in ("checkpoint", "weights", "config", "metrics", "curves", "samples"):
        for left in folder.glob(f".{name}*.tmp"):
            with contextlib.suppress(OSError):
                left.unlink()


def save_checkpoint(folder: Path, update: int, state: dict[str, Any]) -> Path:
    """Store a state under its update number, with a checksum; keep the last few."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    body = buffer.getvalue()
    path = folder / f"checkpoint-{update:09d}.pt"
    write_atomically(path, MAGIC + hashlib.sha256(body).digest() + body)
    for old in checkpoints(folder)[:-KEEP]:
        old.unlink(missing_ok=True)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files, oldest first."""
    return sorted(folder.glob("checkpoint-*.pt"))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read one checkpoint. Raises `UserError` if it is damaged or of another version."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if not content.startswith(MAGIC):
        raise UserError(f"{path} is not a checkpoint of this version of gram_pyro")
    digest, body = content[len(MAGIC) : len(MAGIC) + 32], content[len(MAGIC) + 32 :]
    if hashlib.sha256(body).digest() != digest:
        raise UserError(f"{path} is damaged: its checksum does not fit")
    try:
        state = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError):
        state = None
    if not isinstance(state, dict):
        raise UserError(f"{path} holds something other than a training state")
    return state


def read_latest(folder: Path) -> dict[str, Any]:
    """Return the newest sound checkpoint of a run, naming damaged ones. Raises `UserError` if there is none."""
    found = checkpoints(folder)
    for path in reversed(found):
        try:
            return read_checkpoint(path)
        except UserError as error:
            print(f"warning: {error}; trying the one before it", file=sys.stderr)
    train = f"train it with python -m gram_pyro.train --out {shlex.quote(str(folder))}"
    anew = f"remove {folder} to train it anew" if found else train
    raise UserError(f"{folder} holds no sound checkpoint; {anew}")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run folder, until the process ends at the latest, where the system can. Raises `UserError` if it is."""
    try:
        fcntl = importlib.import_module("fcntl")
    except ModuleNotFoundError:
        yield
        return
    with contextlib.ExitStack() as stack:
        handle = os.open(folder, os.O_RDONLY)
        stack.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is training in {folder}; wait for it, or choose another --out") from None
        yield
