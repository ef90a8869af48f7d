"""ARC puzzles answered under all views, as the protocol scores them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from gram_pyro.evaluation.evaluate import Progress, draw_all, no_progress
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.runs.store import Run
from gram_pyro.tasks import Arc, ArcProblem, ArcPuzzle
from gram_pyro.tasks.arc.checker import grid_of_answer
from gram_pyro.tasks.arc.protocol import Prediction, attempts_of, columns, task_score


def predict(
    run: Run,
    tests: Sequence[ArcProblem],
    views: int,
    samples: int,
    steps: int,
    seed: int = 0,
    method: SamplingConfig = INDEPENDENT,
    progress: Progress = no_progress,
) -> list[Prediction]:
    """Return what `samples` prior trajectories of `steps` supervision steps answer under each of `views` views.

    The confidence of an answer is the value head's at its end; 1 without heads, so that votes alone count.
    """
    task = run.task
    assert isinstance(task, Arc)
    viewed = [task.viewed(problem, number) for problem in tests for number in range(views)]
    drawn = draw_all(run, viewed, samples, [steps], seed, method, progress)
    predictions: list[Prediction] = []
    for problem, draws in zip(viewed, drawn, strict=True):
        confidence = torch.ones(samples) if draws.values is None else draws.values[0]
        for sample, (values, sure) in enumerate(zip(draws.decoded[0].tolist(), confidence.tolist(), strict=True)):
            grid = grid_of_answer(task.answer(problem, values))
            assert problem.test is not None
            predictions.append(Prediction(problem.puzzle, problem.test, problem.view.number, sample, grid, sure))
    return predictions


def measure(puzzles: Sequence[ArcPuzzle], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return the three scores of the protocol, and which tasks the last of them solves."""
    attempts = attempts_of(predictions)
    scores = {puzzle.id: task_score(puzzle, attempts) for puzzle in puzzles}
    known = {name: value for name, value in scores.items() if value is not None}
    return {"tasks": len(puzzles), "scored": len(known), **columns(puzzles, predictions), "by_task": known}


def settings(views: int, samples: int, steps: int, seed: int, method: SamplingConfig) -> dict[str, Any]:
    """Return how predictions were drawn."""
    return {"views": views, "samples": samples, "steps": steps, "seed": seed, "method": asdict(method)}
