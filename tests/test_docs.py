"""README and docs: what they show runs, with less training where there is any; README stays short."""

import io
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gram_pyro
from gram_pyro import api
from gram_pyro.tasks import Coloring, NQueens, Sudoku, Task
from tests.test_results import anchors

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLE = DOCS / "examples" / "latin_squares.py"
LESS = {"updates": 2, "problems": 40, "batch": 8, "depth": 4, "evaluations": 1, "head_rounds": 0, "threads": 1}
SHORTER = {
    "train": "--updates 2 --problems 40 --batch 8 --depth 4 --evaluations 1 --head-rounds 0 --validation-problems 1",
    "evaluate": "--problems 2 --samples 1 --steps 2",
    "sample": "--samples 4 --steps 2",
    "inspection": "--samples 2 --draws 2",
}
READS: dict[str, Task] = {
    **dict.fromkeys(("col", "edges", "g6"), Coloring()),
    **dict.fromkeys(("board", "fen"), NQueens()),
    **dict.fromkeys(("sudoku", "csv"), Sudoku()),
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return re.findall(r"```(\w+)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def run_page(page: Path) -> dict[str, Any]:
    """Run the Python blocks of a page in order; returns what they define."""
    names: dict[str, Any] = {"__name__": "page"}
    for language, block in blocks(page):
        if language == "python":
            exec(block, names)
    return names


def test_a_task_takes_sixty_lines_and_passes_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 60

    def fit(task: Any, *, minutes: float | None = None, **options: Any) -> gram_pyro.Reasoner:
        return api.fit(task, **options | LESS, quiet=True, precision="float32", device="cpu")

    monkeypatch.syspath_prepend(EXAMPLE.parent)
    monkeypatch.setattr(gram_pyro, "fit", fit)
    names = run_page(DOCS / "extending.md")
    assert isinstance(names["reasoner"].guide, names["Shift"])
    sys.modules.pop("latin_squares", None)


def test_the_page_on_posteriors_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert "nats" in run_page(DOCS / "posteriors.md")


def test_the_page_on_files_runs_and_its_examples_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(DOCS / "files.md")
    assert len(Coloring().read("petersen.npy")[0]) == 10
    examples = [(ending, text) for ending, text in blocks(DOCS / "files.md") if ending != "python"]
    assert {ending for ending, _ in examples} == {*READS}
    for ending, text in examples:
        Path(f"example.{ending}").write_text(text)
        task = READS[ending]
        assert [task.prepare(problem) for problem in task.read(f"example.{ending}")]


def test_the_first_example_of_the_readme_runs() -> None:
    first = next(block for language, block in blocks(ROOT / "README.md") if language == "python")
    names: dict[str, Any] = {}
    exec(first, names)
    assert names["samples"].solutions


def test_the_commands_of_the_readme_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    Path("my.col").write_text("p edge 3 2\ne 1 2\ne 2 3\n")
    Path("my_board.txt").write_text("Q.......\n" + "........\n" * 7)
    Path("my_graphs").mkdir()
    Path("my_graphs", "path.edges").write_text("0 1\n1 2\n")
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("    python -m gram_pyro.")]
    assert len(commands) >= 12
    for _, _, module, *options in commands:
        less = "" if "--resume" in options else SHORTER[module.removeprefix("gram_pyro.")]
        import_module(module).main([*options, *less.split()])
    assert {path.name for path in tmp_path.glob("*.gif")} == {"my-trajectories.gif"} and Path("runs/mine").is_dir()


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
