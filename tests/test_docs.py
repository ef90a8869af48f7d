"""README and docs: their Python runs, with less training where there is any; README stays short."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gram_pyro
from gram_pyro import api
from gram_pyro.models import gram
from gram_pyro.tasks import Coloring, Countdown, Digits, NQueens, Sudoku, Task
from tests.test_results import anchors

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLE = DOCS / "examples" / "latin_squares.py"
LESS = {"updates": 2, "problems": 40, "batch": 8, "depth": 4, "evaluations": 1, "head_rounds": 0, "threads": 1}
READS: dict[str, Task] = {
    **dict.fromkeys(("col", "edges", "g6"), Coloring()),
    **dict.fromkeys(("board", "fen"), NQueens()),
    **dict.fromkeys(("sudoku", "csv"), Sudoku()),
    "countdown": Countdown(),
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return re.findall(r"```(\w+)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def python_of(page: Path) -> list[str]:
    """Return the Python blocks of a page."""
    return [block for language, block in blocks(page) if language == "python"]


def check_extending(names: dict[str, Any]) -> None:
    assert isinstance(names["reasoner"].guide, names["Shift"])


def check_files(_: dict[str, Any]) -> None:
    assert len(Coloring().read("petersen.npy")[0]) == 10
    assert len(Digits(data="images.idx").generate("test", 100, 0)[0].pixels) == 64


def check_pyro(names: dict[str, Any]) -> None:
    assert names["answers"].shape == (20, 2, 4) and names["guidance"].shape == (20, 2, 4, 8)
    losses, bounds = names["losses"], names["bounds"]
    assert sum(losses[-10:]) < sum(losses[:10]) and bounds[-1] < bounds[0]
    (loop,) = [block[block.index("elbo =") :] for block in python_of(DOCS / "pyro.md") if "carried" in block]
    assert len(loop.strip().splitlines()) == 10


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "extending.md": check_extending, "files.md": check_files, "pyro.md": check_pyro,
}  # fmt: skip
"""What else holds once the blocks of a page ran: it gets all that they define."""


@pytest.mark.parametrize("page", [page for page in DOCS.glob("*.md") if python_of(page)], ids=lambda page: page.name)
def test_the_python_of_a_page_runs_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(task: Any, *, minutes: float | None = None, **options: Any) -> gram_pyro.Reasoner:
        return api.fit(task, **options | LESS, quiet=True, precision="float32", device="cpu")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(gram_pyro, "fit", fit)
    Path("docs").symlink_to(DOCS)
    Path(EXAMPLE.name).symlink_to(EXAMPLE)
    names: dict[str, Any] = {"__name__": "page"}
    for place, block in enumerate(python_of(page)):
        exec(compile(block, f"{page.name}, block {place}", "exec"), names)
    CHECKS.get(page.name, bool)(names)
    sys.modules.pop("latin_squares", None)


def test_a_task_takes_sixty_lines() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 60


def test_examples_of_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = [(ending, text) for ending, text in blocks(DOCS / "files.md") if ending != "python"]
    assert {ending for ending, _ in examples} == {*READS}
    for ending, text in examples:
        Path(f"example.{ending}").write_text(text)
        task = READS[ending]
        assert [task.prepare(problem) for problem in task.read(f"example.{ending}")]


def test_the_first_example_of_the_readme_runs() -> None:
    names: dict[str, Any] = {}
    exec(python_of(ROOT / "README.md")[0], names)
    assert names["samples"].solutions


def test_the_program_of_the_readme_is_the_models() -> None:
    """Some of its lines, in their order."""
    program = python_of(ROOT / "README.md")[1]
    source = [line.strip() for line in Path(gram.__file__).read_text(encoding="utf-8").splitlines()]
    shown = [line.partition("  #")[0].strip() for line in program.splitlines()]
    rest = iter(source)
    assert len(shown) > 5 and not [line for line in shown if line not in rest]


def test_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150 and max(map(len, lines)) <= 140
    assert max(line.count("|") - 1 for line in lines if line.startswith("|")) <= 6


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS.glob("*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!http)([^)#]*)(#[^)]*)?\)", text) + [
        (src, "") for src in re.findall(r'src="([^"]+)"', text)
    ]
    for target, anchor in targets:
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor[1:] in anchors(linked), target + anchor
