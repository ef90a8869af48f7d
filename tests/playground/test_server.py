"""The server of the page: it sends the page and the weights, and nothing else."""

from __future__ import annotations

import gzip
import threading
import webbrowser
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from gram_pyro import playground
from gram_pyro.errors import UserError
from gram_pyro.runs.shipped import SHIPPED

MOST_BYTES = 1_500_000  # compressed


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with playground.serve(playground.site_files()) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: ThreadingHTTPServer, path: str) -> tuple[int, str | None, bytes]:
    """Return status, type and content of what is at a path."""
    connection = HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), content


def test_it_sends_the_page_its_modules_and_the_weights(server: ThreadingHTTPServer) -> None:
    assert get(server, "/") == get(server, "/index.html?again") == (
        200, "text/html; charset=utf-8", (playground.PAGE / "index.html").read_bytes()
    )  # fmt: skip
    assert get(server, "/main.js")[1] == "text/javascript; charset=utf-8"
    weights = (SHIPPED / "sudoku" / "weights.safetensors").read_bytes()
    assert get(server, "/weights/sudoku/weights.safetensors") == (200, "application/octet-stream", weights)


@pytest.mark.parametrize("path", ["/../gallery.md", "/weights", "/weights/../../gram_pyro/api.py", "//etc/passwd"])
def test_it_sends_nothing_else(server: ThreadingHTTPServer, path: str) -> None:
    assert get(server, path)[0] == 404


def test_runs_of_ones_own_come_first(tmp_path: Path) -> None:
    own = tmp_path / "sudoku"
    own.mkdir()
    for name in playground.STORED:
        (own / name).write_bytes(b"")
    files = playground.site_files(tmp_path)
    assert files["weights/sudoku/config.json"] == own / "config.json"
    assert files["weights/boards/config.json"] == SHIPPED / "boards" / "config.json"


def test_the_page_asks_for_the_checkpoints_that_are_served() -> None:
    page = "".join(path.read_text("utf-8") for path in playground.PAGE.iterdir())
    assert all(f'"{name}"' in page for name in playground.CHECKPOINTS)


def test_the_first_answer_needs_little_traffic() -> None:
    sent = {
        path: file for path, file in playground.site_files().items() if "weights/" not in path or "/coloring/" in path
    }
    assert sum(len(gzip.compress(file.read_bytes())) for file in sent.values()) < MOST_BYTES


def test_modules_are_short() -> None:
    assert all(len(path.read_text("utf-8").splitlines()) < 200 for path in playground.PAGE.iterdir())


def test_it_opens_the_browser_and_ends_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def interrupt(_: ThreadingHTTPServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", interrupt)
    for arguments in ([], ["--no-browser"]):
        with pytest.raises(KeyboardInterrupt):
            playground.main(arguments)
    assert len(opened) == 1 and opened[0].startswith("http://127.0.0.1:")
    assert capsys.readouterr().out.count("http://127.0.0.1:") == 2


def test_wrong_input_is_one_sentence(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for arguments, reason in (
        (["--port", str(server.server_port)], "cannot be used"),
        (["--port", "99999"], "cannot be used"),
        (["--runs", str(tmp_path / "none")], "no folder of runs"),
    ):
        with pytest.raises(UserError, match=reason):
            playground.main([*arguments, "--no-browser"])
    monkeypatch.setattr(playground, "PAGE", tmp_path)
    with pytest.raises(UserError, match="comes with the repository"):
        playground.main(["--no-browser"])
