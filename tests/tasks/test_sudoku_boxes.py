"""Sudoku with boxes of any rows and columns, against plain loops, brute force, a SAT solver and known counts."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pysat.solvers import Cadical153

from gram_pyro.errors import UserError
from gram_pyro.runs.config import from_json, to_json
from gram_pyro.runs.recipes import recipe
from gram_pyro.tasks.base import Split
from gram_pyro.tasks.pool import Pool
from gram_pyro.tasks.sudoku.box import Box, boxes_of, normal, sides, size_of
from gram_pyro.tasks.sudoku.checker import Puzzle, rule
from gram_pyro.tasks.sudoku.generator import Level, clues_of, solved_grids, unique_puzzles
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.split import splits_of
from gram_pyro.tasks.sudoku.symmetry import cell_symmetries, grid_class, orbit, puzzle_class, random_symmetries
from gram_pyro.tasks.sudoku.task import Sudoku, relations_of

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
LEVELS: tuple[Level, ...] = ("hard", "medium", "easy")
BOXES = [normal(f"{r}x{c}") for r in range(2, 13) for c in range(2, 13) if r * c <= 25]
LARGE = [box for box in BOXES if size_of(box) > 9]
DIGITS = "123456789ABCDEFGHIJKLMNOP"
boxes = st.sampled_from(BOXES)


def units(box: Box) -> list[list[int]]:
    """The cells of every row, column and box, by plain loops."""
    rows, columns = sides(box)
    size = rows * columns
    found = [[size * r + c for c in range(size)] for r in range(size)]
    found += [[size * r + c for r in range(size)] for c in range(size)]
    for top, left in product(range(0, size, rows), range(0, size, columns)):
        found.append([size * (top + r) + left + c for r in range(rows) for c in range(columns)])
    return found


def solved(cells: Any, box: Box) -> bool:
    return all({int(cells[cell]) for cell in unit} == {*range(1, size_of(box) + 1)} for unit in units(box))


def pattern(box: Box) -> tuple[int, ...]:
    """A solved grid: each row is the one above shifted by a box, and by one cell more below each band."""
    (rows, columns), size = sides(box), size_of(box)
    return tuple((columns * (r % rows) + r // rows + c) % size + 1 for r in range(size) for c in range(size))


def shuffled(box: Box, seed: int) -> tuple[int, ...]:
    """A solved grid that is not ordered."""
    symmetries = random_symmetries(1, box, torch.Generator().manual_seed(seed))
    return tuple(symmetries.apply(torch.tensor([pattern(box)]))[0].tolist())


def brute_force(cells: list[int], box: Box) -> list[tuple[int, ...]]:
    """All solutions of a puzzle, cell by cell."""
    if 0 not in cells:
        return [tuple(cells)] if solved(cells, box) else []
    place = cells.index(0)
    taken = {cells[other] for unit in units(box) if place in unit for other in unit}
    found = []
    for digit in range(1, size_of(box) + 1):
        if digit not in taken:
            found += brute_force([*cells[:place], digit, *cells[place + 1 :]], box)
    return found


def other_solution(puzzle: tuple[int, ...], solution: tuple[int, ...], box: Box) -> bool:
    """Whether a puzzle has another solution, by a SAT solver."""
    size = size_of(box)
    with Cadical153() as solver:
        for cell, digit in enumerate(puzzle):
            solver.add_clause([size * cell + d for d in range(1, size + 1)])
            if digit:
                solver.add_clause([size * cell + digit])
        for unit, digit in product(units(box), range(1, size + 1)):
            for one, other in combinations(unit, 2):
                solver.add_clause([-size * one - digit, -size * other - digit])
        solver.add_clause([-size * cell - digit for cell, digit in enumerate(solution)])
        return bool(solver.solve())


def rows_of(grids: Grids) -> list[tuple[int, ...]]:
    return [tuple(row) for row in grids.tolist()]


# Boxes


@pytest.mark.parametrize(
    ("written", "box", "shape"),
    [(3, 3, (3, 3)), ("3", 3, (3, 3)), ("3x3", 3, (3, 3)), ("2x3", "2x3", (2, 3)), ("3 x 2", "3x2", (3, 2)),
     ("2X12", "2x12", (2, 12)), ("5", 5, (5, 5)), (np.int64(2), 2, (2, 2))],
)  # fmt: skip
def test_boxes_are_written_in_several_ways(written: Any, box: Box, shape: tuple[int, int]) -> None:
    task = Sudoku(box=written)
    assert (task.box, sides(task.box), task) == (box, shape, Sudoku(box=box)) and type(task.box) is type(box)
    assert task.size == shape[0] * shape[1] and task.spec.classes == task.size and task.spec.vocabulary == task.size + 2
    assert Sudoku(box=box).prepare(Puzzle(written, pattern(box))) == Puzzle(box, pattern(box))


@pytest.mark.parametrize("box", [1, 0, 6, -3, "1x4", "2x13", "", "2,3", "x3", 2.5, True, (2, 3), [3], "3x"])
def test_other_boxes_are_refused(box: Any) -> None:
    with pytest.raises(UserError, match=r"at least 2 rows and 2 columns, and at most 25 cells, written as 3 .* or 2x3"):
        Sudoku(box=box)


@pytest.mark.parametrize("box", [3, 2, "2x3"])
def test_a_box_is_stored_with_its_run(tmp_path: Path, box: Box) -> None:
    config = replace(recipe("sudoku"), task=Sudoku(box=box))
    (tmp_path / "config.json").write_text(to_json(config))
    assert from_json(tmp_path / "config.json") == config
    assert (f'"box": {box},' in to_json(config)) is isinstance(box, int)  # as in the runs there are


def test_boxes_of_a_size_are_those_that_divide_it() -> None:
    expected = {size: [box for box in BOXES if size_of(box) == size] for size in range(2, 40)}
    assert {size: {*boxes_of(size)} for size in expected} == {size: {*found} for size, found in expected.items()}
    assert boxes_of(12)[0] == "3x4" and boxes_of(16)[0] == 4 and not boxes_of(7) and not boxes_of(26)


@pytest.mark.parametrize("box", BOXES)
def test_the_rule_is_units_without_repetition(box: Box) -> None:
    pairs = {tuple(sorted(pair)) for unit in units(box) for pair in combinations(unit, 2)}
    assert rule(box) == sorted(pairs)
    rows, columns = sides(box)
    assert rows != columns or rule(box) == sorted(nx.sudoku_graph(rows).edges)
    size = size_of(box)
    for place, relation in enumerate(relations_of(box)):
        related = {pair for unit in units(box)[place * size : (place + 1) * size] for pair in combinations(unit, 2)}
        assert {tuple(pair) for pair in relation.triu().nonzero().tolist()} == {tuple(sorted(p)) for p in related}
        assert torch.equal(relation, relation.mT)


# Symmetries and classes


@given(boxes, st.integers(0, 1000))
def test_symmetries_keep_grids_and_conflicts(box: Box, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    symmetries = random_symmetries(3, box, generator)
    grids = torch.tensor([pattern(box)] * 3)
    images = symmetries.apply(grids)
    assert all(solved(image, box) for image in images) and len({*map(tuple, images.tolist())}) > 1
    spoilt = torch.where(torch.rand(3, len(pattern(box)), generator=generator) < 0.1, grids.roll(1, 1), grids)
    task = Sudoku(box=box)

    def conflicts(cells: torch.Tensor) -> list[int]:
        return [task.violations(Puzzle(box, (0,) * len(row)), tuple(row)) for row in cells.tolist()]

    assert conflicts(symmetries.apply(spoilt)) == conflicts(spoilt)


@pytest.mark.parametrize("box", ["2x3", "3x2"])
def test_all_symmetries_of_small_grids(box: Box) -> None:
    """3! orders of bands, 2! of the rows of each, and so on; only a square box may be transposed."""
    moves = {tuple(move) for move in cell_symmetries(box).tolist()}
    assert len(moves) == len(cell_symmetries(box)) == 6 * 2**3 * 2 * 6**2
    drawn = random_symmetries(60000, box, torch.Generator().manual_seed(0))
    assert {tuple(move) for move in drawn.cells.tolist()} == moves


@pytest.mark.parametrize("box", [2, "2x3", "3x2", "2x4", 3, "3x4", 4, 5])
def test_classes_do_not_change_by_symmetries(box: Box) -> None:
    count = size_of(box) ** 2
    grids = np.array([shuffled(box, seed) for seed in range(6)] if box == 5 else some_grids(box))
    kept = np.where(np.random.default_rng(0).random(grids.shape) < 0.4, grids, 0).astype(np.int8)
    symmetries = random_symmetries(len(grids), box, torch.Generator().manual_seed(1))
    images = [symmetries.apply(torch.from_numpy(part)).numpy().astype(np.int8) for part in (grids, kept)]
    assert grid_class(images[0], box) == grid_class(grids.astype(np.int8), box)
    alone = [[part[None] for part in each] for each in (images[0], grids.astype(np.int8))]
    classes = puzzle_class(images[1], alone[0], box)
    assert classes == puzzle_class(kept, alone[1], box) and images[0].shape[1] == count
    assert box == 5 or len({*classes}) == len(grids)


def some_grids(box: Box) -> Grids:
    grids = solved_grids(8, box, np.random.default_rng(0))
    assert len(grids) > 5 and all(solved(grid, box) for grid in grids.tolist())
    return grids


def test_classes_on_which_published_splits_rest() -> None:
    answer = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
    grid = np.array([[*map(int, answer)]], dtype=np.int8)
    small = np.array([[1, 0, 0, 4, 0, 0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 1]], dtype=np.int8)
    assert (grid_class(grid, 3), orbit(small, 2)) == (["b4e927bfe95c5f0e"], ["1d0b7eb15ec6e507"])


# Solutions


def test_there_are_39168_grids_of_6_by_6_with_a_fixed_row() -> None:
    """28,200,960 in all, as is known, over 6! orders of the row."""
    first = np.zeros((1, 36), dtype=np.int8)
    first[0, :6] = range(1, 7)
    for box in ("2x3", "3x2"):
        (grids,) = search(candidates_of(first), 50000, box=box).solutions
        assert len(grids) == 39168 == len({*rows_of(grids)}) and all(solved(grid, box) for grid in grids[::100])


@settings(max_examples=30)
@given(st.data(), st.sampled_from([2, "2x3", "3x2"]), st.integers(0, 1000))
def test_small_puzzles_have_the_solutions_of_brute_force(data: st.DataObject, box: Box, seed: int) -> None:
    """Some digits of a grid, one of them changed: often unsolvable, often with many solutions."""
    grid = shuffled(box, seed)
    blank = data.draw(st.sets(st.integers(0, len(grid) - 1), max_size=24))
    puzzle = [0 if cell in blank else digit for cell, digit in enumerate(grid)]
    if data.draw(st.booleans()):
        puzzle[data.draw(st.integers(0, len(grid) - 1))] = data.draw(st.integers(1, size_of(box)))
    task, expected = Sudoku(box=box), brute_force(puzzle, box)
    assert task.solutions(Puzzle(box, tuple(puzzle))) == sorted(expected)
    assert task.solvable(Puzzle(box, tuple(puzzle))) is bool(expected)
    assert all(task.violations(Puzzle(box, tuple(puzzle)), solution) == 0 for solution in expected)


@pytest.mark.parametrize("box", ["2x3", "2x4", "3x4", 4])
def test_generated_puzzles_have_one_solution(box: Box) -> None:
    low, high = clues_of(box, "easy")
    grids = some_grids(box)[:4]
    puzzles, done = unique_puzzles(grids, (low, high), np.random.default_rng(0), box)
    assert done.all()
    for puzzle, grid in zip(rows_of(puzzles), rows_of(grids), strict=True):
        assert low <= sum(digit > 0 for digit in puzzle) <= high
        assert not other_solution(puzzle, grid, box)
        assert Sudoku(box=box).solutions(Puzzle(box, puzzle)) == [grid]


def test_a_digit_stays_where_its_search_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    grids = some_grids("2x4")
    monkeypatch.setattr("gram_pyro.tasks.sudoku.generator.branches_of", lambda box: 0)
    puzzles, _ = unique_puzzles(grids, (0, 0), np.random.default_rng(0), "2x4")
    assert (puzzles == 0).sum() > 100
    for puzzle, grid in zip(rows_of(puzzles), rows_of(grids), strict=True):
        assert not other_solution(puzzle, grid, "2x4")


def test_grids_of_25_digits_are_solved() -> None:
    grid = shuffled(5, 0)
    puzzle = Puzzle(5, tuple(0 if cell % 3 == 0 else digit for cell, digit in enumerate(grid)))
    assert grid in Sudoku(box=5).solutions(puzzle)
    with pytest.raises(UserError, match=r"up to 16 x 16 cells are generated, not with box=5; add --task.data FILE"):
        Sudoku(box=5).generate("train", 1, 0)


@pytest.mark.parametrize("box", ["2x3", "3x2", "2x4"])
def test_splits_share_no_puzzle_up_to_symmetry(box: Box) -> None:
    task = Sudoku(box=box)
    parts = [task.generate(split, 12, 5) for split in SPLITS]
    assert [len({*part}) for part in parts] == [12, 12, 12] and parts[0] == task.generate("train", 12, 5)
    for split, part in zip(SPLITS, parts, strict=True):
        symmetries = random_symmetries(12, box, torch.Generator().manual_seed(3))
        images = symmetries.apply(torch.tensor([puzzle.cells for puzzle in part])).numpy().astype(np.int8)
        solutions = [rows.numpy().astype(np.int8) + 1 for rows in task.list_solutions(task.puzzles(images))]
        assert {*splits_of(images, solutions, box)} == {split} and [len(rows) for rows in solutions] == [1] * 12


# Levels and extra givens


@given(boxes)
def test_levels_follow_one_another(box: Box) -> None:
    ranges = [clues_of(box, level) for level in LEVELS]
    assert all(low <= high for low, high in ranges)
    assert [low for low, _ in ranges[1:]] == [high + 1 for _, high in ranges[:-1]]
    assert clues_of(box, "mixed") == (ranges[0][0], ranges[-1][1])


def test_levels_as_published() -> None:
    assert [clues_of(3, level) for level in LEVELS] == [(22, 29), (30, 36), (37, 45)]
    assert [clues_of(2, level) for level in LEVELS] == [(4, 5), (6, 7), (8, 9)]


def test_mixed_puzzles_have_from_few_to_many_givens() -> None:
    """Any number in the range is drawn as often; a puzzle that cannot do with the fewest keeps one more."""
    puzzles = Sudoku(box="2x3", level="mixed").generate("train", 400, 0)
    seen = Counter(sum(digit > 0 for digit in puzzle.cells) for puzzle in puzzles)
    low, high = clues_of("2x3", "mixed")
    assert {*seen} == {*range(low, high + 1)}
    share = 400 / (high + 1 - low)
    assert all(0.6 * share < seen[givens] < 1.4 * share for givens in range(low + 2, high + 1))


@pytest.mark.parametrize("augmented", [True, False])
def test_extra_givens_come_from_the_target(augmented: bool) -> None:
    """Every number of a puzzle's blanks is as likely; known solutions are just those of the puzzle with them."""
    task = Sudoku(box=2, max_solutions=8, augmented=augmented, extra_givens=1.0)
    sources = task.generate("train", 4, 0)
    problems, targets, solutions = Pool(task, sources).draw(400, torch.Generator().manual_seed(3))
    assert problems.pins is not None and torch.equal(problems.pins, problems.tokens - 2)
    for row, target, known in zip((problems.tokens - 1).tolist(), targets.tolist(), solutions.tolist(), strict=True):
        listed = [tuple(digit + 1 for digit in each) for each in known if min(each) >= 0]
        assert sorted(listed) == sorted(brute_force(row, 2)) and tuple(digit + 1 for digit in target) in listed
    (source,) = task.generate("train", 1, 0)
    problems = Pool(task, [source]).draw(4000, torch.Generator().manual_seed(1)).problems
    blanks = source.cells.count(0)
    extra = Counter((blanks - (problems.tokens == 1).sum(1)).tolist())
    expected = 4000 / (blanks + 1)
    apart = sum((extra[number] - expected) ** 2 / expected for number in range(blanks + 1))
    assert sum(extra.values()) == 4000 and {*extra} == {*range(blanks + 1)}
    assert apart < blanks + 5 * (2 * blanks) ** 0.5


def test_a_share_of_the_examples_has_extra_givens() -> None:
    usual, some = Sudoku(box=2), Sudoku(box=2, extra_givens=0.25)
    sources = usual.generate("train", 20, 0)
    drawn = [Pool(task, sources).draw(2000, torch.Generator().manual_seed(0)) for task in (usual, some)]
    assert torch.equal(drawn[0].targets, drawn[1].targets)  # only givens are added
    before, after = (each.problems.tokens for each in drawn)
    assert torch.equal(before[before > 1], after[before > 1])
    share = (before != after).any(1).float().mean()
    assert 0.15 < share < 0.26  # of those chosen, one in eleven or so gets no given more


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_extra_givens_are_a_share(share: float) -> None:
    with pytest.raises(UserError, match="share of the examples, from 0 to 1"):
        Sudoku(extra_givens=share)


# Puzzles as they are written


def letters(rows: list[list[int]], blank: str) -> list[list[str]]:
    return [[DIGITS[digit - 1] if digit else blank for digit in row] for row in rows]


def numbers(rows: list[list[int]], blank: str) -> list[list[str]]:
    return [[str(digit) if digit else blank for digit in row] for row in rows]


FORMS: dict[str, Callable[[list[list[int]], str], str]] = {
    "rows": lambda rows, blank: "\n".join(map("".join, letters(rows, blank))),
    "small letters": lambda rows, blank: "\n".join(map("".join, letters(rows, blank))).lower(),
    "one line": lambda rows, blank: "".join(map("".join, letters(rows, blank))),
    "spaced letters": lambda rows, blank: "\n".join(map(" ".join, letters(rows, blank))),
    "numbers": lambda rows, blank: "Grid 1\n" + "\n".join(map(" ".join, numbers(rows, blank))),
    "numbers in a line": lambda rows, blank: " ".join(map(" ".join, numbers(rows, blank))),
    "commas": lambda rows, blank: "\n".join(map(",".join, numbers(rows, blank))),
    "two figures": lambda rows, blank: "\n".join(
        " | ".join(f"{digit:02}" if digit else blank for digit in row) for row in rows
    ),
}


@pytest.mark.parametrize("form", FORMS)
@given(
    st.data(), boxes, st.integers(0, 1000), st.sampled_from(".0x_?*"), st.sampled_from([".txt", ".sdm", ".csv"]),
)  # fmt: skip
def test_puzzles_are_read_as_written(
    form: str, data: st.DataObject, box: Box, seed: int, blank: str, ending: str
) -> None:
    size = size_of(box)
    share = data.draw(st.sampled_from([0.1, 0.5, 0.9]))
    kept = np.random.default_rng(seed).random(size**2) < share
    kept[0] = True
    cells = tuple(digit * int(keep) for digit, keep in zip(shuffled(box, seed), kept, strict=True))
    if size <= 9 and form == "two figures":
        form = "rows"
    text = FORMS[form]([[*cells[at : at + size]] for at in range(0, size**2, size)], blank)
    task, expected = Sudoku(box=box), Puzzle(box, cells)
    if form != "numbers":
        assert task.prepare(text) == expected
        assert task.read(text.replace("\n", "  \n")) == [expected]
    if ending != ".csv" and (share > 0.8 or size <= 6):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"my{ending}"
            path.write_text(text)
            assert task.read(str(path)) == [expected]


@given(boxes, st.integers(0, 1000))
def test_an_answer_is_read_as_it_is_printed(box: Box, seed: int) -> None:
    cells = shuffled(box, seed)
    text = Sudoku(box=box).text(Puzzle(box, cells), cells)
    lines, (rows, columns) = text.splitlines(), sides(box)
    assert Sudoku(box=box).prepare(text) == Puzzle(box, cells)
    assert len({*map(len, lines)}) == 1 and len(lines) == size_of(box) + columns - 1
    ruled = [place for place, line in enumerate(lines) if {*line} <= {*"-+"}]
    assert ruled == [*range(rows, len(lines), rows + 1)]
    bars = [[place for place, mark in enumerate(line) if mark in "|+"] for line in lines]
    assert bars.count(bars[0]) == len(lines) and len(bars[0]) == rows - 1


@pytest.mark.parametrize("box", LARGE)
def test_digits_may_be_counted_from_0(tmp_path: Path, box: Box) -> None:
    """As hexadecimal digits are: 0 stands for the last digit where blanks have another mark, or there are none."""
    size, cells = size_of(box), shuffled(box, 1)
    names = [("0" + DIGITS)[digit % size] for digit in cells]
    puzzle = (*cells[:-1], 0)
    assert Sudoku(box=box).prepare("".join(names[:-1]) + ".") == Puzzle(box, puzzle)
    (tmp_path / "my.csv").write_text(f"puzzle,solution\n{''.join(names[:-1])}.,{''.join(names)}\n")
    assert Sudoku(box=box).load(str(tmp_path / "my.csv")) == [Puzzle(box, puzzle)]
    marked = [DIGITS[digit - 1] for digit in cells]
    marked[3], marked[5] = ".", "0"  # where the last digit is written, 0 is a blank like any other
    blanked = tuple(0 if place in (3, 5) else digit for place, digit in enumerate(cells))
    assert Sudoku(box=box).prepare("".join(marked)) == Puzzle(box, blanked)


GRIDS = {box: "".join(DIGITS[digit - 1] for digit in pattern(box)) for box in BOXES}
SIXTEEN = "\n".join(" ".join(map(str, pattern(4)[at : at + 16])) for at in range(0, 256, 16))


@pytest.mark.parametrize(
    ("box", "name", "text", "words"),
    [
        (
            "2x3",
            "my.txt",
            ("." * 7 + "\n") * 7,
            "line 1: a grid of 7 x 7 cells has no boxes of 2 x 3, which need 6 x 6",
        ),
        ("2x3", "my.txt", f"{GRIDS['2x3']}\n{GRIDS[3]}", "line 2: a grid of 9 x 9 .* 2 x 3, .* set --task.box 3$"),
        (3, "my.txt", GRIDS["2x3"], "line 1: a grid of 6 x 6 .* no boxes of 3 x 3, .* set --task.box 2x3 or 3x2$"),
        (3, "my.txt", "123456\n" * 6, "line 1: a grid of 6 x 6 .* set --task.box 2x3 or 3x2$"),
        ("2x3", "my.txt", SIXTEEN, "line 1: a grid of 16 x 16 .* set --task.box 4, 2x8 or 8x2$"),
        (3, "my.csv", f"puzzle\n{GRIDS[3]}\n{GRIDS['2x3']}\n", "line 3: a grid of 6 x 6 .* in a file of their own"),
        (4, "my.txt", GRIDS[4].replace("G", "H"), r"line 1: 'H' in row \d+, .* no digit from 1 to 16 \(1-9, A-G\)"),
        (4, "my.txt", "ABCDEFG" + "H" * 9 + 15 * ("\n" + "." * 16), "line 1: 'H' in row 1, column 8"),
        (4, "my.txt", SIXTEEN.replace("16", "17"), "line 1: '17' in row 1, column 16 is no digit"),
        (4, "my.txt", SIXTEEN.replace("16 ", "", 1), "line 2: 15 cells, but a row has 16"),
        (4, "my.txt", "00" + "." * 254, "row 1, column 1 and row 1, column 2 share .* the digit 16"),
        ("2x3", "my.txt", "11" + "." * 34, "row 1, column 1 and row 1, column 2 share"),
        ("2x3", "my.txt", "1.....\n.1....\n" + "......\n" * 4, "row 1, column 1 and row 2, column 2 share"),
        ("2x3", "my.txt", "7" + "." * 35, "'7' in row 1, column 1 is no digit from 1 to 6, nor"),
        ("2x3", "my.csv", f"puzzle,solution\n{GRIDS['2x3']},{GRIDS['3x2']}\n", "line 2: the answer does not solve"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, box: Box, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{name}: .*(?:{words})") as error:
        Sudoku(box=box).load(str(tmp_path / name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["facade", "mistyped", "none.txt", "A" * 7, ""])
def test_what_is_no_puzzle_of_16_digits(text: str) -> None:
    with pytest.raises(UserError, match=r"no such file|a puzzle of 256 cells, not"):
        Sudoku(box=4).read(text)


def test_a_table_of_16_by_16_is_trained_on(tmp_path: Path) -> None:
    """With letters, with numbers; no class of it in two splits."""
    grids = solved_grids(8, 4, np.random.default_rng(2))
    rows = [
        ("".join(DIGITS[d - 1] if d % 5 else "." for d in grid), " ".join(map(str, grid))) for grid in rows_of(grids)
    ]
    (tmp_path / "my.csv").write_text("puzzle,solution\n" + "".join(f"{one},{other}\n" for one, other in rows))
    task = Sudoku(box=4, data=str(tmp_path / "my.csv"), max_solutions=50)
    found = [puzzle for split in SPLITS for puzzle in every(task, split)]
    assert sorted(puzzle.cells for puzzle in found) == sorted(
        tuple(d if d % 5 else 0 for d in g) for g in rows_of(grids)
    )


def every(task: Sudoku, split: Split) -> list[Puzzle]:
    try:
        return task.generate(split, 100, 0)
    except UserError as error:
        assert "no puzzle in the" in str(error)
        return []


# Pictures


def test_pictures_have_thick_lines_around_boxes() -> None:
    axes = Figure().subplots()
    Sudoku(box="2x3").draw(Puzzle("2x3", pattern("2x3")), None, axes)
    thick = {(tuple(line.get_xdata()), tuple(line.get_ydata())) for line in axes.lines if line.get_linewidth() > 1}
    assert thick == {((0, 6), (y, y)) for y in (0, 2, 4, 6)} | {((x, x), (0, 6)) for x in (0, 3, 6)}
    assert [text.get_text() for text in axes.texts] == [*map(str, pattern("2x3"))]
