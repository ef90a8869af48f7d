"""Puzzles from JSON, and what is wrong with those that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gram_pyro.errors import UserError
from gram_pyro.tasks import Arc
from gram_pyro.tasks.arc.files import read_puzzles, to_json

PAIR = {"input": [[1, 0]], "output": [[0, 1]]}
OTHER = {"input": [[2, 0]], "output": [[0, 2]]}
PUZZLE = {"train": [PAIR, OTHER], "test": [{"input": [[3, 0]], "output": [[0, 3]]}]}


def write(folder: Path, content: Any, name: str = "puzzles.json") -> str:
    path, text = folder / name, content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(path)


def puzzle(**changes: Any) -> dict[str, Any]:
    return {"p1": PUZZLE | changes}


@pytest.mark.parametrize("name", ["a.json", "a.JSON.gz"])
def test_many_puzzles_in_a_file(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, {"x": PUZZLE, "y": PUZZLE | {"name": "more"}}, name)
    assert [each.id for each in read_puzzles(path)] == ["x", "y"]
    assert to_json(read_puzzles(path)) == {"x": PUZZLE, "y": PUZZLE}


def test_a_puzzle_a_file(tmp_path: Path) -> None:
    write(tmp_path, PUZZLE, "b.json")
    write(tmp_path, PUZZLE | {"test": [{"input": [[4]]}, {"input": [[5]], "output": None}]}, "a.json.gz")
    write(tmp_path, "no puzzle", "notes.md")
    first, second = read_puzzles(str(tmp_path))
    assert (first.id, second.id) == ("a", "b") and [pair.output for pair in first.tests] == [None, None]
    assert first.key == second.key and first.pairs != second.pairs


def test_the_key_knows_no_order() -> None:
    first, second = Arc(rules=("mirror",)).data_set.puzzles
    turned = first._replace(id="other", demonstrations=first.demonstrations[::-1], tests=second.tests)
    assert turned.key == first.key != second.key
    assert first._replace(demonstrations=first.demonstrations[1:]).key != first.key


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "puzzles.json: not JSON"),
        ("[" * 100_000, "puzzles.json: not JSON"),
        ("[]", r'expected one puzzle, \{"train"'),
        ("{}", "or an object of puzzles by id"),
        ('{"a": 1, "a": 2}', "'a' occurs twice in one object"),
        ({"p1": [1]}, r'puzzle p1: expected \{"train": .*not \[1\]'),
        ({"train": [PAIR]}, r'puzzle puzzles: expected \{"train"'),
        (puzzle(train=[]), 'puzzle p1: expected at least one pair in "train", as a list, not'),
        (puzzle(test=[]), 'expected at least one pair in "test"'),
        (puzzle(train={"input": 1}), 'expected at least one pair in "train", as a list'),
        (puzzle(train=[PAIR, 7]), r'puzzle p1: train pair 2: expected \{"input": grid, "output": grid\}, not 7'),
        (puzzle(test=[{"output": [[1]]}]), r"test pair 1: expected \{"),
        (puzzle(train=[PAIR, {"input": [[1]]}]), "train pair 2: a demonstration has an output, and this one has none"),
        (puzzle(train=[PAIR | {"output": []}]), "train pair 1: output: a grid is a list of rows"),
        (puzzle(train=[PAIR | {"input": [1, 2]}]), "train pair 1: input: a grid is a list of rows"),
        (puzzle(train=[PAIR | {"input": [[1, 2], [3]]}]), "input: row 2 has 1 cells, but the first has 2"),
        (puzzle(train=[PAIR | {"input": [[1], [10]]}]), "input: row 2: 10 is no color; .* from 0 to 9"),
        (puzzle(test=[PAIR | {"output": [[-1]]}]), "puzzle p1: test pair 1: output: row 1: -1 is no color"),
        (puzzle(train=[PAIR | {"input": [[True]]}]), "True is no color"),
        (puzzle(train=[PAIR | {"input": [[1.0]]}]), "1.0 is no color"),
        (puzzle(train=[PAIR | {"input": [[0] * 31]}]), "at most 30 rows and 30 columns, not 1 x 31"),
        (puzzle(test=[PAIR | {"output": [[0]] * 31}]), "not 31 x 1"),
    ],
)  # fmt: skip
def test_what_is_no_puzzle_is_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_puzzles(write(tmp_path, content))


def test_one_id_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, PUZZLE, "a.json")
    write(tmp_path, {"a": PUZZLE}, "b.json")
    with pytest.raises(UserError, match="two puzzles have the id a"):
        read_puzzles(str(tmp_path))


def test_a_test_without_output_is_answered_and_not_scored(tmp_path: Path) -> None:
    """Training still has validation problems: some demonstrations, which it then does without."""
    unknown = puzzle(test=[{"input": [[3, 0]]}])
    task = Arc(data=write(tmp_path, unknown))
    (problem,) = task.data_set.tests()
    assert task.solvable(problem) is None and not task.checks(problem)
    with pytest.raises(TimeoutError):
        task.targets(problem)
    assert task.violations(problem, (1, 1, 5)) == 0 and task.violations(problem, ()) == 1
    with pytest.raises(UserError, match="no output of a test is known: nothing to score in the test split"):
        task.generate("test", 1, 0)
    (held_out,) = task.generate("validation", 10, 0)
    assert held_out.pair.output == ((0, 2),)
    assert {each.pair.output for each in task.generate("train", 10, 0) if not each.view.number} == {((0, 1),)}


def test_violations_are_cells_and_size() -> None:
    task = Arc(rules=("mirror",))
    problem = task.data_set.tests()[0]
    problem = problem._replace(pair=problem.pair._replace(output=((1, 2), (3, 4))))
    for answer, broken in (
        ((2, 2, 1, 2, 3, 4), 0), ((2, 2, 1, 2, 0, 4), 1), ((1, 2, 1, 2), 3), ((), 5), ((2, 3, 1, 2, 0, 3, 4, 0), 1)
    ):  # fmt: skip
        assert task.violations(problem, answer) == broken


def test_read_and_prepare() -> None:
    task = Arc(rules=("mirror",), instances=8)
    several = next(each for each in task.data_set.puzzles if len(each.tests) == 2)
    assert task.prepare(several.id) == task.read(several.id)[0] and task.read(f"{several.id}/2")[0].test == 1
    for text, message in (
        ("mirror-x", "neither a file nor the id of a puzzle, as in mirror-0"),
        (f"{several.id}/3", "has 2"),
    ):
        with pytest.raises(UserError, match=message):
            task.read(text)
    problem = task.read("mirror-0")[0]
    with pytest.raises(UserError, match="no embedding"):
        task.prepare(problem._replace(embedding=8))
    with pytest.raises(UserError, match="larger than the canvas"):
        task.prepare(problem._replace(pair=problem.pair._replace(input=((0,) * 12,))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"views": 0}, "task.views"), ({"instances": 0}, "task.instances"), ({"rules": ("x",)}, "unknown rule 'x'"),
        ({"side": 31}, "task.side"), ({"relations": "all"}, "task.relations"), ({"rules_seed": -1}, "task.rules-seed"),
    ],
)  # fmt: skip
def test_wrong_fields(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Arc(**changes)


def test_a_canvas_too_small() -> None:
    with pytest.raises(UserError, match=r"task\.side is 5, but the largest grid has 10 rows or columns"):
        Arc(side=5).settled()
