"""Hooks of the site: the README is its home; notebooks, what benchmarks measured and the weights of the playground
belong to it."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files

from gram_pyro.playground import site_files

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PICTURES = {"image/png": "png", "image/gif": "gif"}


def on_files(files: Files, config: Any) -> Files:
    """Add the home page, the notebooks, the figures and the weights that the playground runs."""
    home = (ROOT / "README.md").read_text(encoding="utf-8")
    home = re.sub(r'(\]\(|src=")docs/', r"\1", home)
    files.append(File.generated(config, "index.md", content=home))
    index = (RESULTS / "README.md").read_text(encoding="utf-8").replace("](../../docs/", "](../../")
    files.append(File.generated(config, "benchmarks/results/README.md", content=index))
    for figure in sorted(RESULTS.rglob("*.png")):
        files.append(File.generated(config, figure.relative_to(ROOT).as_posix(), content=figure.read_bytes()))
    for path, file in site_files().items():
        if path.startswith("weights/"):
            files.append(File.generated(config, f"playground/{path}", content=file.read_bytes()))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for name, content in page_and_pictures(notebook):
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def page_and_pictures(path: Path) -> Iterator[tuple[str, str | bytes]]:
    """Yield names and contents: first the pictures that a notebook stores, then its page."""
    page, heading = [], path.stem
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            *_, heading = heading, *re.findall(r"^#+ (.+)", cell.source, re.MULTILINE)
            page.append(cell.source)
            continue
        page.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {"text/plain": output.get("text")})
            if picture := next((kind for kind in PICTURES if kind in data), None):
                name = f"{path.stem}-{len(page)}.{PICTURES[picture]}"
                yield name, base64.b64decode(data[picture])
                page.append(f"![{heading}]({name})")
            elif text := data.get("text/plain"):
                page.append(f"```text\n{text.rstrip()}\n```")
            else:
                raise ValueError(f"{path}: a cell shows neither text nor a picture; run it again")
    yield f"{path.stem}.md", "\n\n".join(page)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point to figures, pages and notebooks where the site has them."""
    markdown = markdown.replace("](../benchmarks/", "](benchmarks/").replace("](../docs/", "](../")
    return re.sub(r"\]\((?:\.\./)?([\w/-]+)\.ipynb", r"](\1.md", markdown)
