"""N-Queens against oracles that share no code with it: permutations, plain loops, known counts."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from gram_pyro.errors import UserError
from gram_pyro.tasks.nqueens.boards import Board, excluded_cells, full_boards
from gram_pyro.tasks.nqueens.checker import attacks
from gram_pyro.tasks.nqueens.files import parse_board, read_board
from gram_pyro.tasks.nqueens.solver import all_solutions, completions, diagonals, symmetries
from gram_pyro.tasks.nqueens.task import NQueens
from gram_pyro.tasks.pool import Pool

SHARED = Path(__file__).parents[3] / "shared" / "data" / "nqueens"
SOLUTIONS, INSTANCES, COUNTS = (
    SHARED / name
    for name in ("nqueens_all_solutions.npz", "excluded_diagonals.json.gz", "excluded_diagonals_counts.csv.gz")
)


def peaceful(columns: tuple[int, ...]) -> bool:
    return all(
        one != other and abs(one - other) != j - i for (i, one), (j, other) in combinations(enumerate(columns), 2)
    )


def lies_on(size: int, row: int, column: int, diagonal: tuple[int, int]) -> bool:
    number, kind = diagonal
    return row + column == number if kind == 1 else row - column == number - (size - 1)


def brute_force(size: int, queens: tuple[int, ...], excluded: tuple[tuple[int, int], ...] = ()) -> set[tuple[int, ...]]:
    """Columns of every completion, from all permutations."""
    return {
        columns
        for columns in permutations(range(size))
        if peaceful(columns)
        and all(columns[cell // size] == cell % size for cell in queens)
        and not any(lies_on(size, row, column, each) for row, column in enumerate(columns) for each in excluded)
    }


def cells_of(columns: tuple[int, ...]) -> tuple[int, ...]:
    size = len(columns)
    return tuple(int(columns[cell // size] == cell % size) for cell in range(size * size))


@st.composite
def boards(draw: st.DrawFn) -> Board:
    """A few queens anywhere, a few excluded diagonals."""
    size = draw(st.integers(4, 7))
    queens = draw(st.sets(st.integers(0, size * size - 1), max_size=3))
    numbers = st.tuples(st.integers(0, 2 * size - 2), st.integers(0, 1))
    return Board(size, tuple(sorted(queens)), tuple(sorted(draw(st.sets(numbers, max_size=4)))))


# Exact completions


@pytest.mark.parametrize(
    ("size", "count"), [(1, 1), (2, 0), (3, 0), (4, 2), (5, 10), (6, 4), (7, 40), (8, 92), (9, 352)]
)
def test_counts_are_the_known_ones(size: int, count: int) -> None:
    found = list(completions(size, (), (), 10**6))
    assert len(found) == len(set(found)) == count and all(map(peaceful, found))
    assert sorted(found) == [*map(tuple, all_solutions(size).tolist())]


@pytest.mark.parametrize(("size", "count"), [(10, 724), (11, 2680), (12, 14200)])
def test_counts_of_larger_boards_are_the_known_ones(size: int, count: int) -> None:
    found = all_solutions(size)
    assert found.shape == (count, size) == np.unique(found, axis=0).shape
    for numbers in (found, found + np.arange(size), found - np.arange(size)):  # columns and diagonals
        assert (np.diff(np.sort(numbers)) > 0).all()


@settings(max_examples=40)
@given(boards())
def test_completions_are_those_of_all_permutations(board: Board) -> None:
    expected = brute_force(*board)
    assert set(completions(*board, 10**6)) == expected
    assert NQueens(n=board.size).solvable(board) is bool(expected)
    assert {*NQueens().solutions(board)} == {cells_of(columns) for columns in expected}


def test_large_boards_are_searched_and_small_ones_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(8, (3, 13))
    looked_up = NQueens().solutions(board)
    monkeypatch.setattr("gram_pyro.tasks.nqueens.task.MAX_GENERATED", 7)
    assert NQueens().solutions(board) == looked_up and len(looked_up) > 1
    monkeypatch.setattr("gram_pyro.tasks.nqueens.task.SEARCH_LIMIT", 5)
    with pytest.raises(TimeoutError, match="5 branches"):
        NQueens().solutions(board)
    assert NQueens().solvable(Board(30, ())) is None


@pytest.mark.skipif(not SOLUTIONS.exists(), reason="an independent list of solutions, not part of the project")
@pytest.mark.parametrize("size", [8, 9])
def test_an_independent_list_has_the_same_solutions(size: int) -> None:
    listed = np.load(SOLUTIONS)[f"n{size}"]
    assert {tuple(columns) for columns in listed.tolist()} == set(completions(size, (), (), 10**6))


# The checker


@given(boards())
def test_violations_agree_with_plain_loops(board: Board) -> None:
    task, size = NQueens(), board.size
    answer = tuple(int(cell in board.queens) for cell in range(size * size))
    on_excluded = sum(lies_on(size, *divmod(cell, size), each) for cell in board.queens for each in board.excluded)
    attacking = 0
    for first, second in combinations(board.queens, 2):
        (r, c), (s, d) = divmod(first, size), divmod(second, size)
        attacking += r == s or c == d or r + c == s + d or r - c == s - d
    missing = size - len(board.queens)
    assert task.violations(Board(size, ()), answer) == attacking + missing
    assert task.violations(board, answer) == attacking + missing + on_excluded
    assert task.violations(board, (0,) * size**2) == size + len(board.queens)


@settings(max_examples=20)
@given(st.integers(0, 91), st.integers(0, 7), st.integers(0, 63))
def test_a_moved_queen_is_caught(which: int, row: int, target: int) -> None:
    solution = full_boards(8)[which].tolist()
    cell = solution.index(1, 8 * row)
    task, board = NQueens(), Board(8, (cell,))
    assert task.violations(board, tuple(solution)) == 0
    if target != cell:
        solution[cell], solution[target] = 0, 1
        assert task.violations(board, tuple(solution)) > 0


def test_what_is_no_answer_at_all() -> None:
    with pytest.raises(UserError, match="64 cells, not 3"):
        NQueens().violations(Board(8, ()), (0, 1, 0))


# Symmetries and splits


@pytest.mark.parametrize("size", [4, 5, 8])
def test_the_symmetries_are_a_group_that_keeps_solutions(size: int) -> None:
    moves = symmetries(size)
    group = {tuple(move) for move in moves.tolist()}
    assert len(group) == 8 and {tuple(one[other]) for one in moves for other in moves} == group
    solutions = {tuple(row) for row in full_boards(size).tolist()}
    for move in moves:
        turned = np.zeros((len(solutions), size * size), dtype=int)
        turned[:, move] = full_boards(size)
        assert {tuple(row) for row in turned.tolist()} == solutions
        assert all(attacks(size).has_edge(move[u], move[v]) for u, v in attacks(size).edges)


def test_splits_are_disjoint_and_together_everything() -> None:
    for task in (NQueens(n=6), NQueens(n=6, split="input", augmented=False)):
        parts = [task.generate(split, 10**6, 0) for split in ("train", "validation", "test")]
        everything = set().union(*map(set, parts))
        assert sum(map(len, parts)) == len(everything) and all(parts)
        raw = {
            q
            for s in brute_force(6, ())
            for k in (1, 2, 3)
            for q in combinations([6 * r + c for r, c in enumerate(s)], k)
        }
        assert {board.queens for board in everything} == raw


def test_no_test_board_is_an_image_of_a_training_board() -> None:
    task, moves = NQueens(), symmetries(8)
    train = {board.queens for board in task.generate("train", 10**6, 0)}
    test = task.generate("test", 10**6, 0)
    images = {tuple(sorted(move[list(board.queens)].tolist())) for board in test for move in moves}
    assert train and test and train.isdisjoint(images)
    inputs = NQueens(split="input", augmented=False)
    share = len(inputs.generate("test", 10**6, 0)) / 5148
    assert abs(share - 0.15) < 0.02
    seen = {board.queens for board in inputs.generate("train", 10**6, 0)}
    assert any(tuple(sorted(m[list(b.queens)].tolist())) in seen for b in inputs.generate("test", 50, 0) for m in moves)


def test_generate_is_seeded() -> None:
    task = NQueens(removed=(5,))
    lists = [task.generate("train", 30, seed) for seed in (1, 1, 2)]
    assert lists[0] == lists[1] != lists[2] and len(lists[0]) == 30
    assert all(len(board.queens) == 3 for board in lists[0])


# Tensors


def test_encoded_boards() -> None:
    task = NQueens(n=5)
    problems = task.encode([Board(5, (0, 7)), Board(5, ())])
    tokens, relations = problems.tokens, problems.relations
    assert tokens[0].nonzero().numel() == 25 and (tokens[0] == 2).nonzero()[:, 0].tolist() == [0, 7]
    assert (tokens[1] == 1).all()
    assert relations is not None and relations.shape == (4, 25, 25)
    graph = attacks(5)
    related = {tuple(pair) for pair in relations.sum(0).nonzero().tolist()}
    assert related == {pair for u, v in graph.edges for pair in ((u, v), (v, u))} and relations.sum(0).max() == 1
    by_row, by_column = relations[0].bool(), relations[1].bool()
    assert by_row[0, 4] and not by_row[0, 5] and by_column[0, 20] and not by_column[0, 6]
    assert relations[2, 4, 8] and not relations[3, 4, 8] and relations[3, 0, 6] and not relations[2, 0, 6]


@pytest.mark.parametrize("augmented", [True, False])
@pytest.mark.parametrize("layout", ["relations", "tokens"])
def test_every_drawn_answer_completes_the_drawn_board(augmented: bool, layout: Any) -> None:
    task = NQueens(n=6, augmented=augmented, layout=layout)
    sources = task.generate("train", 20, 0)
    problems, targets, listed = Pool(task, sources).draw(100, torch.Generator().manual_seed(3))
    assert problems.relations is None if layout == "tokens" else problems.relations.dim() == 3
    assert problems.pins is not None and torch.equal(problems.pins, torch.where(problems.tokens == 2, 1, -1))
    drawn = set()
    for row, target, solutions in zip(problems.tokens, targets, listed, strict=True):
        board = Board(6, tuple((row == 2).nonzero()[:, 0].tolist()))
        drawn.add(board)
        assert task.violations(board, tuple(target.tolist())) == 0
        found = {tuple(cells) for cells in solutions.tolist() if cells[0] >= 0}
        assert found == {cells_of(columns) for columns in brute_force(*board)}
    assert (drawn <= set(sources)) is not augmented


def test_boards_are_turned_uniformly() -> None:
    """A board that no symmetry keeps has eight images."""
    task = NQueens(n=6, excluded=1)
    problems, _, _ = Pool(task, task.generate("train", 1, 0)).draw(8000, torch.Generator().manual_seed(0))
    seen = Counter(map(tuple, problems.tokens.tolist()))
    assert len(seen) == 8 and max(seen.values()) < 1.2 * min(seen.values())


def test_a_new_target_is_drawn_by_its_probability() -> None:
    task = NQueens(n=8, augmented=False)
    board = next(board for board in task.generate("train", 10**4, 0) if len(task.solutions(board)) == 3)
    listed = Pool(task, [board]).draw(1, torch.Generator()).solutions
    solutions = torch.tensor(task.solutions(board))
    log_probs = torch.randn(64, 2, generator=torch.Generator().manual_seed(1)).mul(0.3).log_softmax(-1)
    scores = log_probs.gather(1, solutions.T).sum(0)
    drawn = task.retarget(
        listed.expand(20000, -1, -1), log_probs.expand(20000, -1, -1), torch.Generator().manual_seed(1)
    )
    frequency = (drawn[:, None] == solutions).all(-1).float().mean(0)
    torch.testing.assert_close(frequency, scores.softmax(0), rtol=0, atol=0.015)


# Boards of the user's own


def test_prepare_names_the_queens_in_conflict() -> None:
    task = NQueens()
    assert task.prepare(Board(8, (26, 9, 26))) == Board(8, (9, 26))
    with pytest.raises(UserError, match="row 1, column 2 and row 3, column 4 attack"):
        task.prepare(Board(8, (1, 19)))
    with pytest.raises(UserError, match="cell 64"):
        task.prepare(Board(8, (64,)))
    for size in (3, 33):
        with pytest.raises(UserError, match=f"{size} rows; nqueens takes from 4 to 32"):
            task.prepare(Board(size, ()))
    with pytest.raises(UserError, match="not str"):
        task.prepare("Q...")  # type: ignore[arg-type]


FORMS = {
    "rows": lambda rows: "\n".join(rows) + "\n\n",
    "spaced": lambda rows: "# a board\n\n" + "\n".join(map(" ".join, rows)),
    "framed": lambda rows: "\n".join(f"+{'---+' * len(rows)}\n| {' | '.join(row)} |" for row in rows),
    "matrix": lambda rows: "\n".join(f"[{', '.join('01'[mark == 'Q'] for mark in row)}]," for row in rows),
    "fen": lambda rows: "/".join(re.sub(r"\.+", lambda run: str(len(run[0])), row) for row in rows) + " w - - 0 1",
}


@pytest.mark.parametrize("form", FORMS)
@given(board=boards())
def test_boards_are_read_as_written(form: str, board: Board) -> None:
    marks = "".join("Q" if cell in board.queens else "." for cell in range(board.size**2))
    text = FORMS[form]([marks[start : start + board.size] for start in range(0, len(marks), board.size)])
    assert parse_board(text.encode()) == Board(board.size, board.queens) == NQueens().read(text)[0]


@given(st.integers(4, 20), st.data())
def test_columns_of_queens_are_read_as_shown(size: int, data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.integers(-1, size - 1), min_size=size, max_size=size))
    board = parse_board(str(columns).encode())
    cells = tuple(int(cell in board.queens) for cell in range(size * size))
    assert NQueens().to_json(cells) == columns and board.size == size
    for text in (" ".join(map(str, columns)), ",".join(map(str, columns)), f"{tuple(columns)}"):
        assert NQueens().read(text) == [board]


def test_boards_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a.txt", "3Q4/8/8/8/8/8/8/8\n"), ("b.board", "1 3 0 2\n"), ("c.fen", "QQ2/4/4/4")):
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=r"c\.fen: the queens at row 1, column 1 and row 1, column 2 attack"):
        NQueens().load(str(tmp_path))
    boards = NQueens().load(str(tmp_path), skip_bad=True)
    assert boards == [Board(8, (3,)), Board(4, (1, 7, 8, 14))]
    assert "1 of 3 files" in (said := capsys.readouterr().err) and "c.fen: the queens" in said
    assert NQueens().read(str(tmp_path / "b.board")) == boards[1:]


@pytest.mark.parametrize("path", ["", "none.txt", "none", "boards/2024/1/none"])
def test_what_is_no_board_is_a_path(path: str) -> None:
    with pytest.raises(UserError, match="no such file"):
        NQueens().read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("Q...\n..Q.\n...\n....\n", "line 3: 3 cells"),
        ("Q...\n..x.\n....\n....\n", "line 2: 'x' is no cell"),
        ("Q...\n....\n....\n", "3 rows of 4 cells"),
        ("Q...\n", "1 rows of 4 cells"),
        ("----\n+--+\n", "1 rows of 4 cells"),
        ("4 1 3 5 7 2 0 8\n", "queen of row 8 stands in column 8, but 8 columns go from 0 to 7"),
        ("[0, -2, 1, 2]", "queen of row 2 stands in column -2"),
        ("3Q4/8/8/7", "row 1 of the FEN has 8 cells, but a board of 4 rows has 4"),
        ("3K/4/4/4", "row 1 of the FEN: 'K' is neither a queen nor a number"),
        (f"{'9' * 5000}/4/4/4", "row 1 of the FEN: '99"),
        ("Q2Q/4/4/4", "row 1, column 1 and row 1, column 4 attack"),
        ("Q...\n\udcff", "line 2: not UTF-8 text"),
    ],
)
def test_files_that_are_no_boards(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "my.txt"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=words):
        read_board(path)


def test_missing_boards(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_board(tmp_path / "none.txt")
    with pytest.raises(UserError, match="no board file in this folder"):
        NQueens().load(str(tmp_path))


@pytest.mark.parametrize(
    "options", [{"n": 3}, {"removed": (0,)}, {"removed": (9,)}, {"split": "input"}, {"excluded": 15}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"nqueens|removed|no-augment|from 0 to 14 diagonals"):
        NQueens(**options)


def test_large_boards_are_not_generated() -> None:
    with pytest.raises(UserError, match="up to n=12, not n=20"):
        NQueens(n=20).generate("train", 1, 0)


def test_pictures_mark_attacks() -> None:
    axes = Figure().subplots()
    task, board = NQueens(n=4), Board(4, (1,))
    task.draw(board, tuple(int(cell in (1, 2, 7)) for cell in range(16)), axes)
    assert len(axes.lines) == 2 and len(axes.texts) == 3
    assert [text.get_color() for text in axes.texts].count("black") == 1


# Excluded diagonals


def test_diagonals_are_numbered_as_the_benchmark_does() -> None:
    names = [(number, kind) for kind in (0, 1) for number in range(9)]
    for name, line in zip(names, diagonals(5), strict=True):
        assert {*np.flatnonzero(line).tolist()} == {c for c in range(25) if lies_on(5, *divmod(c, 5), name)}


@pytest.mark.skipif(not (COUNTS.is_file() and INSTANCES.is_file()), reason="the benchmark is not beside this checkout")
def test_published_instances_have_the_known_counts() -> None:
    instances = json.loads(gzip.decompress(INSTANCES.read_bytes()))
    with gzip.open(COUNTS, "rt") as file:
        rows = [row for row in csv.DictReader(file) if int(row["n"]) <= 10 and int(row["d"]) <= 2 * int(row["n"]) - 2]
    chosen = np.random.default_rng(0).choice(len(rows), 40, replace=False)
    assert {rows[place]["n"] for place in chosen} == {"8", "9", "10"}
    for n, seed, d, count in (map(int, rows[place].values()) for place in chosen):
        board = Board(n, (), tuple((number, kind) for number, kind in instances[str(n)][str(seed)][:d]))
        found = NQueens(n=n, excluded=d).solutions(board)
        assert len(found) == count == sum(1 for _ in completions(*board, 10**6))
        assert all(NQueens(n=n).violations(board, answer) == 0 for answer in found)


@pytest.mark.parametrize("removed", [(), (6,)])
def test_random_boards_are_as_asked(removed: tuple[int, ...]) -> None:
    task = NQueens(n=6, excluded=3, removed=removed)
    boards = task.generate("train", 60, 0)
    assert boards == task.generate("train", 60, 0) != task.generate("train", 60, 1)
    assert boards[:7] == task.generate("train", 7, 0) and len({*boards}) == 60
    assert {6 - len(board.queens) for board in boards} == {*(removed or (3, 4, 5))}
    for board in boards:
        assert len({*board.excluded}) == 3 and task.prepare(board) == board and brute_force(*board)
    seen = {diagonal for board in boards for diagonal in board.excluded}
    assert len(seen) > 12 and {kind for _, kind in seen} == {0, 1}


def test_few_boards_end_the_search() -> None:
    boards = NQueens(n=5, excluded=8, removed=(5,)).generate("train", 1000, 0)
    assert 1 <= len(boards) <= 10
    with pytest.raises(UserError, match=r"n=5 .* no board in the validation split"):
        NQueens(n=5, excluded=8, removed=(5,)).generate("validation", 1000, 0)


def cells_on(size: int, diagonal: tuple[int, int]) -> list[int]:
    return [cell for cell in range(size**2) if lies_on(size, *divmod(cell, size), diagonal)]


@given(boards(), st.integers(0, 7))
def test_an_image_is_in_the_same_split(board: Board, which: int) -> None:
    size = board.size
    names = {frozenset(cells_on(size, (d, kind))): (d, kind) for kind in (0, 1) for d in range(2 * size - 1)}
    move = symmetries(size)[which]
    image = Board(
        size,
        tuple(move[list(board.queens)].tolist()),
        tuple(names[frozenset(move[cells_on(size, diagonal)].tolist())] for diagonal in board.excluded),
    )
    task = NQueens(n=size, excluded=4)
    assert task.split_of(image) == task.split_of(board)
    assert len(task.solutions(image)) == len(task.solutions(board))


def test_excluded_diagonals_matter_to_the_split() -> None:
    for task in (NQueens(n=6, excluded=1), NQueens(n=6, excluded=1, split="input", augmented=False)):
        splits = [task.split_of(Board(6, (3,), ((number, kind),))) for number in range(11) for kind in (0, 1)]
        assert len({*splits}) > 1


@given(boards())
def test_the_split_is_that_of_the_cells(board: Board) -> None:
    """The main diagonals hold the corners, which are diagonals of their own: excluding those changes nothing."""
    size = board.size
    whole, corner = Board(size, board.queens, ((size - 1, 0),)), Board(size, board.queens, ((0, 1), (size - 1, 0)))
    for task in (NQueens(n=size, excluded=1), NQueens(n=size, excluded=1, split="input", augmented=False)):
        assert torch.equal(task.encode([whole]).tokens, task.encode([corner]).tokens)
        assert task.split_of(whole) == task.split_of(corner)


def orbit(board: Board) -> frozenset[tuple[frozenset[int], frozenset[frozenset[int]]]]:
    """All eight images of the queens and of the cells of each excluded diagonal."""
    size = board.size
    lines = [cells_on(size, each) for each in board.excluded]
    return frozenset(
        (frozenset(move[list(board.queens)].tolist()), frozenset(frozenset(move[line].tolist()) for line in lines))
        for move in symmetries(size)
    )


def test_splits_with_excluded_diagonals_are_disjoint_under_symmetry() -> None:
    task = NQueens(n=5, excluded=2)
    parts = [{*map(orbit, task.generate(split, 300, 0))} for split in ("train", "validation", "test")]
    assert all(parts)
    for one, other in combinations(parts, 2):
        assert one.isdisjoint(other)


def test_tokens_tell_excluded_diagonals() -> None:
    task = NQueens(n=5, excluded=2)
    problems = task.encode([Board(5, (7,), ((0, 1), (5, 0))), Board(5, ())])
    assert task.spec == NQueens(n=9).spec and task.spec.vocabulary == 4
    without = NQueens(n=5).encode([Board(5, ())]).relations
    assert problems.relations is not None and without is not None and torch.equal(problems.relations, without)
    excluded = {0, 5, 11, 17, 23}  # a corner, and row - column = 1
    assert problems.pins is not None and (problems.pins[1] == -1).all() and (problems.tokens[1] == 1).all()
    for names, row in (((0, 1, -1), problems.pins[0]), ((3, 2, 1), problems.tokens[0])):
        empty, queen, free = names
        assert row.tolist() == [queen if cell == 7 else empty if cell in excluded else free for cell in range(25)]


@given(boards())
def test_excluded_cells_are_those_of_the_diagonals(board: Board) -> None:
    assert excluded_cells(board).tolist() == sorted({c for each in board.excluded for c in cells_on(board.size, each)})


@pytest.mark.parametrize("layout", ["relations", "tokens"])
@settings(max_examples=20)
@given(board=boards())
def test_excluded_cells_turn_with_the_board(layout: Any, board: Board) -> None:
    """Tokens, pins and answers, here the numbers of the cells, take all eight images together."""
    size = board.size
    task = NQueens(n=size, excluded=1, layout=layout)
    problems = task.encode([board] * 200)
    assert problems.pins is not None
    cells = torch.arange(size * size).expand(200, 1, -1)
    moved, answers = task.augment(problems, cells, torch.Generator().manual_seed(0))
    assert moved.pins is not None
    squares = np.stack([part[0].view(size, size) for part in (problems.tokens, problems.pins, cells[0])], -1)
    images = {
        image.reshape(-1, 3).tobytes()
        for turns in range(4)
        for image in (np.rot90(squares, turns), np.rot90(squares, turns).transpose(1, 0, 2))
    }
    seen = torch.stack((moved.tokens, moved.pins, answers[:, 0]), -1)
    assert {row.tobytes() for row in seen.numpy()} == images and len(images) == 8


@pytest.mark.parametrize("augmented", [True, False])
@pytest.mark.parametrize("layout", ["relations", "tokens"])
def test_drawn_targets_keep_off_drawn_diagonals(augmented: bool, layout: Any) -> None:
    """Judged from tokens alone."""
    task = NQueens(n=6, excluded=4, augmented=augmented, layout=layout)
    sources = task.generate("train", 20, 0)
    problems, targets, listed = Pool(task, sources).draw(150, torch.Generator().manual_seed(3))
    tokens, pins = problems.tokens, problems.pins
    assert pins is not None
    known = {*map(tuple, task.encode(sources).tokens.tolist())}
    assert ({*map(tuple, tokens.tolist())} <= known) is not augmented
    for row, pinned, target, solutions in zip(tokens, pins, targets, listed, strict=True):
        assert torch.equal(pinned == 0, row == 3) and torch.equal(pinned == 1, row == 2)
        assert (row == 3).any() and target[row == 2].all() and not target[row == 3].any()
        taken = {*(row == 3).nonzero()[:, 0].tolist()}
        given_queens = tuple((row == 2).nonzero()[:, 0].tolist())
        expected = [{6 * r + c for r, c in enumerate(columns)} for columns in brute_force(6, given_queens)]
        found = [{*np.flatnonzero(cells).tolist()} for cells in solutions.tolist() if cells[0] >= 0]
        assert sorted(map(sorted, found)) == sorted(sorted(cells) for cells in expected if taken.isdisjoint(cells))
        assert target.nonzero()[:, 0].tolist() in [sorted(cells) for cells in found]


def test_prepare_names_what_is_wrong_with_diagonals() -> None:
    task = NQueens(excluded=2)
    assert task.prepare(Board(8, (1,), ((5, 1), (0, 0)))) == Board(8, (1,), ((0, 0), (5, 1)))
    for excluded, words in (
        (((15, 1),), r"diagonal \(15, 1\): numbers go from 0 to 14 on a board of 8 rows"),
        (((-1, 0),), "numbers go from 0 to 14"),
        (((3, 2),), r"diagonal \(3, 2\): the kind must be 1"),
        (((3,),), r"\(3,\) is no diagonal"),
        ((3,), "3 is no diagonal"),
        (((3, 0.5),), "is no diagonal"),
        (((3, 1), (3, 1)), r"diagonal \(3, 1\) is excluded twice"),
        (((1, 1),), r"queen at row 1, column 2 stands on the excluded diagonal \(1, 1\)"),
        (((6, 0),), r"queen at row 1, column 2 stands on the excluded diagonal \(6, 0\)"),
    ):
        with pytest.raises(UserError, match=words):
            task.prepare(Board(8, (1,), excluded))  # type: ignore[arg-type]
    for own in (NQueens(), NQueens(train_sizes=(6, 8), train_excluded=(0,))):
        with pytest.raises(UserError, match="checkpoint that was trained with excluded diagonals"):
            own.prepare(Board(8, (), ((5, 1),)))
    assert NQueens(train_excluded=(0, 3)).prepare(Board(8, (), ((5, 1),))).excluded == ((5, 1),)


@pytest.mark.skipif(not INSTANCES.is_file(), reason="the benchmark is not beside this checkout")
def test_the_published_file_is_read() -> None:
    task = NQueens(n=12, excluded=20)
    instances = json.loads(gzip.decompress(INSTANCES.read_bytes()))["12"]
    long = [diagonals for diagonals in instances.values() if len(diagonals) >= 20]
    boards = task.load(str(INSTANCES))
    assert 0 < len(boards) == len(long) < 1000
    assert [list(map(list, board.excluded)) for board in boards] == [diagonals[:20] for diagonals in long]
    assert all(board.size == 12 and not board.queens and task.prepare(board) for board in boards)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_excluded_diagonals(tmp_path: Path, packed: bool) -> None:
    text = json.dumps({"6": {"1": [[0, 0], [3, 1]], "2": [[4, 0]]}, "7": {"1": [[12, 1]]}}).encode()
    path = tmp_path / ("my.json.gz" if packed else "my.json")
    path.write_bytes(gzip.compress(text) if packed else text)
    assert NQueens(n=6, excluded=1).load(str(path)) == [Board(6, (), ((0, 0),)), Board(6, (), ((4, 0),))]
    assert NQueens(n=6, excluded=2).load(str(path)) == [Board(6, (), ((0, 0), (3, 1)))]
    whole = [Board(6, (), ((0, 0), (3, 1))), Board(6, (), ((4, 0),))]
    assert NQueens(n=6, train_excluded=(0, 4)).load(str(path)) == whole
    for task, words in (
        (NQueens(n=6, excluded=3), "no board of n=6 in this file has 3"),
        (NQueens(n=8, excluded=1), "no boards of n=8 in this file; it has n=6, 7"),
        (NQueens(n=6), r"--task.excluded, or a checkpoint"),
    ):
        with pytest.raises(UserError, match=rf"my\.json.*{words}"):
            task.load(str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ("[" * 10**5, "not JSON"),
        ("\udcff", "not JSON"),
        ("[1]", "expected {n: {seed"),
        ("{}", "no boards of n=6 in this file; it has n=nothing"),
        ('{"6": [1]}', "n=6: expected {seed"),
        ('{"6": {"4": 5}}', "n=6, seed 4: expected a list"),
        ('{"6": {"4": [[0, 0], [1]]}}', r"n=6, seed 4: \[1\] is no diagonal"),
        ('{"6": {"4": [[true, 0]]}}', r"n=6, seed 4: \[True, 0\] is no diagonal"),
        ('{"6": {"4": [[11, 0]]}}', r"n=6, seed 4: diagonal \(11, 0\): numbers go from 0 to 10"),
        ('{"6": {"4": [[1, 5]]}}', "n=6, seed 4: .* the kind must be"),
        ('{"6": {"4": [[1, 1], [1, 1]]}}', "n=6, seed 4: .* twice"),
    ],
)
def test_files_that_hold_no_diagonals(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "my.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=rf"my\.json: {words}"):
        NQueens(n=6, excluded=1).load(str(path))


def test_pictures_show_excluded_diagonals_and_who_stands_on_them() -> None:
    axes = Figure().subplots()
    task, board = NQueens(n=4, excluded=2), Board(4, (1,), ((0, 1), (3, 0)))
    task.draw(board, tuple(int(cell in (1, 7, 8, 14)) for cell in range(16)), axes)
    assert {patch.get_xy() for patch in axes.patches} == {(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5), (2.5, 2.5)}  # type: ignore[attr-defined]
    assert all(text.get_color() != "#d62728" for text in axes.texts)
    axes = Figure().subplots()
    task.draw(board, tuple(int(cell in (1, 5)) for cell in range(16)), axes)
    assert sorted(text.get_color() for text in axes.texts) == ["#d62728", "black"]  # type: ignore[type-var]
