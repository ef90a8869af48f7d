"""The site of the documentation."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gram_pyro.playground import site_files

ROOT = Path(__file__).parents[1]


def test_it_builds_without_a_warning_and_has_every_page(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.parent.name for path in tmp_path.glob("*/index.html")}
    shown = re.findall(r'src="(?!http|data)([^"]+)"', (tmp_path / "index.html").read_text(encoding="utf-8"))
    assert {"trajectories.gif", "program.png"} <= {*shown} and all((tmp_path / file).is_file() for file in shown)
    assert not [*tmp_path.rglob("*.py?")]
    assert all((tmp_path / "playground" / path).is_file() for path in site_files())
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        page = tmp_path / "notebooks" / notebook.stem / "index.html"
        pictures = re.findall(r'<img alt="[^"]+" src="([^"]+)"', page.read_text(encoding="utf-8"))
        assert len(pictures) == notebook.read_text(encoding="utf-8").count('"image/')
        assert pictures and all((page.parent / file).is_file() for file in pictures)
    assert 'id="gram_pyro.fit"' in (tmp_path / "reference" / "index.html").read_text(encoding="utf-8")


def test_pages_are_short() -> None:
    long = {path.name for path in (ROOT / "docs").glob("*.md") if len(path.read_text("utf-8").splitlines()) > 200}
    assert not {name for name in long if not name.startswith("appendix")}
