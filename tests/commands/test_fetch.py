"""Fetching public data, from a mirror on this machine."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gram_pyro import fetch
from gram_pyro.errors import UserError
from gram_pyro.fetch import DataSet

CONTENT = {"a.gz": b"one", "b.gz": b"two"}
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which its files are served."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(gzip.compress(content))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield folder, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def offer(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
    monkeypatch.setitem(fetch.DATA_SETS, "mnist", DataSet(mirrors, DIGESTS))


def test_what_is_missing_is_fetched(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mirror that is gone is passed over; what lies there and is right stays, what is damaged is replaced."""
    offer(monkeypatch, "http://127.0.0.1:9", served[1])
    out = tmp_path / "out"
    fetch.main(["mnist", "--out", str(out)])
    assert [gzip.decompress((out / name).read_bytes()) for name in CONTENT] == [*CONTENT.values()]
    assert capsys.readouterr().out.endswith(f"next: python -m gram_pyro.train --task digits --task.data {out}\n")
    (out / "a.gz").write_bytes(gzip.compress(b"one", 1, mtime=7))
    (out / "b.gz").write_bytes(b"damaged")
    before = (out / "a.gz").read_bytes()
    fetch.main(["mnist", "--out", str(out)])
    printed = capsys.readouterr().out
    assert str(out / "a.gz") not in printed and str(out / "b.gz") in printed
    assert (out / "a.gz").read_bytes() == before and gzip.decompress((out / "b.gz").read_bytes()) == b"two"


@pytest.mark.parametrize(
    "content", [gzip.compress(b"other", mtime=0), gzip.compress(b"one", mtime=0)[:-3], b"", b"no archive"]
)
def test_what_is_not_sound_is_not_taken(
    content: bytes, served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, served[1])
    (served[0] / "a.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"^a\.gz cannot be fetched \(http.*the file is another, or damaged\); put it"):
        fetch.main(["mnist", "--out", str(tmp_path / "out")])
    assert not [*(tmp_path / "out").iterdir()]


def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "http://127.0.0.1:9", "http://nowhere.invalid")
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9: .*refused.*; http://nowhere\.invalid: .*yourself$"):
        fetch.main(["mnist", "--out", str(tmp_path)])


def test_files_that_a_mirror_lacks(served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, f"{served[1]}/nothing")
    with pytest.raises(UserError, match=r"nothing: .*[Nn]ot [Ff]ound"):
        fetch.main(["mnist", "--out", str(tmp_path)])


def test_other_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown data set 'cifar'; known are mnist"):
        fetch.main(["cifar", "--out", str(tmp_path)])


def test_the_real_one_has_four_files() -> None:
    assert len(fetch.MNIST.files) == 4 and all(len(digest) == 64 for digest in fetch.MNIST.files.values())
