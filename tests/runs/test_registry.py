"""Names for parts: what they stand for, and one sentence where they stand for nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES, GaussianGuide, PriorGuide
from gram_pyro.models import MODELS, Autoregressive, Gram, Trm
from gram_pyro.registry import Registry
from gram_pyro.runs.recipes import PRESETS, RECIPES, recipe
from gram_pyro.runs.store import build_parts
from gram_pyro.tasks import TASKS, Arc, Coloring, Countdown, Digits, Grids, NQueens, Sudoku, Task
from gram_pyro.tasks.base import Spec

TASK_FILE = """
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gram_pyro.tasks import Coloring


@dataclass(frozen=True)
class Mine(Coloring):
    name: ClassVar[str] = "mine"
    n: int = 4
    extra: float = 0.5


def make() -> Mine:
    return Mine(n=9)


number = 3
"""


@pytest.fixture
def registry() -> Registry:
    return Registry("task", Task, coloring=Coloring)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(TASK_FILE)
    return tmp_path / "mine.py"


def test_the_registries_know_their_parts() -> None:
    assert [*TASKS.values()] == [Arc, Coloring, Countdown, Digits, Grids, NQueens, Sudoku]
    assert [*TASKS] == ["arc", "coloring", "countdown", "digits", "grids", "nqueens", "sudoku"]
    assert {"gram": Gram, "trm": Trm, "ar": Autoregressive}.items() <= dict(MODELS).items()
    assert {"gaussian": GaussianGuide, "prior": PriorGuide}.items() <= dict(GUIDES).items()


def test_a_name_or_a_callable(registry: Registry) -> None:
    def own() -> None:
        pass

    assert registry.find("coloring") is Coloring
    assert registry.find(own) is own
    registry.add("own", own)
    assert registry.find("own") is registry["own"] is own
    assert list(registry) == ["coloring", "own"] and len(registry) == 2


def test_a_taken_name_is_refused(registry: Registry) -> None:
    with pytest.raises(UserError, match="task named 'coloring' is registered already"):
        registry.add("coloring", Coloring)
    assert registry["coloring"] is Coloring


@pytest.mark.parametrize("suffix", ["", ":Mine"])
def test_a_file(registry: Registry, file: Path, suffix: str) -> None:
    made = registry.find(f"{file}{suffix}")()
    assert (type(made).__name__, made.n, made.k, made.extra) == ("Mine", 4, 3, 0.5)
    assert isinstance(made, Task)


def test_a_function_of_a_file(registry: Registry, file: Path) -> None:
    assert registry.find(f"{file}:make")().n == 9


def test_a_changed_file_is_read_again(registry: Registry, file: Path) -> None:
    assert registry.find(str(file))().n == 4
    file.write_text(TASK_FILE.replace("n: int = 4", "n: int = 55"))
    assert registry.find(str(file))().n == 55


@pytest.fixture
def json_module() -> Iterator[None]:
    module = sys.modules["json"]
    yield
    assert sys.modules["json"] is module


@pytest.mark.usefixtures("json_module")
def test_a_file_with_the_name_of_a_module_does_not_hide_it(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(TASK_FILE)
    assert registry.find(str(tmp_path / "json.py"))().n == 4


def test_a_module(registry: Registry) -> None:
    assert registry.find("gram_pyro.tasks:Coloring") is Coloring


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("colouring", "unknown task 'colouring'; known are coloring, and FILE.py:Name"),
        ("", "unknown task ''"),
        (":Name", "unknown task ':Name'"),
        ("no_such_module:Name", "no_such_module cannot be loaded as a task: ModuleNotFoundError"),
        ("gram_pyro.tasks:Nothing", "gram_pyro.tasks has no class or function 'Nothing'"),
        ("gram_pyro.tasks:", "gram_pyro.tasks has no class or function ''"),
        ("gram_pyro.runs.checkpoint:KEEP", "no class or function 'KEEP'"),
        ("nowhere.py", "no file nowhere.py to load a task from"),
        ("nowhere.py:Name", "no file nowhere.py to load a task from"),
    ],
)
def test_what_stands_for_nothing(registry: Registry, part: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        registry.find(part)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("def f(:\n", "", "SyntaxError"),
        ("def f(:\n", ":Name", "SyntaxError"),
        ("import no_such_module\n", "", "No module named 'no_such_module'"),
        ("raise RuntimeError('bad day')\n", "", "RuntimeError: bad day"),
        ("class Mine: pass\n", "", "defines 0 tasks"),
        ("from gram_pyro.tasks import Coloring\n", "", "defines 0 tasks"),
        (TASK_FILE + "\nclass Other(Mine): pass\n", "", "defines 2 tasks"),
        (TASK_FILE, ":Other", "no class or function 'Other'"),
        (TASK_FILE, ":number", "no class or function 'number'"),
    ],
)
def test_bad_files(registry: Registry, file: Path, text: str, suffix: str, message: str) -> None:
    file.write_text(text)
    before = set(sys.modules)
    with pytest.raises(UserError) as error:
        registry.find(f"{file}{suffix}")
    assert message in str(error.value) and str(file) in str(error.value)
    if "defines" not in message and "has no" not in str(error.value):
        assert set(sys.modules) == before  # a file that failed is not left half-loaded


def test_a_part_has_a_name_that_finds_it(registry: Registry, file: Path) -> None:
    for part in (Coloring, registry.find(str(file)), GaussianGuide):
        assert registry.find(registry.name_of(part)).__qualname__ == part.__qualname__
    assert registry.name_of(Coloring) == registry.name_of("coloring") == "coloring"
    assert registry.name_of(GaussianGuide) == "gram_pyro.guides.gaussian:GaussianGuide"
    with pytest.raises(UserError, match=r"cannot be found again by name; define it at the top of a module"):
        registry.name_of(lambda: None)


def test_a_recipe_takes_parts_by_name_or_as_callables(file: Path) -> None:
    assert recipe("coloring", guide=PriorGuide) == recipe("coloring", guide="prior")
    own = recipe(f"{file}:Mine", "paper", model=Gram)
    assert (own.model, own.training) == PRESETS["paper"] and own.model_name == "gram"


def make_guide(spec: Spec, model: Gram) -> PriorGuide:
    return PriorGuide(spec, model)


def test_a_function_makes_a_guide() -> None:
    _, guide = build_parts(recipe("coloring", guide=make_guide))
    assert isinstance(guide, PriorGuide)
    with pytest.raises(UserError, match=r"is not a guide: it must make a gram_pyro\.guides\.Guide"):
        build_parts(recipe("coloring", guide=Gram))
    with pytest.raises(UserError, match=r"the guide json:dumps cannot be made: .*argument"):
        build_parts(recipe("coloring", guide="json:dumps"))


@pytest.mark.parametrize("preset", ["cpu", "paper"])
@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_its_recipes(name: str, preset: str) -> None:
    config = recipe(name, preset)
    assert isinstance(config.task, TASKS[name]) and config.task_name == name  # type: ignore[arg-type]
    assert config == RECIPES[name, preset]
