"""The protocol of ARC, exactly: votes over views become two attempts a test, and tests become a score."""

import json
from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

from gram_pyro.errors import UserError
from gram_pyro.tasks.arc.puzzles import ArcPuzzle
from gram_pyro.tasks.arc.views import Grid

ATTEMPTS = 2
NOTHING: Grid = ((0,),)
"""What is handed in where there is no answer."""


class Prediction(NamedTuple):
    """What one sample under one view answers to one test, with the view undone."""

    task: str
    test: int
    """From 0."""
    view: int
    sample: int
    grid: Grid
    """() where the sample is no grid."""
    confidence: float


Attempts = dict[tuple[str, int], list[Grid]]
"""The best answers to each test of each task, at most two."""


def attempts_of(predictions: Sequence[Prediction]) -> Attempts:
    """Return the two best grids of each test: by votes, then by mean confidence, then by the earliest view and sample.

    Equal grids are one; each view and sample has one vote. Raises `UserError` if one votes twice: predictions of
    several checkpoints are not to be pooled.
    """
    by_test: dict[tuple[str, int], dict[Grid, list[Prediction]]] = {}
    seen = set[tuple[str, int, int, int]]()
    for prediction in predictions:
        voter = prediction[:4]
        if voter in seen:
            who = f"{prediction.task}, test {prediction.test + 1}, view {prediction.view}, sample {prediction.sample}"
            raise UserError(f"{who} answers twice: votes come from one checkpoint, and are not pooled over several")
        seen.add(voter)
        grids = by_test.setdefault((prediction.task, prediction.test), {})
        if prediction.grid:
            grids.setdefault(prediction.grid, []).append(prediction)
    return {test: sorted(grids, key=lambda grid: rank(grids[grid]))[:ATTEMPTS] for test, grids in by_test.items()}


def rank(votes: Sequence[Prediction]) -> tuple[float, ...]:
    """Return what sorts a grid with these votes before those with worse ones."""
    earliest = min((each.view, each.sample) for each in votes)
    return -len(votes), -fmean(each.confidence for each in votes), *earliest


def task_score(puzzle: ArcPuzzle, attempts: Attempts) -> float | None:
    """Return the fraction of a task's tests that one of two attempts solves; None where an output is not known."""
    if any(pair.output is None for pair in puzzle.tests):
        return None
    return fmean(pair.output in attempts.get((puzzle.id, number), []) for number, pair in enumerate(puzzle.tests))


def score(puzzles: Sequence[ArcPuzzle], predictions: Sequence[Prediction]) -> float | None:
    """Return the mean score of the tasks whose outputs are known; None if there are none."""
    attempts = attempts_of(predictions)
    scores = [value for puzzle in puzzles if (value := task_score(puzzle, attempts)) is not None]
    return fmean(scores) if scores else None


def columns(puzzles: Sequence[ArcPuzzle], predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Return the scores of one answer, of the votes of one sample a view, and of those of all samples of all views."""
    votes = [each for each in predictions if each.sample == 0]
    return {
        "no_views": score(puzzles, [each for each in votes if each.view == 0]),
        "votes": score(puzzles, votes),
        "votes_and_width": score(puzzles, predictions),
    }


def submission(puzzles: Sequence[ArcPuzzle], attempts: Attempts) -> dict[str, list[dict[str, list[list[int]]]]]:
    """Return the object of the official submission file: two attempts for each test of each task.

    A missing second attempt is the first again; where there is no answer at all, one black cell.
    """
    written: dict[str, list[dict[str, list[list[int]]]]] = {}
    for puzzle in puzzles:
        written[puzzle.id] = []
        for number in range(len(puzzle.tests)):
            grids = attempts.get((puzzle.id, number)) or [NOTHING]
            both = (grids * ATTEMPTS)[:ATTEMPTS]
            written[puzzle.id].append({f"attempt_{place}": [*map(list, grid)] for place, grid in enumerate(both, 1)})
    return written


def record(run: str, puzzles: Sequence[ArcPuzzle], predictions: Sequence[Prediction]) -> str:
    """Return predictions of one run as JSON, with what was to be predicted: enough to score them again."""
    truth = {puzzle.id: [pair.output for pair in puzzle.tests] for puzzle in puzzles}
    content: dict[str, Any] = {"run": run, "fields": Prediction._fields, "predictions": predictions, "outputs": truth}
    return json.dumps(content) + "\n"
