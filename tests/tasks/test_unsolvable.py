"""Problems without a solution: what each task makes of them, by the exact solvers."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import numpy as np
import pytest

from gram_pyro.tasks import Coloring, Countdown, NQueens, Sudoku
from gram_pyro.tasks.base import Split, Task

SPLITS: tuple[Split, ...] = get_args(Split)
TASKS = [
    Coloring(),
    Coloring(n=10, edge_probability=(0.2,)),  # where hardly any graph has too many edges
    Coloring(layout="tokens"),
    Countdown(numbers=3),
    Countdown(numbers=5, layout="characters"),
    NQueens(n=6),
    NQueens(n=7, excluded=3),
    NQueens(n=6, split="input", augmented=False),
    Sudoku(box=2),
    Sudoku(),
    Sudoku(box=2, max_solutions=3),
]
NAMES = [f"{task.name}-{place}" for place, task in enumerate(TASKS)]


def as_key(task: Task, problem: Any) -> str:
    return repr((task.encode([problem]).tokens.tolist(), problem.edges if isinstance(task, Coloring) else problem))


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_there_is_no_solution_and_no_conflict_among_the_givens(task: Task) -> None:
    usual = task.encode(task.generate("train", 1, 0)).tokens.shape
    for split in SPLITS:
        problems = task.unsolvable(split, 12, 3)
        assert 0 < len(problems) <= 12 and (len(problems) > 6 or split != "train")
        assert all(task.solvable(problem) is False and not task.solutions(problem) for problem in problems)
        for problem in problems:
            task.prepare(problem)  # refuses givens in conflict
            assert task.encode([problem]).tokens.shape == usual
    first, again, other = ([as_key(task, p) for p in task.unsolvable("train", 12, seed)] for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_splits_share_none(task: Task) -> None:
    train, validation, test = ({as_key(task, p) for p in task.unsolvable(split, 20, 0)} for split in SPLITS)
    assert not train & test and not train & validation and not validation & test


def test_no_coloring_by_brute_force() -> None:
    """Every assignment of colors to five vertices breaks an edge."""
    graphs = Coloring(n=5).unsolvable("train", 10, 0)
    assert len(graphs) == 10
    for graph in graphs:
        assert all(any(colors[u] == colors[v] for u, v in graph.edges) for colors in product(range(3), repeat=5))


@pytest.mark.parametrize("task", [NQueens(n=7, excluded=3), NQueens(n=6, removed=(3,))], ids=["excluded", "three"])
def test_boards_are_as_those_of_the_task(task: NQueens) -> None:
    for board in task.unsolvable("train", 10, 0):
        assert board.size == task.n and len(board.excluded) == task.excluded
        assert task.n - len(board.queens) in task.missing and task.split_of(board) == "train"


def test_one_given_of_a_puzzle_is_changed() -> None:
    task = Sudoku()
    puzzles = np.array([puzzle.cells for puzzle in task.generate("train", 20, 5)])
    for problem in task.unsolvable("train", 20, 5):
        changed = puzzles != np.array(problem.cells)
        assert (changed.sum(1) == 1).any() and (np.array(problem.cells) > 0).sum() in (puzzles > 0).sum(1)


def test_where_there_are_none() -> None:
    assert Coloring(n=3).unsolvable("train", 5, 0) == []
    assert Task.unsolvable(Coloring(), "train", 5, 0) == []
