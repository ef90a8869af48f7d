"""The embedded rules: each against a second implementation, and what their puzzles promise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from gram_pyro.tasks import Arc, ArcPuzzle
from gram_pyro.tasks.arc import rules
from gram_pyro.tasks.arc.rules import RULES, puzzle_of
from tests.tasks.arc.laws import LAWS, Rows

over_rules = pytest.mark.parametrize("name", RULES)
PUZZLES = 4


@cache
def puzzles(name: str) -> list[ArcPuzzle]:
    return [puzzle_of(name, number, seed=1) for number in range(PUZZLES)]


def rows(pair: object) -> tuple[Rows, Rows]:
    given, output = ([*map(list, grid)] for grid in pair)  # type: ignore[attr-defined]
    return given, output


def test_there_are_at_least_forty() -> None:
    assert len(RULES) >= 40 and RULES.keys() == LAWS.keys() | {"recolor"}


@pytest.mark.parametrize("name", LAWS)
def test_one_parameter_explains_a_whole_puzzle(name: str) -> None:
    """By code that shares nothing with the rule; and what explains the demonstrations answers the tests."""
    parameters, apply = LAWS[name]
    seen = set()
    for puzzle in puzzles(name):
        shown, asked = ([*map(rows, pairs)] for pairs in (puzzle.demonstrations, puzzle.tests))
        explaining = [each for each in parameters if all(apply(a, each) == b for a, b in shown)]
        assert explaining and all(apply(a, each) == b for each in explaining for a, b in asked)
        seen.add(explaining[0])
    assert len(seen) > 1 or parameters == (None,) or len([*parameters]) == 2


def test_recolored_puzzles_have_one_map() -> None:
    for puzzle in puzzles("recolor"):
        pairs = [
            (a, b) for pair in puzzle.pairs for a, b in zip(np.ravel(pair.input), np.ravel(pair.output), strict=True)
        ]
        assert len({*pairs}) == len({a for a, _ in pairs}) <= 4 and all(bool(a) == bool(b) for a, b in pairs)


@over_rules
def test_puzzles_are_sound_and_new(name: str) -> None:
    """Three or four demonstrations, all inputs different, no output its input, and every color shown before."""
    for puzzle in puzzles(name):
        assert 3 <= len(puzzle.demonstrations) <= 4 and 1 <= len(puzzle.tests) <= 2
        assert len({pair.input for pair in puzzle.pairs}) == len(puzzle.pairs)
        for pair in puzzle.pairs:
            assert pair.output is not None and pair.output != pair.input
            assert all(1 <= len(grid) <= 10 and len({*map(len, grid)}) == 1 for grid in pair if grid)
        for side in (0, 1):
            shown = {color for pair in puzzle.demonstrations for color in np.ravel(pair[side]).tolist()}
            assert (
                shown >= {color for pair in puzzle.tests for color in np.ravel(pair[side]).tolist()} and max(shown) <= 9
            )
    assert len({puzzle.key for puzzle in puzzles(name)}) == PUZZLES


@over_rules
def test_a_puzzle_depends_on_its_seed_alone(name: str) -> None:
    assert puzzle_of(name, 0, seed=1) == puzzles(name)[0] != puzzle_of(name, 0, seed=2)


def test_an_undetermined_puzzle_is_refused() -> None:
    """Of a grid that is symmetric both ways nobody can tell how it was mirrored."""
    mirror, rng = RULES["mirror"], np.random.default_rng(0)
    same = rules.pair_of([[1, 2, 1]] * 3, [[1, 2, 1]] * 3)
    other = rules.pair_of([[1, 2], [3, 4]], [[3, 4], [1, 2]])
    assert not rules.is_determined(mirror, ArcPuzzle("x", (same,), (other,)), rng)
    assert rules.is_determined(mirror, ArcPuzzle("x", (other,), (other,)), rng)


def test_colors_of_tests_are_demonstrated() -> None:
    one, two = rules.pair_of([[1]], [[2]]), rules.pair_of([[2]], [[1]])
    assert rules.is_telling(ArcPuzzle("x", (one,), (one,))) and not rules.is_telling(ArcPuzzle("x", (one,), (two,)))


def test_chosen_rules_and_instances() -> None:
    task = Arc(rules=("mirror", "turn"), instances=3)
    assert [puzzle.id for puzzle in task.data_set.puzzles] == [
        f"{name}-{number}" for name in task.rules for number in range(3)
    ]
    assert Arc(rules=("mirror",), rules_seed=5).data_set.puzzles != Arc(rules=("mirror",)).data_set.puzzles
