"""Views and canvases: each has its way back."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro.tasks import Arc, ArcProblem, Pool
from gram_pyro.tasks.arc.canvas import END, OUTSIDE, cropped, moved, on_canvas, room
from gram_pyro.tasks.arc.puzzles import Pair
from gram_pyro.tasks.arc.views import Grid, View, view_of

SIDES = st.integers(1, 30)


@st.composite
def grids(draw: st.DrawFn, most: int = 30) -> Grid:
    rows, columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**32 - 1))
    return tuple(map(tuple, np.random.default_rng(seed).integers(0, 10, (rows, columns)).tolist()))


views = st.builds(View, st.just(1), st.integers(0, 7), st.permutations(range(10)).map(tuple))


@given(grids(), views)
def test_a_view_is_undone(grid: Grid, view: View) -> None:
    seen = view.apply(grid)
    assert view.undo(seen) == grid and view.apply(view.undo(grid)) == grid
    assert sorted(view.colors[color] for row in grid for color in row) == sorted(color for row in seen for color in row)


def test_eight_turns_and_mirror_images_are_eight() -> None:
    grid = ((1, 2, 3), (4, 5, 6))
    assert len({View(0, number).apply(grid) for number in range(8)}) == 8


def test_views_of_a_puzzle() -> None:
    """The first is the grid as it is, eight in a row are all turns, black stays black, and all are always the same."""
    found = [view_of("abc", number) for number in range(16)]
    assert found[0] == View() and found == [view_of("abc", number) for number in range(16)] != [
        view_of("abd", number) for number in range(16)
    ]
    assert {view.dihedral for view in found[8:]} == {*range(8)} and len({view.colors for view in found}) == 16
    assert all(view.colors[0] == 0 and sorted(view.colors) == [*range(10)] for view in found)


@given(grids(), st.data())
def test_a_canvas_gives_its_grid_back(grid: Grid, data: st.DataObject) -> None:
    """Wherever it lies, with ends around it where there is room, also where it fills the canvas."""
    rows, columns = len(grid), len(grid[0])
    side = data.draw(st.integers(max(rows, columns), 30))
    shift = data.draw(st.integers(0, side - rows)), data.draw(st.integers(0, side - columns))
    canvas = on_canvas(grid, side, shift)
    assert canvas.shape == (side * side,) and cropped(canvas.tolist(), side, shift) == grid
    counts = np.bincount(canvas, minlength=12)
    below, right = shift[0] + rows < side, shift[1] + columns < side
    assert counts[END] == below * columns + right * rows + (below and right)
    assert counts[OUTSIDE] == side**2 - (rows + below) * (columns + right)


@given(st.lists(grids(6), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_moved_canvases_are_those_of_a_shift(some: list[Grid], seed: int) -> None:
    canvases = torch.stack([torch.from_numpy(on_canvas(grid, 9)) for grid in some])[:, None]
    free = room(canvases)
    assert free.tolist() == [[8 - len(grid), 8 - len(grid[0])] for grid in some]
    shifts = (torch.rand(len(some), 2, generator=torch.Generator().manual_seed(seed)) * (free + 1)).long()
    for grid, canvas, shift in zip(some, moved(canvases, shifts)[:, 0], shifts.tolist(), strict=True):
        assert canvas.tolist() == on_canvas(grid, 9, (shift[0], shift[1])).tolist()


def test_what_spells_no_grid() -> None:
    """An end in a corner is none; one inside, or ragged rows, leave the largest rectangle."""
    assert cropped([END, *[5] * 8], 3) == ()
    assert cropped([5, 5, 5, 5, 5, END, 5, 5, END], 3) == ((3, 3),) * 3
    assert cropped([5, 5, 5, 5, OUTSIDE, 5, END, 5, 5], 3) == ((3, 3, 3),)


@given(grids(8), grids(8), st.integers(0, 7))
def test_answers_come_back_as_the_output(given_: Grid, output: Grid, number: int) -> None:
    """Under each view of a puzzle, and shifted: tokens, target and way back fit together."""
    task = Arc(rules=("mirror",))
    shift = 3, 3
    problem = task.viewed(ArcProblem("mirror-0", 0, Pair(given_, output)), number)
    for shown in (problem, problem._replace(view=problem.view._replace(shift=shift))):
        (target,) = task.targets(shown)
        answer = task.answer(shown, target.tolist())
        assert task.to_json(answer) == [*map(list, output)] and task.violations(shown, answer) == 0
        x = task.encode([shown])
        assert x.group is not None and x.group.tolist() == [number]
        assert problem.view.undo(cropped(x.tokens[0].tolist(), task.canvas, shown.view.shift)) == given_


def test_embeddings_are_of_puzzles_or_of_views() -> None:
    own, common = (Arc(rules=("mirror", "turn"), views=8, view_embeddings=each) for each in (True, False))
    assert (own.spec.groups, common.spec.groups) == (32, 4)
    for task, groups in ((own, 32), (common, 4)):
        x = task.encode(task.generate("train", 10_000, 0))
        assert x.group is not None and {*x.group.tolist()} == {*range(groups)}


def test_input_and_output_move_together() -> None:
    """Anywhere on the canvas where both have room; those with relations stay."""
    task = Arc(rules=("turn", "tile", "crop"), views=1)
    pairs = {each.pair for each in task.generate("train", 1000, 0)}
    x, targets, _ = Pool(task, task.generate("train", 1000, 0)).draw(200, torch.Generator().manual_seed(0))
    seen = set()
    for tokens, target in zip(x.tokens, targets, strict=True):
        cells = (tokens.view(task.canvas, task.canvas) != OUTSIDE).nonzero()
        shift = int(cells[:, 0].min()), int(cells[:, 1].min())
        assert Pair(*(cropped(each.tolist(), task.canvas, shift) for each in (tokens, target))) in pairs
        seen.add(shift)
    assert len(seen) > 30
    still = Arc(rules=("turn", "tile", "crop"), views=1, relations="lines")
    x, *_ = Pool(still, still.generate("train", 1000, 0)).draw(50, torch.Generator().manual_seed(0))
    assert (x.tokens[:, 0] != OUTSIDE).all()


def test_relations_of_cells() -> None:
    task = Arc(rules=("mirror",), relations="colors", shifts=False)
    problem = ArcProblem("mirror-0", 0, Pair(((1, 0, 1),), ((1,),)))
    x = task.encode([problem])
    side = task.canvas
    assert x.relations is not None and x.relations.shape == (1, 4, side**2, side**2)
    rows, columns, neighbours, colors = x.relations[0]
    assert (rows.sum(), columns.sum()) == (side**2 * (side - 1),) * 2 and neighbours.sum() == 4 * side * (side - 1)
    assert colors.nonzero().tolist() == [[0, 2], [2, 0]]
    assert rows[0].nonzero()[:, 0].tolist() == [*range(1, side)] and neighbours[0].nonzero()[:, 0].tolist() == [1, side]
