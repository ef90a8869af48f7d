"""How programs start and end: what they import, where they write, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gram_pyro
from gram_pyro import __main__, sample
from gram_pyro.errors import run_cli

COLORING = "p edge 3 2\ne 1 2\ne 2 3\n"
COMMANDS = {
    "sample": ["coloring", "--graph", "my.col"],
    "evaluate": ["coloring"],
    "train": [],
    "train_heads": ["runs/coloring"],
    "arc": ["runs/arc"],
    "compare": [],
    "inspection": ["coloring", "--graph", "my.col"],
    "program": [],
}
TWICE = """
import sys
from gram_pyro import sample
from gram_pyro.errors import run_cli

options = ["coloring", "--graph", sys.argv[1] + "/my.col", "--json", "--steps", "2"]
heavy = {"torch._dynamo", "torch._inductor", "sympy", "matplotlib", "matplotlib.pyplot"}
run_cli(sample.main, options)
print(sorted(heavy & {*sys.modules}))
run_cli(sample.main, [*options, "--out", sys.argv[1]])
print(sorted(heavy & {*sys.modules}))
"""
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python to its end."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ | environment)
    out, err = (text.decode(errors="backslashreplace") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, out, err)


@pytest.mark.parametrize(
    ("command", "option"), [("sample", "--graph"), ("evaluate", "--graphs"), ("compare", "--jobs")]
)
def test_help_imports_no_torch(command: str, option: str) -> None:
    done = python("-X", "importtime", "-m", f"gram_pyro.{command}", "--help")
    assert done.returncode == 0 and option in done.stdout
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "tyro" in modules and not {"torch", "pyro", "numpy", "matplotlib", "networkx"} & modules


def test_a_sample_imports_no_compiler_and_a_picture_no_window(tmp_path: Path) -> None:
    """In a shell of Jupyter, which names a backend that this environment may not have."""
    (tmp_path / "my.col").write_text(COLORING)
    (tmp_path / "twice.py").write_text(TWICE)
    done = python(str(tmp_path / "twice.py"), str(tmp_path), MPLBACKEND="module://no_such_backend")
    assert done.stderr == "" and (tmp_path / "my-solutions.png").is_file()
    _, first, _, second = done.stdout.splitlines()
    assert (first, second) == ("[]", "['matplotlib']")


def test_imports_collect_no_garbage() -> None:
    script = (
        "import gc; from gram_pyro.system.startup import quick_imports\n"
        "with quick_imports(): print(gc.isenabled())\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    assert python("-c", script).stdout == "False\nTrue True\n"


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_sentence(unbuffered: str) -> None:
    command = [sys.executable, "-m", "gram_pyro.sample", "--help"]
    with open("/dev/full", "w") as full:
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (2, "error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_while_modules_are_imported(command: str, tmp_path: Path) -> None:
    """A package torch that never ends its import; `train` imports it at once, `sample` after its options."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    (tmp_path / "pyro.py").write_text("import torch\n")
    root = str(Path(sample.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    arguments = [sys.executable, "-m", f"gram_pyro.{command}", *COMMANDS[command]]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == 130


def test_commands_by_name() -> None:
    assert {*__main__.MODULES.values()} == {*COMMANDS, "fetch", "playground", "export"}  # tested on their own
    assert python("-m", "gram_pyro", "sample", "--help").stdout == python("-m", "gram_pyro.sample", "--help").stdout
    listed = python("-m", "gram_pyro")
    assert listed.returncode == 0 and listed.stdout == python("-m", "gram_pyro", "--help").stdout
    assert [line.split()[0] for line in listed.stdout.splitlines()[2:]] == [*__main__.COMMANDS]
    assert python("-m", "gram_pyro", "--version").stdout == f"gram_pyro {gram_pyro.__version__}\n"
    done = python("-m", "gram_pyro", "learn")
    assert done.returncode == 2 and done.stderr.startswith("error: unknown command 'learn'; known are train, evaluate")
    missing = python("-m", "gram_pyro", "evaluate", "no-run")
    assert (missing.returncode, missing.stdout) == (2, "") and missing.stderr.startswith("error: no run folder")


def test_the_library_leaves_ctrl_c_alone() -> None:
    script = "import signal, gram_pyro; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert python("-c", script).stdout == "True\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_what_is_unknown_and_what_is_missing_is_said_in_any_encoding(encoding: str) -> None:
    unknown = python("-m", "gram_pyro.sample", "coloring", "--grph", "x.col", PYTHONIOENCODING=encoding)
    assert unknown.stderr.startswith("error: unknown option --grph; perhaps you meant --graph; see python -m")
    missing = python("-m", "gram_pyro.sample", "coloring", PYTHONIOENCODING=encoding)
    assert missing.stderr.startswith("error: missing: --graph FILE, the graph to solve; see python -m")
    strange = python("-m", "gram_pyro.sample", "coloring", "--gr\u00f6\u00dfe", PYTHONIOENCODING=encoding)
    assert "unknown option --gr" in strange.stderr and strange.returncode == 2


def test_names_that_the_terminal_cannot_write() -> None:
    script = "from gram_pyro.errors import run_cli; run_cli(lambda _: print('\u5317'))"
    done = python("-c", script, PYTHONIOENCODING="cp1252")
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\u5317\n", "")


def test_an_error_of_the_system_stays_one() -> None:
    with pytest.raises(FileNotFoundError):
        run_cli(lambda _: open("no such file").close())
