"""Which puzzles two sets share, so that what is scored is nowhere trained."""

from collections.abc import Sequence

from gram_pyro.tasks.arc.puzzles import ArcPuzzle


def shared(trained: Sequence[ArcPuzzle], scored: Sequence[ArcPuzzle]) -> list[tuple[str, str]]:
    """Return the ids of puzzles that two sets share, as `(trained, scored)`.

    Puzzles are the same if their ids are, or their demonstrations in any order, or if a test that is scored is among
    the pairs that are trained. A test whose output nobody knows is among them if its input is.
    """
    ids = {puzzle.id: puzzle.id for puzzle in trained}
    keys = {puzzle.key: puzzle.id for puzzle in trained}
    pairs = {pair: puzzle.id for puzzle in trained for pair in puzzle.pairs}
    inputs = {pair.input: puzzle.id for puzzle in trained for pair in puzzle.pairs}
    found: list[tuple[str, str]] = []
    for puzzle in scored:
        same = [ids.get(puzzle.id), keys.get(puzzle.key)]
        same += [inputs.get(pair.input) if pair.output is None else pairs.get(pair) for pair in puzzle.tests]
        if known := [name for name in same if name is not None]:
            found.append((known[0], puzzle.id))
    return found


def overlap(trained: str, scored: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the sentence that says what two sets share."""
    named = ", ".join(own if own == other else f"{other} as {own}" for own, other in pairs[:3])
    more = ", ..." * (len(pairs) > 3)
    return (
        f"training on {trained} and scoring on {scored} share {len(pairs)} task{'s' * (len(pairs) > 1)}: {named}{more}"
    )


def demonstrated_tests(puzzles: Sequence[ArcPuzzle]) -> list[tuple[str, str]]:
    """Return ids of puzzles of which the first demonstrates what the second, another one, tests."""
    shown = {pair: puzzle.id for puzzle in puzzles for pair in puzzle.demonstrations}
    tests = [(shown.get(pair, puzzle.id), puzzle.id) for puzzle in puzzles for pair in puzzle.tests]
    return [(own, other) for own, other in tests if own != other]
