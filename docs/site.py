"""Hooks of the site: the README is its home, and what benchmarks measured belongs to it."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def on_files(files: Files, config: Any) -> Files:
    """Add the home page and the figures."""
    home = (ROOT / "README.md").read_text(encoding="utf-8")
    home = re.sub(r'(\]\(|src=")docs/', r"\1", home)
    files.append(File.generated(config, "index.md", content=home))
    index = (RESULTS / "README.md").read_text(encoding="utf-8").replace("](../../docs/", "](../../")
    files.append(File.generated(config, "benchmarks/results/README.md", content=index))
    for figure in sorted(RESULTS.rglob("*.png")):
        files.append(File.generated(config, figure.relative_to(ROOT).as_posix(), content=figure.read_bytes()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point to figures where the site has them."""
    return markdown.replace("](../benchmarks/", "](benchmarks/")
