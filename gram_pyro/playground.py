"""`python -m gram_pyro.playground`: a page that shows trained networks think, served to the browser of this machine."""

import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.shipped import SHIPPED
from gram_pyro.system.cli import parse
from gram_pyro.system.files import is_folder

PAGE = Path(__file__).parents[1] / "docs" / "playground"
CHECKPOINTS = ("boards", "coloring", "digits", "grids", "sudoku", "sudoku_extreme")
"""The networks that the page asks for."""
STORED = ("config.json", "weights.safetensors")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}
HOST = "127.0.0.1"


@dataclass(frozen=True)
class PlaygroundConfig:
    """Show trained networks think, in a page that this machine serves to its own browser."""

    runs: Annotated[str, arg(metavar="FOLDER")] = ""
    """Folder of runs to take instead of those that come with the package, where they have the same names."""
    port: int = 0
    """Port; 0: any that is free."""
    browser: bool = True
    """Whether to open a browser."""


def site_files(runs: Path | None = None) -> dict[str, Path]:
    """Return the files of the page by their paths in it, weights included, those of `runs` first.

    Raises `UserError` if the page is not here.
    """
    if not (PAGE / "index.html").is_file():
        raise UserError(f"the page is missing: it comes with the repository, and {PAGE} is not there")
    found = {path.name: path for path in sorted(PAGE.iterdir()) if path.suffix in TYPES}
    for name in CHECKPOINTS:
        own = runs is not None and (runs / name / STORED[1]).is_file()
        folder = (runs if own and runs is not None else SHIPPED) / name
        found |= {f"weights/{name}/{file}": folder / file for file in STORED if (folder / file).is_file()}
    return found


class Handler(BaseHTTPRequestHandler):
    """Answers with files of the page and nothing else."""

    def __init__(self, files: Mapping[str, Path], *args: Any) -> None:
        self.files = files
        super().__init__(*args)

    def do_GET(self) -> None:
        """Send the file of a path."""
        path = self.files.get(self.path.partition("?")[0].removeprefix("/") or "index.html")
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = path.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""


def serve(files: Mapping[str, Path], port: int = 0) -> ThreadingHTTPServer:
    """Return a server of the files on this machine alone, not running yet. Raises `UserError` if the port is taken."""
    try:
        return ThreadingHTTPServer((HOST, port), partial(Handler, files))
    except (OSError, OverflowError) as error:
        raise UserError(f"port {port} cannot be used: {getattr(error, 'strerror', None) or error}") from None


def main(arguments: list[str]) -> None:
    """Serve until Ctrl-C. Raises `UserError` on wrong input."""
    config: PlaygroundConfig = parse(PlaygroundConfig, "gram_pyro.playground", arguments)
    if config.runs and not is_folder(config.runs):
        raise UserError(f"--runs {config.runs} is no folder of runs")
    with serve(site_files(Path(config.runs) if config.runs else None), config.port) as server:
        address = f"http://{HOST}:{server.server_port}/"
        print(f"{address}  (Ctrl-C ends it)", flush=True)
        if config.browser:
            webbrowser.open(address)
        server.serve_forever()


if __name__ == "__main__":
    run_cli(main)
