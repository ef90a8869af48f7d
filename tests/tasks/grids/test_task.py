"""The task: what it draws, what it shows a network, and what it accepts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from gram_pyro.errors import UserError
from gram_pyro.tasks import Grids, Pool, Puzzle
from gram_pyro.tasks.base import Split
from gram_pyro.tasks.grids.split import in_split
from gram_pyro.tasks.sudoku.symmetry import random_symmetries

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
TASK = Grids()
DRAWN = {split: TASK.generate(split, 30, 0) for split in SPLITS}
GRID = DRAWN["train"][0]


@pytest.mark.parametrize("split", SPLITS)
def test_draws_are_grids_and_depend_on_the_seed_alone(split: Split) -> None:
    drawn = DRAWN[split]
    assert len(drawn) == len({*drawn}) == 30 and drawn == TASK.generate(split, 30, 0) != TASK.generate(split, 30, 1)
    for problem in drawn:
        rows = np.array(problem.cells).reshape(9, 9)
        boxes = rows.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)
        assert all(sorted(unit) == [*range(1, 10)] for unit in [*rows, *rows.T, *boxes])
        assert TASK.violations(problem, problem.cells) == 0


@pytest.mark.parametrize("split", SPLITS)
def test_no_class_is_in_two_splits(split: Split) -> None:
    """Whatever symmetry moves a grid, it stays in its split."""
    grids = torch.tensor([grid.cells for grid in DRAWN[split]])
    for seed in range(3):
        moved = random_symmetries(len(grids), 3, torch.Generator().manual_seed(seed)).apply(grids)
        assert in_split(moved.numpy().astype(np.int8), split).all()


def test_small_grids_are_all_drawn_in_one_split_each() -> None:
    """All 288, and about as many in each split as are meant to be."""
    drawn = [{*Grids(box=2).generate(split, 2000, 0)} for split in SPLITS]
    assert all(one.isdisjoint(other) for one, other in combinations(drawn, 2))
    assert sum(map(len, drawn)) == 288 and 0.1 < len(drawn[2]) / 288 < 0.2


def test_a_network_sees_nothing() -> None:
    one, other = (TASK.encode(DRAWN[split][:3]) for split in ("train", "test"))
    assert torch.equal(one.tokens, other.tokens) and (one.tokens == 1).all()
    assert one.pins is None and one.values == 9 and one.relations is not None
    assert torch.equal(TASK.targets(GRID), torch.tensor([GRID.cells]) - 1)


@given(st.lists(st.integers(1, 9), min_size=81, max_size=81))
def test_conflicts_are_counted_and_givens_are_none(digits: list[int]) -> None:
    """By plain loops."""
    places = [(cell // 9, cell % 9) for cell in range(81)]
    pairs = [
        (one, other)
        for (one, (r, c)), (other, (s, d)) in combinations(enumerate(places), 2)
        if r == s or c == d or (r // 3, c // 3) == (s // 3, d // 3)
    ]
    assert TASK.violations(GRID, tuple(digits)) == sum(digits[one] == digits[other] for one, other in pairs)


@pytest.mark.parametrize("augmented", [True, False])
def test_training_grids_move_and_stay_grids(augmented: bool) -> None:
    _, targets, solutions = Pool(Grids(augmented=augmented), [GRID]).draw(20, torch.Generator().manual_seed(0))
    assert torch.equal(solutions[:, 0].long(), targets)
    assert all(TASK.violations(GRID, TASK.answer(GRID, row)) == 0 for row in targets.tolist())
    assert len(targets.unique(dim=0)) == (20 if augmented else 1)


def test_solutions_are_too_many_to_list() -> None:
    for problem in (GRID, TASK.blank):
        assert TASK.solvable(problem)
        with pytest.raises(TimeoutError, match="6,670,903,752,021,072,936,960 grids"):
            TASK.solutions(problem)
    with pytest.raises(TimeoutError):
        TASK.targets(TASK.blank)


def test_what_is_accepted() -> None:
    text = "".join(map(str, GRID.cells))
    assert TASK.prepare(text) == TASK.prepare(GRID) == GRID
    assert TASK.prepare(None) == TASK.prepare("." * 81) == TASK.blank == Puzzle(3, (0,) * 81)
    assert TASK.to_json(GRID.cells) == [*map(int, text)]
    assert TASK.text(GRID, GRID.cells).replace(" ", "").replace("|", "").splitlines()[0] == text[:9]


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (1, "takes a grid .* not int"),
        ("1" + "." * 80, "no puzzle to solve, but 80 cells are blank; use the task sudoku"),
        ("12345678" * 8, "9 x 9 cells"),
        ("1" * 81, "both are given the digit 1"),
    ],
)
def test_what_is_refused(problem: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        TASK.prepare(problem)  # type: ignore[arg-type]


def test_other_boxes_are_refused() -> None:
    with pytest.raises(UserError, match="2 x 2 or 3 x 3 cells, not box=4"):
        Grids(box=4)


def test_the_picture_marks_conflicts() -> None:
    colors = []
    for answer in (GRID.cells, (GRID.cells[1], *GRID.cells[1:])):
        axes = Figure().subplots()
        TASK.draw(GRID, answer, axes)
        colors.append([text.get_color() for text in axes.texts])
    assert len({*colors[0]}) == 1 and len({*colors[1]}) == 2 and colors[1][0] == colors[1][1] != colors[0][0]
