"""Checkpoints: what was written comes back, what is damaged is told apart, nothing in them is executed."""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gram_pyro.errors import UserError
from gram_pyro.runs import checkpoint
from gram_pyro.runs.checkpoint import MAGIC, checkpoints, read_checkpoint, read_latest, save_checkpoint
from gram_pyro.system.files import write_atomically


def state(number: int) -> dict[str, Any]:
    return {"done": number, "weights": {"a": torch.randn(3), "b": torch.arange(number)}, "metrics": "[]"}


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "last byte lost": lambda content: content[:-1],
    "only the magic": lambda content: content[: len(MAGIC)],
    "bit flipped in the body": lambda content: flip(content, len(content) - 100),
    "bit flipped in the checksum": lambda content: flip(content, len(MAGIC) + 3),
    "another version": lambda content: content.replace(MAGIC, b"gram_pyro checkpoint 2\n"),
    "something after it": lambda content: content + b"\0",
}
damaged = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())


def test_round_trip(tmp_path: Path) -> None:
    stored = state(5)
    path = save_checkpoint(tmp_path / "new" / "folder", 5, stored)
    found = read_checkpoint(path)
    assert found["done"] == 5 and found["metrics"] == "[]"
    assert torch.equal(found["weights"]["a"], stored["weights"]["a"])
    assert torch.equal(found["weights"]["b"], stored["weights"]["b"])


def test_only_the_last_few_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "KEEP", 3)
    for number in (9, 10, 99, 100, 1000):
        save_checkpoint(tmp_path, number, state(number))
    assert [read_checkpoint(path)["done"] for path in checkpoints(tmp_path)] == [99, 100, 1000]
    assert read_latest(tmp_path)["done"] == 1000


@damaged
def test_damage_is_recognised(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = save_checkpoint(tmp_path, 1, state(1))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"checkpoint-000000001\.pt is (damaged|not a checkpoint)"):
        read_checkpoint(path)


@damaged
def test_a_damaged_one_is_named_and_skipped(
    tmp_path: Path, damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        path = save_checkpoint(tmp_path, number, state(number))
    path.write_bytes(damage(path.read_bytes()))
    assert read_latest(tmp_path)["done"] == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("warning: ") and str(path) in said[0]


def test_no_sound_one_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(tmp_path, 1, state(1)).write_bytes(b"")
    (tmp_path / "checkpoint-000000002.pt").mkdir()
    with pytest.raises(UserError, match="no sound checkpoint"):
        read_latest(tmp_path)
    assert len(capsys.readouterr().err.splitlines()) == 2
    with pytest.raises(UserError, match=r"cannot read .*: No such file"):
        read_checkpoint(tmp_path / "nothing.pt")


class Malicious:
    """Unpickling it makes a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.place),)


def write_well_formed(folder: Path, number: int, body: bytes) -> Path:
    path = folder / f"checkpoint-{number:09d}.pt"
    path.write_bytes(MAGIC + hashlib.sha256(body).digest() + body)
    return path


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, writer: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Magic and checksum fit: only the loader stands between the file and its code."""
    save_checkpoint(tmp_path, 1, state(1))
    target, file = tmp_path / "executed", tmp_path / "body"
    if writer == "torch":
        torch.save({"done": Malicious(target)}, file)
    else:
        file.write_bytes(pickle.dumps(Malicious(target), protocol=2))
    path = write_well_formed(tmp_path, 2, file.read_bytes())
    with pytest.raises(UserError, match="checkpoint-000000002"):
        read_checkpoint(path)
    assert read_latest(tmp_path)["done"] == 1
    assert not target.exists() and "checkpoint-000000002" in capsys.readouterr().err


@pytest.mark.parametrize("body", [b"", b"\0" * 40, b"PK\x03\x04 no archive", pickle.dumps(3, protocol=2)])
def test_a_well_formed_file_of_something_else_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UserError, match="checkpoint-000000002"):
        read_checkpoint(write_well_formed(tmp_path, 2, body))


def refuse(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "open"), (Path, "replace")])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, refuse)
        with pytest.raises(UserError, match=r"cannot write .*file: No space left on device"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_failed_checkpoint_leaves_the_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        save_checkpoint(tmp_path, number, state(number))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(UserError, match="cannot write"):
            save_checkpoint(tmp_path, 3, state(3))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["checkpoint-000000001.pt", "checkpoint-000000002.pt"]
    assert read_latest(tmp_path)["done"] == 2


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_a_file_in_the_way_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot write"):
        write_atomically(tmp_path / place / "config.json", b"new")
    assert (tmp_path / "file").read_text() == "mine"
