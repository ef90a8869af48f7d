"""Every command that README and docs show runs, with less work, or is at least understood by its own parser."""

import re
import shlex
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tyro
from torch.distributed.run import get_args_parser as torch_parser

from gram_pyro.__main__ import MODULES
from gram_pyro.comparison.config import CompareConfig, check
from gram_pyro.system.cli import take_option
from tests.test_docs import DOCS, ROOT, blocks

INDEX = ROOT / "benchmarks" / "results" / "README.md"
RUN_PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TRAIN_LESS = "--updates 2 --problems 40 --batch 8 --depth 4 --evaluations 1 --head-rounds 0 --validation-problems 1"
LESS = {
    "benchmarks.apart": "--problems 2 --samples 1 --steps 2",
    "benchmarks.fuzz": "--cases 1",
    "benchmarks.gradient": "--batches 1 --batch 4",
    "benchmarks.halting": "--problems 2 --deep 4 --seeds 1 --at 1 2",
    "benchmarks.inference": "--problems 2 --grid-problems 1 --grid-samples 1 --grid-steps 2 --steps 2 --deep 2",
    "benchmarks.sample": "--device cpu --short --repeats 1",
    "benchmarks.step": "--device cpu --d 16 --batch 2 --tokens 4 --repeats 1",
    "benchmarks.table": "",
    "gram_pyro.evaluate": "--problems 2 --samples 1 --steps 2",
    "gram_pyro.inspection": "--samples 2 --draws 2",
    "gram_pyro.sample": "--samples 4 --steps 2",
    "gram_pyro.train": TRAIN_LESS,
}
"""What runs here, and the options that shorten it."""
PARSED = {
    "benchmarks.receivers": "draws for minutes; tests/test_benchmarks.py runs a short one",
    "benchmarks.schedules": "samples for minutes",
    "benchmarks.answers": "samples for minutes; tests/test_benchmarks.py runs a short one",
    "benchmarks.attention": "times long sequences",
    "benchmarks.classifier": "needs MNIST's files; tests/test_benchmarks.py runs a short one",
    "benchmarks.dimacs": "needs its graphs; tests/test_graph_benchmarks.py runs a short one",
    "benchmarks.graphs": "samples for minutes; tests/test_graph_benchmarks.py runs a short one",
    "benchmarks.evenness": "samples for minutes; tests/test_graph_benchmarks.py runs a short one",
    "benchmarks.digits": "measures for minutes; tests/test_benchmarks.py runs a short one",
    "benchmarks.full_elbo": "times long trajectories",
    "benchmarks.grids": "compiles the network",
    "benchmarks.modes": "compiles the network",
    "benchmarks.memory": "counts the bytes of large networks",
    "benchmarks.processes": "times two processes of a large network",
    "benchmarks.quality": "trains for minutes",
    "benchmarks.numerics": "compiles the network",
    "benchmarks.scaling": "times large networks",
    "benchmarks.startup": "starts every command anew, several times",
    "benchmarks.sudoku_extreme": "needs the puzzles",
    "benchmarks.update": "compiles the network",
    "benchmarks.survive": "trains for minutes, to kill it",
    "gram_pyro.compare": "trains for minutes; tests/comparison runs short ones",
    "gram_pyro.export": "needs onnx; tests/test_export.py exports every checkpoint",
    "gram_pyro.fetch": "needs a network; tests/commands/test_fetch.py has one of its own",
    "gram_pyro.playground": "serves until Ctrl-C; tests/playground serves the page",
    "gram_pyro.program": "needs graphviz; tests/commands/test_program.py",
}
"""What is parsed alone, and why; so is what torchrun starts, which is for several processes."""
PLACEHOLDERS = {"ROW ...": "relations-0", "NAME": "coloring_gram"}
Command = tuple[str, list[str]]
"""Module and options."""


def prose_of(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def code_of(page: Path) -> list[str]:
    """Return the lines of code of a page, fenced as bash or indented, continued ones as one."""
    fenced = "".join(text for language, text in blocks(page) if language == "bash")
    indented = "\n".join(re.findall(r"^    +(\S.*)", prose_of(page), re.MULTILINE))
    return [line for line in re.sub(r"\\\n *", "", f"{fenced}\n{indented}").splitlines() if line]


def spans_of(page: Path) -> list[str]:
    """Return what a page has between single backticks."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose_of(page))]


def command_of(line: str) -> Command | None:
    """Return the command of this project in a line of code."""
    if line.startswith("gram_pyro "):
        _, name, *options = shlex.split(line, comments=True)
        return f"gram_pyro.{MODULES[name]}", options
    for placeholder, example in PLACEHOLDERS.items():
        line = line.replace(placeholder, example)
    found = re.search(r"(?:python|torchrun .*?) -m ((?:gram_pyro|benchmarks)\.\w+)(.*)", line)
    if found is None:
        return None
    module, rest = found.groups()
    return module, shlex.split(rest, comments=True)


def lines_of(page: Path) -> list[str]:
    """Return the lines of code of a page, then the commands in its sentences; none of them twice."""
    lines = [*code_of(page), *(span for span in spans_of(page) if command_of(span))]
    unique: dict[str, str] = {}
    for line in lines:
        unique.setdefault(line if "torchrun" in line else str(command_of(line) or line), line)
    return [*unique.values()]


def is_run(line: str) -> bool:
    """Return whether a line of code runs here."""
    command = command_of(line)
    if command is None:
        return line.startswith(("make ", "printf ", "python -c "))
    return "torchrun" not in line and command[0] in LESS


@pytest.fixture
def page_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder but for the files that pages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("my.col").write_text("p edge 3 2\ne 1 2\ne 2 3\n")
    for board in ("my_board.txt", "my.txt"):
        Path(board).write_text("Q.......\n" + "........\n" * 7)
    half = np.zeros((8, 8, 4), np.uint8)
    half[:4, :, 3] = 255
    PIL.Image.fromarray(half).save("half.png")
    Path("data/mnist").mkdir(parents=True)
    grays = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    Path("data/mnist/train-images-idx3-ubyte").write_bytes(
        np.array([2051, 60, 8, 8], ">u4").tobytes() + grays.tobytes()
    )
    Path("my_graphs").mkdir()
    Path("my_graphs", "path.edges").write_text("0 1\n1 2\n")
    shutil.copy(DOCS / "examples" / "latin_squares.py", "latin_squares.py")
    Path("shift.py").write_text(next(text for _, text in blocks(DOCS / "extending.md") if "class Shift" in text))
    Path("benchmarks").symlink_to(ROOT / "benchmarks")
    return tmp_path


def run(line: str) -> None:
    """Run a line of code, shortened."""
    first, *words = shlex.split(line, comments=True)
    if command := command_of(line):
        module, options = command
        take_option(options, "minutes")  # which --updates replaces
        import_module(module).main([*options, *("" if "--resume" in options else LESS[module]).split()])
    elif first == "make":
        subprocess.run(["make", "-n", *words], cwd=ROOT, check=True, capture_output=True)
    elif first == "python":
        exec(words[1], {})
    else:
        subprocess.run(line, shell=True, check=True)


@pytest.mark.parametrize(
    "page", [page for page in RUN_PAGES if any(map(is_run, lines_of(page)))], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run_in_order(page: Path, page_folder: Path) -> None:
    for line in filter(is_run, lines_of(page)):
        run(line)
    if page.name == "README.md":
        assert [path.name for path in page_folder.glob("*.gif")] == ["my-trajectories.gif"]
        assert Path("runs/mine").is_dir()


SHOWN = {line for page in RUN_PAGES for line in lines_of(page) if not is_run(line)}


class Parsed(Exception):
    """A parser is done."""


@pytest.mark.usefixtures("page_folder")
@pytest.mark.parametrize("line", sorted(line for line in {*lines_of(INDEX), *SHOWN} if command_of(line)))
def test_a_command_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, options = command_of(line) or ("", [])
    real = tyro.cli

    def cli(*args: Any, **kwargs: Any) -> None:
        raise Parsed(real(*args, **kwargs))

    monkeypatch.setattr(tyro, "cli", cli)
    monkeypatch.setattr("benchmarks.sudoku_extreme.rows_of", lambda _: [{"fold": "9", "grid_class": ""}] * 1000)
    if "torchrun" in line:
        torch_parser().parse_args(shlex.split(line)[1 + shlex.split(line).index("torchrun") :])
    with pytest.raises(Parsed) as stop:
        import_module(module).main(options)
    (config,) = stop.value.args
    if isinstance(config, CompareConfig):
        check(config)


def test_every_command_is_run_or_has_a_reason_not_to_be() -> None:
    lines = [line for page in (*RUN_PAGES, INDEX) for line in lines_of(page)]
    named = {command[0] for line in lines if (command := command_of(line))}
    assert {*LESS, *PARSED} == named and not {*LESS} & {*PARSED}
    other = [line for line in lines if not command_of(line) and not is_run(line)]
    assert not [line for line in other if not re.match(r"#|options: |[\w/ ]+/ ", line)]
