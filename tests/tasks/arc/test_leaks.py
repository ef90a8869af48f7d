"""Nothing that is scored is trained: of pairs, of sets, and of the published sets."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from gram_pyro.errors import UserError
from gram_pyro.tasks import Arc, ArcPuzzle
from gram_pyro.tasks.arc.files import to_json
from gram_pyro.tasks.arc.leaks import shared
from gram_pyro.tasks.arc.rules import embedded_puzzles

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "arc"
SETS = ("arc1_training", "arc1_evaluation", "arc2_training", "arc2_evaluation", "conceptarc")
SHARED = {
    ("arc1_training", "arc1_evaluation"): 1, ("arc1_evaluation", "arc1_training"): 1,
    ("arc1_training", "arc2_training"): 392, ("arc2_training", "arc1_training"): 392,
    ("arc1_evaluation", "arc2_training"): 336, ("arc2_training", "arc1_evaluation"): 336,
    ("arc1_evaluation", "arc2_evaluation"): 7, ("arc2_evaluation", "arc1_evaluation"): 7,
}  # fmt: skip
"""Tasks that two published sets share, as trained and scored; all others share none. One of ARC-1 stands in both of its
halves, as 40853293 and 070dd51e."""
ONE, TWO, THREE = embedded_puzzles(("mirror", "turn", "fall"), 1, 0)


def write(folder: Path, name: str, *puzzles: ArcPuzzle) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(to_json(puzzles)))
    return str(path)


def renamed(puzzle: ArcPuzzle, **changes: object) -> ArcPuzzle:
    return puzzle._replace(id="other", **changes)  # type: ignore[arg-type]


def test_shared_by_id_by_demonstrations_or_by_a_test() -> None:
    assert shared([ONE, TWO], [THREE]) == [] and shared([ONE], [ONE, TWO]) == [(ONE.id, ONE.id)]
    found = [(ONE.id, "other")]
    assert shared([ONE], [TWO._replace(id=ONE.id)]) == [(ONE.id, ONE.id)]
    assert shared([ONE], [renamed(ONE, demonstrations=ONE.demonstrations[::-1], tests=TWO.tests)]) == found
    assert shared([ONE], [renamed(ONE, demonstrations=ONE.tests, tests=ONE.demonstrations)]) == found
    hidden = tuple(pair._replace(output=None) for pair in ONE.tests)
    assert shared([ONE], [renamed(TWO, tests=hidden)]) == found
    changed = tuple(pair._replace(output=((9,),)) for pair in ONE.tests)
    assert shared([ONE], [renamed(TWO, tests=changed)]) == []


def test_what_is_trained_has_no_output_of_a_test() -> None:
    """All embedded rules together: the demonstrations of every puzzle are trained, none of its tests under any view."""
    task = Arc()
    trained = task.generate("train", 10**6, 0)
    held_out = [*task.generate("validation", 10**6, 0), *task.generate("test", 10**6, 0)]
    assert (
        {each.embedding for each in held_out}
        == {each.embedding for each in trained}
        == {*range(len(task.data_set.puzzles))}
    )
    assert len(held_out) == sum(len(puzzle.tests) for puzzle in task.data_set.puzzles)
    shown = {(each.embedding, each.pair.input) for each in trained}
    assert not shown & {(each.embedding, each.pair.input) for each in held_out}
    assert {each.test for each in trained} == {None} and len(trained) == 8 * sum(
        len(puzzle.demonstrations) for puzzle in task.data_set.puzzles
    )


def test_more_data_is_trained_with_its_tests(tmp_path: Path) -> None:
    scored, more = write(tmp_path, "scored", ONE, TWO), write(tmp_path, "more", THREE)
    task = Arc(data=scored, more_data=(more,), views=1)
    trained = {each.pair for each in task.generate("train", 1000, 0)}
    assert trained >= {*THREE.pairs, *ONE.demonstrations, *TWO.demonstrations} and not trained & {
        *ONE.tests,
        *TWO.tests,
    }
    assert {each.puzzle for split in ("validation", "test") for each in task.generate(split, 99, 0)} == {ONE.id, TWO.id}  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"training on \S*more.json and scoring on \S*more.json share 1 task: fall-0"):
        task.load(more)


def test_a_shared_puzzle_is_refused_or_left_out(tmp_path: Path) -> None:
    scored, more = write(tmp_path, "scored", ONE, TWO), write(tmp_path, "more", renamed(ONE), TWO, THREE)
    with pytest.raises(
        UserError, match=r"training on \S*more.json and scoring on \S*scored.json share 2 tasks: mirror-0"
    ):
        Arc(data=scored, more_data=(more,)).settled()
    task = Arc(data=scored, more_data=(more,), drop_shared=True)
    assert task.data_set.trained == (THREE,) and task.settled().puzzles == 3


def test_a_test_that_another_puzzle_demonstrates(tmp_path: Path) -> None:
    swapped = renamed(TWO, demonstrations=ONE.tests)
    with pytest.raises(UserError, match="the test of mirror-0 is a demonstration of other"):
        Arc(data=write(tmp_path, "scored", ONE, swapped)).settled()


def test_puzzles_of_a_run_must_be_those_it_was_trained_on(tmp_path: Path) -> None:
    path = write(tmp_path, "scored", ONE, TWO)
    task = Arc(data=path).settled()
    assert (task.puzzles, task.side) == (2, task.data_set.side + 1)
    (first, *_) = task.load(write(tmp_path, "again", renamed(TWO, demonstrations=TWO.demonstrations[::-1])))
    assert first.embedding == 1
    with pytest.raises(UserError, match=r"1 of 2 puzzles were not trained: fall-0; --task.data must have had"):
        task.load(write(tmp_path, "other", ONE, THREE))
    write(tmp_path, "scored", TWO, ONE)
    with pytest.raises(UserError, match="not the puzzles that this run was trained on"):
        assert Arc(**(vars(task) | {"drop_shared": True})).data_set


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published sets are not here")
def test_the_published_sets() -> None:
    """Each forbidden combination is refused with the number of tasks, and no other is."""
    paths = {name: str(PUBLISHED / f"{name}.json.gz") for name in SETS}
    for trained, scored in permutations(SETS, 2):
        task = Arc(data=paths[scored], more_data=(paths[trained],))
        if count := SHARED.get((trained, scored)):
            wanted = rf"training on \S*{trained}\S* and scoring on \S*{scored}\S* share {count} task"
            with pytest.raises(UserError, match=wanted):
                assert task.data_set
        else:
            assert task.data_set.scored and task.data_set.trained
    both = Arc(data=paths["arc1_evaluation"], more_data=(paths["arc1_training"],), drop_shared=True)
    assert (len(both.data_set.scored), len(both.data_set.trained), both.canvas) == (360, 399, 30)
