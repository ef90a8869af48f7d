"""Sudoku against oracles that share no code with it: a SAT solver, plain loops, known counts and data."""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pysat.solvers import Cadical153

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Split
from gram_pyro.tasks.pool import Pool
from gram_pyro.tasks.sudoku.checker import Puzzle, rule
from gram_pyro.tasks.sudoku.files import read_csv
from gram_pyro.tasks.sudoku.generator import clues_of, open_puzzles, solved_grids, unique_puzzles
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search
from gram_pyro.tasks.sudoku.split import splits_of
from gram_pyro.tasks.sudoku.symmetry import Symmetries, cell_symmetries, grid_class, orbit, random_symmetries
from gram_pyro.tasks.sudoku.task import Sudoku
from gram_pyro.train import main as train

SHARED = Path(__file__).parents[3] / "shared" / "data" / "sudoku"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="public puzzles, not part of the project")
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

# A published puzzle and its solution (the example of the Wikipedia article on sudoku).
QUESTION = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def cells_of(text: str) -> tuple[int, ...]:
    return tuple(0 if mark == "." else int(mark) for mark in text)


def text_of(cells: tuple[int, ...]) -> str:
    return "".join(str(digit) if digit else "." for digit in cells)


def units(box: int) -> list[list[int]]:
    """The cells of every row, column and box, by plain loops."""
    size = box * box
    rows = [[size * r + c for c in range(size)] for r in range(size)]
    columns = [[size * r + c for r in range(size)] for c in range(size)]
    boxes = [
        [size * (box * i + k) + box * j + m for k in range(box) for m in range(box)]
        for i in range(box)
        for j in range(box)
    ]
    return rows + columns + boxes


def solved(cells: tuple[int, ...], box: int) -> bool:
    digits = set(range(1, box * box + 1))
    return all({cells[cell] for cell in unit} == digits for unit in units(box))


def sat_solutions(puzzle: tuple[int, ...], box: int, limit: int) -> set[tuple[int, ...]]:
    """Up to `limit` solutions, by a SAT solver; a variable for each cell and digit."""
    size = box * box
    cells, digits = range(size * size), range(1, size + 1)

    def variable(cell: int, digit: int) -> int:
        return size * cell + digit

    found = set()
    with Cadical153() as solver:
        for cell in cells:
            solver.add_clause([variable(cell, digit) for digit in digits])
            for one, other in combinations(digits, 2):
                solver.add_clause([-variable(cell, one), -variable(cell, other)])
            if puzzle[cell]:
                solver.add_clause([variable(cell, puzzle[cell])])
        for unit, digit in product(units(box), digits):
            for one, other in combinations(unit, 2):
                solver.add_clause([-variable(one, digit), -variable(other, digit)])
        while len(found) < limit and solver.solve():
            true = [number for number in solver.get_model() or [] if number > 0]
            found.add(tuple((number - 1) % size + 1 for number in sorted(true)))
            solver.add_clause([-number for number in true])
    return found


def rows_of(grids: Grids) -> list[tuple[int, ...]]:
    return [tuple(row) for row in grids.tolist()]


@cache
def grids(box: int) -> Grids:
    return solved_grids(60, box, np.random.default_rng(0))


@cache
def all_small_grids() -> Grids:
    return search(np.full((1, 16), 15, dtype=np.uint16), 1000).solutions[0]


# Exact solutions


def test_there_are_288_small_grids() -> None:
    found = rows_of(all_small_grids())
    assert len(found) == 288 == len(set(found)) and found == sorted(found)
    assert all(solved(grid, 2) for grid in found)


@settings(max_examples=30)
@given(st.integers(0, 287), st.sets(st.integers(0, 15), max_size=9), st.integers(0, 15), st.integers(0, 4))
def test_small_puzzles_have_the_solutions_of_a_sat_solver(grid: int, kept: set[int], cell: int, digit: int) -> None:
    """Some digits of a grid, one of them changed: often unsolvable, often with many solutions."""
    puzzle = [value if place in kept else 0 for place, value in enumerate(all_small_grids()[grid].tolist())]
    puzzle[cell] = digit
    expected = sorted(sat_solutions(tuple(puzzle), 2, 1000))
    task, problem = Sudoku(box=2), Puzzle(2, tuple(puzzle))
    assert task.solutions(problem) == expected and task.solvable(problem) is bool(expected)


def test_large_puzzles_have_the_solutions_of_a_sat_solver() -> None:
    rng = np.random.default_rng(1)
    puzzles = np.concatenate([open_puzzles(grids(3)[:12], (30, 40), rng), open_puzzles(grids(3)[:6], (24, 27), rng)])
    for puzzle in puzzles[::2]:  # a wrong digit more
        cell = rng.choice(np.flatnonzero(puzzle == 0))
        puzzle[cell] = rng.integers(1, 10)
    found = search(candidates_of(puzzles), 30)
    expected = [sat_solutions(puzzle, 3, 30) for puzzle in rows_of(puzzles)]
    assert [len(part) for part in found.solutions] == [len(part) for part in expected]
    for part, truth in zip(found.solutions, expected, strict=True):
        assert len(truth) == 30 or set(rows_of(part)) == truth
    assert {len(truth) for truth in expected} >= {0, 30} and not found.undecided.any()
    assert all(solved(grid, 3) for part in found.solutions for grid in rows_of(part))


def test_puzzles_are_answered_alone_as_among_others() -> None:
    rng = np.random.default_rng(2)
    puzzles = open_puzzles(grids(3)[:20], (26, 44), rng)
    together = search(candidates_of(puzzles), 2)
    alone = [search(candidates_of(puzzles[row : row + 1]), 2) for row in range(20)]
    assert [len(part) for part in together.solutions] == [len(each.solutions[0]) for each in alone]
    unique = [row for row, part in enumerate(together.solutions) if len(part) == 1]
    assert unique and [together.guesses[row] for row in unique] == [alone[row].guesses[0] for row in unique]
    assert search(candidates_of(puzzles[:0]), 2).solutions == []


def test_what_takes_too_long_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = Puzzle(3, (0,) * 81)
    found = search(np.full((1, 81), 511, dtype=np.uint16), limit=10**6, branches=20)
    assert found.undecided.all()
    assert not search(candidates_of(grids(3)[:1]), limit=2, branches=20).undecided.any()
    monkeypatch.setattr("gram_pyro.tasks.sudoku.task.MAX_SOLUTIONS", 50)
    with pytest.raises(TimeoutError, match="more than 50 solutions"):
        Sudoku().solutions(blank)
    assert Sudoku().solvable(blank) is True
    monkeypatch.setattr("gram_pyro.tasks.sudoku.task.SEARCH_LIMIT", 2)
    assert Sudoku().solvable(blank) is None
    with pytest.raises(UserError, match="too many"):
        Pool(Sudoku(), [blank])


def test_the_order_of_guesses_may_be_random() -> None:
    blank = np.full((3, 81), 511, dtype=np.uint16)
    first, again, other = (search(blank, 1, rng=np.random.default_rng(seed)).solutions for seed in (0, 0, 1))
    assert len({rows_of(part)[0] for part in (*first, *other)}) == 6 and all(map(np.array_equal, first, again))


# The checker


@settings(max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=16, max_size=16), st.lists(st.integers(0, 5), min_size=16, max_size=16))
def test_violations_agree_with_plain_loops(givens: list[int], answer: list[int]) -> None:
    pairs = {tuple(sorted(pair)) for unit in units(2) for pair in combinations(unit, 2)}
    same = sum(answer[one] == answer[other] for one, other in pairs)
    changed = sum(given != 0 and given != digit for given, digit in zip(givens, answer, strict=True))
    strange = sum(digit not in (1, 2, 3, 4) for digit in answer)
    assert Sudoku(box=2).violations(Puzzle(2, tuple(givens)), tuple(answer)) == same + changed + strange


def test_a_known_puzzle() -> None:
    task, answer = Sudoku(), cells_of(ANSWER)
    puzzle = task.prepare(QUESTION)
    assert task.solutions(puzzle) == [answer] and task.violations(puzzle, answer) == 0
    assert task.targets(puzzle).tolist() == [[digit - 1 for digit in answer]]
    assert task.answer(puzzle, task.targets(puzzle)[0].tolist()) == answer
    with pytest.raises(UserError, match="81 cells, not 2"):
        task.violations(puzzle, (1, 2))


# Symmetries and classes


@pytest.mark.parametrize("box", [2, 3])
def test_symmetries_keep_solutions_and_classes(box: int) -> None:
    symmetries = random_symmetries(60, box, torch.Generator().manual_seed(1))
    images = symmetries.apply(torch.from_numpy(grids(box))).numpy().astype(np.int8)
    assert all(solved(grid, box) for grid in rows_of(images)) and (images == grids(box)).all(1).mean() < 0.1
    assert grid_class(images, box) == grid_class(grids(box), box)
    puzzles = torch.from_numpy(open_puzzles(grids(box), (box**2, 3 * box**2), np.random.default_rng(0)))
    blank = symmetries.apply(puzzles) == 0
    assert torch.equal(blank.sum(1), (puzzles == 0).sum(1))
    unmoved = Symmetries(torch.arange(box**4).expand(60, -1), torch.arange(box**2 + 1).expand(60, -1))
    assert torch.equal(unmoved.apply(puzzles), puzzles.long())


def test_grids_that_no_symmetry_relates_differ() -> None:
    """Random grids; and a grid in which two rows of a band swap two digits that stand crosswise in two columns."""
    assert len(set(grid_class(grids(3), 3))) == 60
    before, after = [], []
    for grid in grids(3):
        for one, other in combinations(range(9), 2):
            if grid[one] == grid[9 + other] and grid[other] == grid[9 + one]:
                before.append(grid)
                after.append(grid.copy())
                after[-1][[one, other, 9 + one, 9 + other]] = grid[[other, one, 9 + other, 9 + one]]
    assert before and all(solved(grid, 3) for grid in rows_of(np.array(after)))
    assert all(np.array(grid_class(np.array(before), 3)) != np.array(grid_class(np.array(after), 3)))


def test_orbits_of_small_puzzles() -> None:
    """The 288 grids are two orbits, as is known, also by their cycles; a puzzle and its images share one."""
    classes, orbits = grid_class(all_small_grids(), 2), orbit(all_small_grids(), 2)
    assert len(set(classes)) == 2 == len(set(zip(classes, orbits, strict=True)))
    moves = {tuple(move) for move in cell_symmetries(2).tolist()}
    drawn = random_symmetries(3000, 2, torch.Generator().manual_seed(0))
    assert len(moves) == 128 and moves == {tuple(move) for move in drawn.cells.tolist()}
    assert len({tuple(names) for names in drawn.digits.tolist()}) == 24
    puzzles = open_puzzles(all_small_grids(), (3, 8), np.random.default_rng(0))
    symmetries = random_symmetries(288, 2, torch.Generator().manual_seed(2))
    images = symmetries.apply(torch.from_numpy(puzzles)).numpy().astype(np.int8)
    assert orbit(images, 2) == orbit(puzzles, 2) and len(set(orbit(puzzles, 2))) > 100


@needs_shared
def test_classes_are_those_of_an_independent_hash() -> None:
    rows = shared_rows("sudoku_easier_test", 2150) + shared_rows("sudoku_extreme_1k_train", 1000)
    answers = np.array([cells_of(row["answer"]) for row in rows], dtype=np.int8)
    theirs = [row["grid_class"] for row in rows]
    pairs = set(zip(grid_class(answers, 3), theirs, strict=True))
    assert len(pairs) == len({mine for mine, _ in pairs}) == len(set(theirs))


# Generated puzzles


@pytest.mark.parametrize("box", [2, 3])
def test_grids_are_solved_and_various(box: int) -> None:
    found = rows_of(grids(box))
    assert all(solved(grid, box) for grid in found) and len(set(found)) > (40 if box == 2 else 59)
    assert rows_of(solved_grids(60, box, np.random.default_rng(0))) == found
    assert rows_of(solved_grids(60, box, np.random.default_rng(1))) != found


@pytest.mark.parametrize(("box", "level"), [(2, "easy"), (2, "hard"), (3, "easy"), (3, "medium"), (3, "hard")])
def test_puzzles_have_one_solution_and_so_many_givens(box: int, level: Any) -> None:
    low, high = clues_of(box, level)
    puzzles, done = unique_puzzles(grids(box)[:30], (low, high), np.random.default_rng(0), box)
    assert done.mean() > 0.8
    for puzzle, grid, reached in zip(rows_of(puzzles), rows_of(grids(box)[:30]), done, strict=True):
        clues = sum(digit > 0 for digit in puzzle)
        assert sat_solutions(puzzle, box, 2) == {grid} and (low <= clues <= high) == reached


def test_puzzles_above_their_target_have_no_digit_to_spare() -> None:
    """Fewer than 17 givens never do, so that digits are removed while any can be."""
    puzzles, done = unique_puzzles(grids(3)[:4], (0, 16), np.random.default_rng(0), 3)
    assert not done.any()
    for puzzle in rows_of(puzzles):
        for cell in np.flatnonzero(puzzle).tolist():
            assert len(sat_solutions((*puzzle[:cell], 0, *puzzle[cell + 1 :]), 3, 2)) == 2


@pytest.mark.parametrize(
    "task",
    [Sudoku(box=2), Sudoku(box=2, max_solutions=5), Sudoku(level="easy"), Sudoku(max_solutions=8)],
    ids=["small", "small many", "large", "large many"],
)
def test_splits_share_no_puzzle_up_to_symmetry(task: Sudoku) -> None:
    parts = [task.generate(split, 20, 5) for split in SPLITS]
    assert [len(set(part)) for part in parts] == [20, 20, 20]
    assert parts[0] == task.generate("train", 20, 5) != task.generate("train", 20, 6)
    for split, part in zip(SPLITS, parts, strict=True):
        for puzzle in part:
            count = len(sat_solutions(puzzle.cells, task.box, 10))
            assert count == 1 if task.max_solutions == 1 else 2 <= count <= task.max_solutions
        puzzles = torch.tensor([puzzle.cells for puzzle in part])
        images = random_symmetries(20, task.box, torch.Generator().manual_seed(3)).apply(puzzles)
        solutions = [rows.numpy().astype(np.int8) + 1 for rows in task.list_solutions(task.puzzles(images.numpy()))]
        assert set(splits_of(images.numpy().astype(np.int8), solutions, task.box)) == {split}


# Tensors


@pytest.mark.parametrize("box", [2, 3])
def test_relations_are_the_sudoku_graph(box: int) -> None:
    task = Sudoku(box=box)
    problems = task.encode([Puzzle(box, (2, 0) * (box**4 // 2) + (1,) * (box**4 % 2))])
    relations, pins = problems.relations, problems.pins
    assert problems.tokens[0, :2].tolist() == [3, 1] and relations is not None
    assert pins is not None and pins[0, :2].tolist() == [1, -1] and problems.values == box**2
    size = box * box
    for relation, part in zip(relations, range(3), strict=True):
        pairs = {pair for unit in units(box)[part * size : (part + 1) * size] for pair in product(unit, unit)}
        assert {tuple(pair) for pair in relation.nonzero().tolist()} == {(u, v) for u, v in pairs if u != v}
    assert {tuple(pair) for pair in relations.sum(0).triu().nonzero().tolist()} == set(rule(box))


@pytest.mark.parametrize("augmented", [True, False])
def test_every_drawn_answer_solves_the_drawn_puzzle(augmented: bool) -> None:
    task = Sudoku(box=2, max_solutions=8, augmented=augmented)
    sources = task.generate("train", 20, 0)
    problems, targets, solutions = Pool(task, sources).draw(100, torch.Generator().manual_seed(3))
    assert problems.relations is not None and problems.relations.dim() == 3
    assert problems.pins is not None and torch.equal(problems.pins, problems.tokens - 2)
    drawn = [Puzzle(2, tuple(row)) for row in (problems.tokens - 1).tolist()]
    flat = torch.zeros(100, 16, 4).log_softmax(-1)
    seen: list[set[tuple[int, ...]]] = [set() for _ in drawn]
    for seed in range(60):
        for found, row in zip(seen, task.retarget(solutions, flat, torch.Generator().manual_seed(seed)), strict=True):
            found.add(tuple((row + 1).tolist()))
    for puzzle, target, known, found in zip(drawn, targets, solutions, seen, strict=True):
        assert task.violations(puzzle, task.answer(puzzle, target.tolist())) == 0
        rows = {tuple(digit + 1 for digit in row) for row in known.tolist() if row[0] >= 0}
        assert found <= rows == sat_solutions(puzzle.cells, 2, 100)
    complete = [found == sat_solutions(puzzle.cells, 2, 100) for found, puzzle in zip(seen, drawn, strict=True)]
    assert np.mean(complete) > 0.95  # 60 draws may miss one of 8
    assert (set(drawn) <= set(sources)) is not augmented


def test_grids_are_moved_uniformly() -> None:
    """By chi-squared, over all images of a grid; its answer is the same image."""
    names, count = orbit(all_small_grids(), 2), 8000
    size = names.count(names[0])
    problems, targets, _ = Pool(Sudoku(box=2), [Puzzle(2, rows_of(all_small_grids())[0])]).draw(
        count, torch.Generator().manual_seed(0)
    )
    assert torch.equal(problems.tokens - 2, targets)
    seen = Counter(map(tuple, targets.tolist()))
    apart = sum((times - count / size) ** 2 for times in seen.values()) / (count / size)
    assert len(seen) == size and apart < size + 5 * (2 * size) ** 0.5


def test_a_new_target_is_drawn_by_its_probability() -> None:
    """Also beside a puzzle with more solutions."""
    task = Sudoku(box=2, max_solutions=8, augmented=False)
    puzzles = {len(task.solutions(each)): each for each in task.generate("train", 100, 0)}
    puzzle = puzzles[3]
    pool = Pool(task, [puzzle, puzzles[max(puzzles)]])
    problems, _, solutions = pool.draw(40000, torch.Generator().manual_seed(1))
    log_probs = torch.randn(16, 4, generator=torch.Generator().manual_seed(1)).mul(0.3).log_softmax(-1)
    drawn = task.retarget(solutions, log_probs.expand(40000, -1, -1), torch.Generator().manual_seed(1))
    mine = drawn[(problems.tokens == task.encode([puzzle]).tokens).all(1)]
    frequency = (mine[:, None] == task.targets(puzzle)).all(-1).float().mean(0)
    scores = log_probs.gather(1, task.targets(puzzle).T).sum(0)
    torch.testing.assert_close(frequency, scores.softmax(0), rtol=0, atol=0.015)


def test_of_very_many_solutions_some_are_listed() -> None:
    task = Sudoku(box=2, augmented=False)
    pool = Pool(task, [Puzzle(2, (0,) * 16)])
    assert pool.counts.tolist() == [288]
    solutions, flat = pool.draw(2000, torch.Generator()).solutions, torch.zeros(2000, 16, 4).log_softmax(-1)
    drawn = {tuple(row) for row in (task.retarget(solutions, flat, torch.Generator().manual_seed(0)) + 1).tolist()}
    assert 40 < len(drawn) <= Sudoku.max_known and all(solved(row, 2) for row in drawn)
    assert {row[0] for row in drawn} == {1, 2, 3, 4}


# Puzzles of the user's own


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("12", "takes a puzzle of 81 cells, not 2: write each of them"),
        ("53..7....6..195...", "81 cells, not 18: write each .*'...' stands for three blanks"),
        (QUESTION[:-1] + "y", "'y' in row 9, column 9 is no digit from 1 to 9"),
        (QUESTION[:9] + "." + "3" + QUESTION[11:], "row 1, column 2 and row 2, column 2 share .* the digit 3"),
        (Puzzle(2, (0,) * 16), "box=3 takes a puzzle of 81 cells, not box=2 with 16"),
        (Puzzle(3, (0,) * 80), "81 cells, not box=3 with 80"),
        (Puzzle(3, (0,) * 80 + (10,)), "10 in row 9, column 9 is no digit from 1 to 9"),
        ([0] * 81, "takes a Puzzle.*not list"),
    ],
)
def test_what_is_no_puzzle(problem: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Sudoku().prepare(problem)


def test_small_puzzles_have_small_digits() -> None:
    with pytest.raises(UserError, match="'5' in row 2, column 1 is no digit from 1 to 4"):
        Sudoku(box=2).prepare("12.." + "5..." + "........")


def test_puzzles_with_many_solutions_may_be_asked_for() -> None:
    assert Sudoku().prepare("." * 81) == Puzzle(3, (0,) * 81)


def framed(rows: list[str], line: str, bar: str = "|", around: str = "|") -> str:
    """Rows of a grid with bars between boxes and a line above each band and below the last."""
    box = round(len(rows) ** 0.5)
    bands = [rows[start : start + box] for start in range(0, len(rows), box)]
    boxes = {row: bar.join(row[at : at + box] for at in range(0, len(row), box)) for row in rows}
    return "\n".join([*(f"{line}\n" + "\n".join(around + boxes[row] + around for row in band) for band in bands), line])


FORMS: dict[str, Callable[[list[str]], str]] = {
    "one": "".join,
    "rows": lambda rows: "\n".join(rows) + "\n\n",
    "spaced": lambda rows: "\n".join(map(" ".join, rows)),
    "commas": lambda rows: "; a comment\n" + "\n".join(map(",".join, rows)) + "  # 17 givens",
    "titled": lambda rows: "#A somebody\n[Puzzle]\nGrid 01\n" + "\n".join(rows),
    "borders": lambda rows: framed(rows, "+---+---+---+"),
    "simple": lambda rows: framed(rows, "*-----------*"),
    "dashes": lambda rows: framed(rows, "-" * len(rows), around=""),
    "bars": lambda rows: framed(rows, "------+-------+------", " | ", ""),
    "double": lambda rows: framed(rows, "\u2554\u2550\u2550\u2566\u2550\u2557", "\u2502", "\u2551"),
}


@pytest.mark.parametrize("form", FORMS)
@given(
    st.sampled_from([2, 3]), st.lists(st.booleans(), min_size=81, max_size=81),
    st.sampled_from(".0*_-xX?"), st.sampled_from([".txt", ".sdm", ".sdk", ".ss.gz"]),
)  # fmt: skip
def test_puzzles_are_read_as_written(form: str, box: int, kept: list[bool], blank: str, ending: str) -> None:
    assume(form != "dashes" or blank not in "-_*")  # a row of blanks looks like its frame
    answer = cells_of(ANSWER) if box == 3 else (1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1)
    cells = (answer[0], *(digit * keep for digit, keep in zip(answer[1:], kept, strict=False)))
    size = box * box
    text = "".join(str(digit) if digit else blank for digit in cells)
    text = FORMS[form]([text[start : start + size] for start in range(0, size**2, size)])
    expected, many = [Puzzle(box, cells)], Sudoku(box=box, max_solutions=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"my{ending}"
        path.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
        assert many.load(str(path)) == expected == many.load(folder) == many.read(str(path))
    if form != "titled":
        assert many.read(text) == expected


def test_many_grids_in_rows(tmp_path: Path) -> None:
    rows = [QUESTION[start : start + 9] for start in range(0, 81, 9)]
    path = tmp_path / "my.txt"
    path.write_text("\n".join(f"Puzzle {number}23\n" + "\n".join(rows) for number in range(3)))
    assert Sudoku().load(str(path)) == [Puzzle(3, cells_of(QUESTION))] * 3
    path.write_text(f"{QUESTION}\n{'-' * 81}\n{QUESTION}\n")
    assert [sum(puzzle.cells) > 0 for puzzle in Sudoku().read(str(path))] == [True, False, True]


def test_bad_puzzles_may_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, twice = Puzzle(3, cells_of(QUESTION)), "55" + QUESTION[2:]
    (tmp_path / "many.sdm").write_text(f"{QUESTION}\n{twice}\n{QUESTION[1:]}\n{'.' * 81}\n{QUESTION}\n")
    assert Sudoku().load(str(tmp_path / "many.sdm"), skip_bad=True) == [good, good]
    said = capsys.readouterr().err
    assert (
        "3 of 5 puzzles" in said and all(f"line {number}: " in said for number in (2, 3, 4)) and said.count("\n") == 1
    )
    (tmp_path / "one.txt").write_text(twice)
    assert Sudoku(skip_bad=True).load(str(tmp_path)) == [good, good]
    assert "1 of 2 files" in (said := capsys.readouterr().err) and "one.txt: line 1: row 1, column 1" in said
    with pytest.raises(UserError, match=r"one\.txt: line 1"):
        Sudoku(skip_bad=True).load(str(tmp_path / "one.txt"))
    with pytest.raises(UserError, match=r"many\.sdm: line 2"):
        Sudoku().load(str(tmp_path))


@pytest.mark.parametrize("path", ["mistyped.sdm", "mistyped", "my puzzles", "", " ", "none/53..7....6..195", "12.txt"])
def test_what_is_no_puzzle_is_a_path(path: str) -> None:
    with pytest.raises(UserError, match="no such file"):
        Sudoku().read(path)


def test_many_puzzles_in_a_file_and_one_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "my.sudoku.gz"
    path.write_bytes(gzip.compress(f"{QUESTION}\n{ANSWER}\n".encode()))
    puzzles = [Puzzle(3, cells_of(QUESTION)), Puzzle(3, cells_of(ANSWER))]
    assert Sudoku().load(str(path)) == puzzles and Sudoku().read(QUESTION) == puzzles[:1]
    with pytest.raises(UserError, match="not 80"):
        Sudoku().read(QUESTION[1:])
    with pytest.raises(UserError, match="'a' in row 1, column 1"):
        Sudoku().read("a" + QUESTION[1:])
    with pytest.raises(UserError, match="not 300"):
        Sudoku().read("x" * 300)
    assert Sudoku().read("  ".join(QUESTION)) == puzzles[:1]


def test_a_model_of_puzzles_with_one_solution_takes_no_others(tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_text(f"{QUESTION}\n{'.' * 81}\n")
    with pytest.raises(
        UserError, match="line 2: the puzzle has more than 1 solution; a model of max_solutions above 1"
    ):
        Sudoku().load(str(path))
    assert len(Sudoku(max_solutions=2).load(str(path))) == len(Sudoku().read(str(path))) == 2


def test_a_stray_quote_spoils_one_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_table(tmp_path / "my.csv", [(QUESTION, ANSWER), ('"' + QUESTION, ANSWER), (QUESTION, ANSWER)])
    with pytest.raises(UserError, match="line 3: not CSV"):
        Sudoku().load(path)
    assert len(Sudoku(skip_bad=True).load(path)) == 2 and "1 of 3 rows in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("my.txt", "", "empty"),
        ("my.txt", "\n \n", "empty"),
        ("my.txt", f"{QUESTION}\n{QUESTION[1:]}\n", "line 2: .*81 cells, not 80"),
        ("my.txt", "hello\n+---+\n", "no puzzle"),
        ("my.txt", "123456789\n12\n", "line 2: 2 cells, but a row has 9"),
        ("my.txt", "123456789\n" * 8, "8 rows of 9 cells, but a puzzle has 9"),
        ("my.txt", "123456789\n" * 10, "10 rows of 9 cells"),
        ("my.txt", "123456789\n" * 8 + "12345678y", "'y' in row 9, column 9"),
        ("my.txt", "\x00\udcff", "line 1: not UTF-8"),
        ("my.csv", "a,b\n1,2\n", "line 1: no column of puzzles named question, quizzes, .*, but a, b"),
        ("my.csv", "question,answer\n", "no puzzles below the first line"),
        ("my.doc", QUESTION, "unknown ending '.doc'"),
    ],
)
def test_files_that_are_no_puzzles(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=f"{name}: .*{words}"):
        Sudoku().load(str(path))


def test_missing_puzzles(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        Sudoku().load(str(tmp_path / "none.csv"))
    with pytest.raises(UserError, match="no puzzle file in this folder"):
        Sudoku().load(str(tmp_path))


# Tables


def write_table(path: Path, rows: list[tuple[str, str]], head: str = "source,question,answer,rating") -> str:
    text = "\n".join([head, *(f"mine,{question},{answer},0" for question, answer in rows)]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


@pytest.mark.parametrize("name", ["my.csv", "my.csv.gz"])
def test_tables_are_read(tmp_path: Path, name: str) -> None:
    path = write_table(tmp_path / name, [(QUESTION, ANSWER), (QUESTION.replace(".", "0"), ANSWER)])
    puzzles, solutions = read_csv(path, 3, 1, skip_bad=False)
    assert (
        rows_of(puzzles) == [cells_of(QUESTION)] * 2
        and [rows_of(part) for part in solutions] == [[cells_of(ANSWER)]] * 2
    )
    assert Sudoku().load(path) == [Puzzle(3, cells_of(QUESTION))] * 2


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        (QUESTION[1:], ANSWER, "not 80"),
        ("y" + QUESTION[1:], ANSWER, "'y' in row 1, column 1"),
        (QUESTION, ANSWER[1:], "not 80"),
        (QUESTION, QUESTION, "blank"),
        (QUESTION, ANSWER[::-1], "does not solve"),
        (QUESTION, "5" * 81, "does not solve"),
        ("." * 81, ANSWER, "more than 1 solution"),
        ("55" + QUESTION[2:], ANSWER, "row 1, column 1 and row 1, column 2"),
        ("12345678.........9" + "." * 63, ANSWER, "no solution"),
        ("", "", "not 0"),
    ],
)
def test_malformed_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], question: str, answer: str, words: str
) -> None:
    path = write_table(tmp_path / "my.csv", [(QUESTION, ANSWER), (question, answer), (QUESTION, ANSWER)])
    with pytest.raises(UserError, match=rf"my\.csv: line 3: .*{words}"):
        Sudoku().load(path)
    assert Sudoku(skip_bad=True).load(path) == [Puzzle(3, cells_of(QUESTION))] * 2
    said = capsys.readouterr().err
    assert f"1 of 3 rows in {path} left out" in said and "line 3" in said and said.count("\n") == 1
    with pytest.raises(UserError, match="line 2"):
        Sudoku(skip_bad=True).load(write_table(tmp_path / "bad.csv", [(question, answer)]))


@pytest.mark.parametrize("head", ["quizzes,solutions", "Puzzle,Solution", "id,question,answer", "solution,quiz"])
def test_common_tables_are_read(tmp_path: Path, head: str) -> None:
    path, names = tmp_path / "my.csv", head.lower().split(",")
    question = next(name for name in names if name[:2] in ("qu", "pu"))

    def write(answer: str) -> str:
        row = [QUESTION if name == question else "7" if name == "id" else answer for name in names]
        path.write_text(f"{head}\n{','.join(row)}\n")
        return str(path)

    assert Sudoku().load(write(ANSWER)) == [Puzzle(3, cells_of(QUESTION))]
    with pytest.raises(UserError, match="line 2: the answer does not solve the puzzle"):
        Sudoku().load(write(ANSWER[::-1]))


def test_other_tables(tmp_path: Path) -> None:
    """Without an answer, with many solutions, with a row cut short."""
    path = tmp_path / "my.csv"
    path.write_text(f"Question\n{QUESTION}\n\n")
    assert Sudoku().load(str(path)) == [Puzzle(3, cells_of(QUESTION))]
    many = f"question,one_answer,n_solutions\n{'.' * 16},1234341221434321,288\n"
    path.write_text(many)
    assert Sudoku(box=2, max_solutions=2).load(str(path)) == [Puzzle(2, (0,) * 16)]
    with pytest.raises(UserError, match="line 2: the puzzle has more than 2 solutions"):
        read_csv(path, 2, 2, skip_bad=False)
    assert len(read_csv(path, 2, 300, skip_bad=False)[1][0]) == 288
    path.write_text(f"question,answer\n{QUESTION}\n")
    with pytest.raises(UserError, match=r"line 2: .*not 0"):
        Sudoku().load(str(path))


def test_a_table_is_split_by_class(tmp_path: Path) -> None:
    puzzles = [puzzle for split in SPLITS for puzzle in Sudoku(level="easy").generate(split, 8, 0)]
    path = write_table(tmp_path / "my.csv", [(text_of(p.cells), text_of(Sudoku().solutions(p)[0])) for p in puzzles])
    task = Sudoku(data=path)
    parts = [task.generate(split, 10**6, 0) for split in SPLITS]
    assert [set(part) for part in parts] == [set(puzzles[:8]), set(puzzles[8:16]), set(puzzles[16:])]
    assert len(task.generate("train", 3, 0)) == 3 and parts[0] != task.generate("train", 10**6, 1)

    images = random_symmetries(4, 3, torch.Generator().manual_seed(0)).apply(
        torch.tensor([p.cells for p in puzzles[:4]])
    )
    held_out = [Puzzle(3, tuple(row)) for row in images.tolist()]
    rows = [(text_of(p.cells), text_of(Sudoku().solutions(p)[0])) for p in held_out]
    task = Sudoku(data=path, test_data=write_table(tmp_path / "test.csv", rows))
    parts = [task.generate(split, 10**6, 0) for split in SPLITS]
    assert [set(part) for part in parts] == [{*puzzles[4:8], *puzzles[16:]}, set(puzzles[8:16]), set(held_out)]


def test_an_empty_split_is_said(tmp_path: Path) -> None:
    puzzle = Sudoku(level="easy").generate("train", 1, 0)[0]
    path = write_table(tmp_path / "my.csv", [(text_of(puzzle.cells), text_of(Sudoku().solutions(puzzle)[0]))])
    with pytest.raises(UserError, match="no puzzle in the test split"):
        Sudoku(data=path).generate("test", 1, 0)


@pytest.mark.parametrize("options", [{"max_solutions": 0}, {"test_data": "my.csv"}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"max_solutions|task\.data"):
        Sudoku(**options)


@cache
def shared_rows(name: str, count: int) -> list[dict[str, str]]:
    with gzip.open(SHARED / f"{name}.csv.gz", "rt") as file:
        return [row for _, row in zip(range(count), csv.DictReader(file), strict=False)]


@needs_shared
def test_public_puzzles_have_their_public_answers() -> None:
    rows = shared_rows("sudoku_extreme_1k_train", 1000)
    found = search(candidates_of(np.array([cells_of(row["question"]) for row in rows], dtype=np.int8)), 2)
    assert [rows_of(part) for part in found.solutions] == [[cells_of(row["answer"])] for row in rows]
    theirs = np.array([int(row["own_guesses"]) for row in rows])
    assert np.corrcoef(found.guesses, theirs)[0, 1] > 0.999


@needs_shared
def test_public_puzzles_have_so_many_solutions() -> None:
    rows = shared_rows("sudoku_multi_solution", 50)
    found = search(candidates_of(np.array([cells_of(row["question"]) for row in rows], dtype=np.int8)), 5000)
    assert [len(part) for part in found.solutions] == [int(row["n_solutions"]) for row in rows]
    assert all(cells_of(row["one_answer"]) in rows_of(part) for row, part in zip(rows, found.solutions, strict=True))


# Pictures, and a training


def test_pictures_mark_conflicts() -> None:
    task, puzzle = Sudoku(), Puzzle(3, cells_of(QUESTION))
    answer = [*cells_of(ANSWER)]

    def styles(answer: list[int] | None) -> Counter[tuple[str, str]]:
        axes = Figure().subplots()
        task.draw(puzzle, None if answer is None else tuple(answer), axes)
        return Counter((text.get_color(), text.get_fontweight()) for text in axes.texts)

    black, blue = ("black", "bold"), ("#4e79a7", "normal")
    assert styles(None) == {black: 30} and styles(answer) == {black: 30, blue: 51}
    answer[2] = 5  # as the given in the corner, and the 5 in the last row
    assert styles(answer) == {black: 29, blue: 49, ("#d62728", "bold"): 1, ("#d62728", "normal"): 2}
    renamed = [{1: 2, 2: 1}.get(digit, digit) for digit in cells_of(ANSWER)]  # no conflict, but some givens changed
    changed = sum(QUESTION.count(digit) for digit in "12")
    assert styles(renamed) == {black: 30 - changed, blue: 51, ("#d62728", "normal"): changed}


def test_training_on_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    size = "--task.box 2 --updates 2 --problems 20 --batch 8 --depth 8 --shortest 4"
    options = f"{size} --evaluations 1 --compile off --threads 1"
    train(["--task", "sudoku", *options.split(), "--out", str(out)])
    assert (out / "weights.safetensors").exists()
