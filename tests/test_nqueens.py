"""N-Queens against oracles that share no code with it: permutations, plain loops, known counts."""

from __future__ import annotations

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
from gram_pyro.tasks.board_files import read_board, read_boards
from gram_pyro.tasks.exact_nqueens import completions, symmetries
from gram_pyro.tasks.nqueens import Board, NQueens, attacks, full_boards

torch.set_num_threads(1)
SHARED = Path(__file__).parents[2] / "shared" / "data" / "nqueens" / "nqueens_all_solutions.npz"


def peaceful(columns: tuple[int, ...]) -> bool:
    return all(
        one != other and abs(one - other) != j - i for (i, one), (j, other) in combinations(enumerate(columns), 2)
    )


def brute_force(size: int, queens: tuple[int, ...]) -> set[tuple[int, ...]]:
    """Columns of every completion, from all permutations."""
    return {
        columns
        for columns in permutations(range(size))
        if peaceful(columns) and all(columns[cell // size] == cell % size for cell in queens)
    }


def cells_of(columns: tuple[int, ...]) -> tuple[int, ...]:
    size = len(columns)
    return tuple(int(columns[cell // size] == cell % size) for cell in range(size * size))


@st.composite
def boards(draw: st.DrawFn) -> Board:
    """A few queens anywhere."""
    size = draw(st.integers(4, 7))
    queens = draw(st.sets(st.integers(0, size * size - 1), max_size=3))
    return Board(size, tuple(sorted(queens)))


# Exact completions


@pytest.mark.parametrize(
    ("size", "count"), [(1, 1), (2, 0), (3, 0), (4, 2), (5, 10), (6, 4), (7, 40), (8, 92), (9, 352)]
)
def test_counts_are_the_known_ones(size: int, count: int) -> None:
    found = list(completions(size, (), 10**6))
    assert len(found) == len(set(found)) == count and all(map(peaceful, found))


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
    monkeypatch.setattr("gram_pyro.tasks.nqueens.MAX_GENERATED", 7)
    assert NQueens().solutions(board) == looked_up and len(looked_up) > 1
    monkeypatch.setattr("gram_pyro.tasks.nqueens.SEARCH_LIMIT", 5)
    with pytest.raises(TimeoutError, match="5 branches"):
        NQueens().solutions(board)
    assert NQueens().solvable(Board(30, ())) is None


@pytest.mark.skipif(not SHARED.exists(), reason="an independent list of solutions, not part of the project")
@pytest.mark.parametrize("size", [8, 9])
def test_an_independent_list_has_the_same_solutions(size: int) -> None:
    listed = np.load(SHARED)[f"n{size}"]
    assert {tuple(columns) for columns in listed.tolist()} == set(completions(size, (), 10**6))


# The checker


@given(boards())
def test_violations_agree_with_plain_loops(board: Board) -> None:
    task, size = NQueens(), board.size
    answer = tuple(int(cell in board.queens) for cell in range(size * size))
    attacking = 0
    for first, second in combinations(board.queens, 2):
        (r, c), (s, d) = divmod(first, size), divmod(second, size)
        attacking += r == s or c == d or r + c == s + d or r - c == s - d
    missing = size - len(board.queens)
    assert task.violations(Board(size, ()), answer) == attacking + missing
    assert task.violations(board, answer) == attacking + missing
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
    for task in (NQueens(n=6), NQueens(n=6, split="input", augment=False)):
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
    inputs = NQueens(split="input", augment=False)
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
    tokens, relations = task.encode([Board(5, (0, 7)), Board(5, ())])
    assert tokens[0].nonzero().numel() == 25 and (tokens[0] == 2).nonzero()[:, 0].tolist() == [0, 7]
    assert (tokens[1] == 1).all()
    assert relations is not None and relations.shape == (4, 25, 25)
    graph = attacks(5)
    related = {tuple(pair) for pair in relations.sum(0).nonzero().tolist()}
    assert related == {pair for u, v in graph.edges for pair in ((u, v), (v, u))} and relations.sum(0).max() == 1
    by_row, by_column = relations[0].bool(), relations[1].bool()
    assert by_row[0, 4] and not by_row[0, 5] and by_column[0, 20] and not by_column[0, 6]
    assert relations[2, 4, 8] and not relations[3, 4, 8] and relations[3, 0, 6] and not relations[2, 0, 6]


@pytest.mark.parametrize("augment", [True, False])
def test_every_drawn_answer_completes_the_drawn_board(augment: bool) -> None:
    task = NQueens(n=6, augment=augment)
    sources = task.generate("train", 20, 0)
    (tokens, relations), targets, listed = task.training_set(sources).draw(100, torch.Generator().manual_seed(3))
    assert relations is not None and relations.dim() == 3
    drawn = set()
    for row, target, solutions in zip(tokens, targets, listed, strict=True):
        board = Board(6, tuple((row == 2).nonzero()[:, 0].tolist()))
        drawn.add(board)
        assert task.violations(board, tuple(target.tolist())) == 0
        found = {tuple(sorted(cells)) for cells in solutions.tolist() if cells[0] >= 0}
        assert found == {tuple(6 * r + c for r, c in enumerate(s)) for s in brute_force(*board)}
    assert (drawn <= set(sources)) is not augment


def test_a_new_target_is_drawn_by_its_probability() -> None:
    task = NQueens(n=8)
    board = next(board for board in task.generate("train", 10**4, 0) if len(task.solutions(board)) == 3)
    pool = task.training_set([board])
    solutions = torch.tensor(task.solutions(board))
    log_probs = torch.randn(64, 2, generator=torch.Generator().manual_seed(1)).mul(0.3).log_softmax(-1)
    scores = log_probs.gather(1, solutions.T).sum(0)
    drawn = pool.retarget(
        pool.listed.expand(20000, -1, -1), log_probs.expand(20000, -1, -1), torch.Generator().manual_seed(1)
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


@given(boards())
def test_boards_are_read_as_written(tmp_path_factory: pytest.TempPathFactory, board: Board) -> None:
    path = tmp_path_factory.mktemp("boards") / "my.txt"
    marks = ["Q" if cell in board.queens else "." for cell in range(board.size**2)]
    rows = [" ".join(marks[start : start + board.size]) for start in range(0, len(marks), board.size)]
    path.write_text("\n".join(rows) + "\n\n")
    assert NQueens().load(str(path)) == [board] == NQueens().load(str(path.parent))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("Q...\n..Q.\n...\n....\n", "line 3: 3 cells"),
        ("Q...\n..x.\n....\n....\n", "line 2: 'x' is no cell"),
        ("Q...\n....\n....\n", "3 rows of 4 cells"),
        ("\x00\udcff", "cannot be read as text"),
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
    with pytest.raises(UserError, match="no board in this folder"):
        read_boards(tmp_path)


@pytest.mark.parametrize("options", [{"n": 3}, {"removed": (0,)}, {"removed": (9,)}, {"split": "input"}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"nqueens|removed|no-augment"):
        NQueens(**options)


def test_large_boards_are_not_generated() -> None:
    with pytest.raises(UserError, match="n=10"):
        NQueens(n=20).generate("train", 1, 0)


def test_pictures_mark_attacks() -> None:
    axes = Figure().subplots()
    task, board = NQueens(n=4), Board(4, (1,))
    task.draw(board, tuple(int(cell in (1, 2, 7)) for cell in range(16)), axes)
    assert len(axes.lines) == 2 and len(axes.texts) == 3
    assert [text.get_color() for text in axes.texts].count("black") == 1
