"""Boards of many sizes: the parts of a training, and boards too large for listing all."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro.errors import UserError
from gram_pyro.tasks import Board, NQueens, Pool, Split
from gram_pyro.tasks.nqueens.solver import completions, symmetries


@given(st.lists(st.integers(4, 12), max_size=3), st.lists(st.integers(0, 8), max_size=3))
def test_parts_are_all_that_sizes_allow(sizes: list[int], numbers: list[int]) -> None:
    task = NQueens(n=7, excluded=2, train_sizes=tuple(sizes), train_excluded=tuple(numbers), layout="tokens")
    allowed = [(n, d) for n in sizes or [7] for d in numbers or [2] if d <= 2 * (n - 1)]
    if not allowed:
        with pytest.raises(UserError, match=r"rows allow .* excluded diagonals at most"):
            task.parts()
        return
    parts = task.parts()
    assert [(part.n, part.excluded) for part in parts] == allowed
    assert all(part.parts() == [part] and part.missing == (part.n - 3, part.n - 2, part.n - 1) for part in parts)
    assert {part.spec for part in parts} == {task.spec}


def test_a_task_of_one_size_is_its_only_part() -> None:
    task = NQueens(n=6, excluded=1)
    assert task.parts()[0] is task and len(task.parts()) == 1


def test_what_no_size_allows_is_refused() -> None:
    with pytest.raises(UserError, match=r"boards of 5 rows allow 8 excluded diagonals at most, not \(9, 12\)"):
        NQueens(train_sizes=(4, 5), train_excluded=(9, 12)).parts()
    with pytest.raises(UserError, match="at least 4 rows, not n=3"):
        NQueens(train_sizes=(3, 5)).parts()
    with pytest.raises(UserError, match="from 0 to 14 diagonals can be excluded with n=8, not -1"):
        NQueens(train_excluded=(-1,)).parts()


def test_pools_of_the_parts_have_their_sizes() -> None:
    for part in NQueens(train_sizes=(5, 6), train_excluded=(0, 2)).parts():
        pool = Pool(part, part.generate("train", 10, 0))
        assert pool.problems.tokens.shape[1] == part.n**2
        assert (pool.problems.tokens == 3).any(1).all() == (part.excluded > 0)


@pytest.mark.parametrize(
    "task", [NQueens(n=11), NQueens(n=12), NQueens(n=12, excluded=5)], ids=["11", "12", "excluded"]
)
@pytest.mark.parametrize("split", get_args(Split))
def test_large_boards_are_random_ones_with_completions(task: NQueens, split: Split) -> None:
    boards = task.generate(split, 40, 0)
    assert len({*boards}) == 40 and boards[:5] == task.generate(split, 5, 0) != task.generate(split, 5, 1)
    missing = {task.n - len(board.queens) for board in boards}
    assert missing == {*task.missing} if split == "train" else missing <= {*task.missing}  # single queens are few
    for board in boards:
        assert task.prepare(board) == board and len(board.excluded) == task.excluded
        assert task.split_of(board) == split and next(completions(*board, 10**6))


def test_splits_of_large_boards_are_disjoint_under_symmetry() -> None:
    task, moves = NQueens(n=12, removed=(10, 11)), symmetries(12)
    seen = [
        {tuple(sorted(move[list(board.queens)].tolist())) for board in task.generate(split, 200, 0) for move in moves}
        for split in get_args(Split)
    ]
    assert all(one.isdisjoint(other) for one, other in combinations(seen, 2))


@pytest.mark.parametrize("size", [11, 12])
def test_large_boards_have_the_completions_of_the_search(size: int) -> None:
    for task in (NQueens(n=size), NQueens(n=size, excluded=6)):
        for board in task.generate("test", 6, 0):
            queens = [[row.index(1) for row in rows] for rows in task.targets(board).view(-1, size, size).tolist()]
            assert queens == sorted(map(list, completions(*board, 10**6)))
            assert all(task.violations(board, answer) == 0 for answer in task.solutions(board)[:20])
    assert len(NQueens().targets(Board(size, ()))) == {11: 2680, 12: 14200}[size]


def test_few_large_boards_end_the_search() -> None:
    boards = NQueens(n=12, removed=(11,)).generate("train", 1000, 0)
    assert 90 < len(boards) == len({*boards}) <= 144
