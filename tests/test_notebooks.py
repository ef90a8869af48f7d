"""What the notebooks store: `notebooks/run.py` wrote it, and it is fit to be read."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXAMPLE = ROOT / "docs" / "examples" / "latin_squares.py"
MOST_BYTES = 2_000_000


def code_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_was_run_in_order_without_a_warning(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_stored_depends_on_the_machine(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.language_info == {"name": "python"}
    assert all({*cell.metadata} <= {"nbmake"} for cell in notebook.cells)
    texts = [output.get("text", "") for cell in code_cells(path) for output in cell.outputs]
    assert not re.search(r"site-packages|(?<!\w)/(home|root|tmp|usr|work|Users)/", "".join(texts))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_the_tests_replace_is_said_in_the_cell(path: Path) -> None:
    for cell in code_cells(path):
        names = cell.metadata.get("nbmake", {}).get("mock", {})
        assert all(re.search(rf"^[\w, ]*\b{name}\b[\w, ]* = ", cell.source, re.MULTILINE) for name in names)


def test_the_notebooks_are_small() -> None:
    assert sum(path.stat().st_size for path in NOTEBOOKS) < MOST_BYTES


def test_the_task_of_the_notebook_is_that_of_the_docs() -> None:
    _, _, program = EXAMPLE.read_text(encoding="utf-8").partition("\n\n")
    sources = [cell.source for path in NOTEBOOKS for cell in code_cells(path)]
    assert program.strip() in sources
