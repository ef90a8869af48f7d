"""How minutes become numbers of updates, evaluations and rounds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from gram_pyro.errors import UserError
from gram_pyro.runs.training_config import TrainingConfig

TIMED_UPDATES, LEAST_TIMED = 150, 6
TIMING_SHARE = 0.1
"""Part of the minutes that may go into timing updates, where they are slow."""
EVALUATION_SHARE = 0.15
"""Part of the minutes that may go into evaluation; where it is slow there are fewer, and what a single one takes beyond
this is not taken from the updates."""
HEADS_SHARE = 0.1
"""Part of the minutes that goes into the value and halt heads."""
UPDATES_SHARE = 0.5
"""Part of the minutes that updates get in any case."""
OVERTIME = 1.1
"""How many times as long as asked a training may take without a word."""
UPDATES_A_ROUND = 250
"""Where updates are counted instead of minutes: updates for each round of training the heads."""


class Plan(NamedTuple):
    """Updates, evaluations on the way, and rounds of training the heads at the end."""

    updates: int
    evaluations: int
    head_rounds: int


def plan(
    training: TrainingConfig,
    clock: Callable[[], float],
    spent: Callable[[], float],
    update: Callable[[], object],
    evaluation: Callable[[], float],
    heads_round: Callable[[], object],
    agree: Callable[[bool], bool] = bool,
) -> Plan:
    """What fits into the minutes, of which some are `spent` [s], from doing some of each against a `clock` [s].

    Updates get half of the minutes at least, and one evaluation is always made; a training that takes much longer for
    that says so. `evaluation` says about how long one takes [s]. Several processes that update together must `agree`
    whether to time one more.
    Raises `UserError` if the rounds for the heads alone do not fit.
    """
    budget = 60 * training.minutes
    times: list[float] = []
    while agree(len(times) < TIMED_UPDATES and (len(times) < LEAST_TIMED or sum(times) < TIMING_SHARE * budget)):
        times.append(seconds(clock, update))
    an_evaluation = evaluation()
    a_round = seconds(clock, heads_round) if training.head_rounds != 0 else 0.0
    late = times[len(times) // 3 :]
    evaluations = max(1, min(training.evaluations, int(EVALUATION_SHARE * budget / an_evaluation)))
    rounds = int(HEADS_SHARE * budget / a_round) if training.head_rounds is None else training.head_rounds
    checks, heads, began = evaluations * an_evaluation, rounds * a_round, spent()
    if training.head_rounds and heads > budget:
        raise UserError(f"{rounds} rounds for the heads take longer than {training.minutes} minutes; take fewer")
    left = max(budget - min(checks, EVALUATION_SHARE * budget) - heads - began, UPDATES_SHARE * budget)
    other = began + checks + heads
    if left + other > OVERTIME * budget:
        print(
            f"warning: this takes about {_minutes(left + other)} minutes instead of {training.minutes:g}: "
            f"{_minutes(other)} of them are not for updates",
            file=sys.stderr,
        )
    return Plan(max(1, int(left / (sum(late) / len(late)))), evaluations, rounds)


def _minutes(time: float) -> str:
    return f"{time / 60:.1f}" if time < 600 else f"{time / 60:.0f}"


def seconds(clock: Callable[[], float], work: Callable[[], object]) -> float:
    """How long something takes."""
    began = clock()
    work()
    return clock() - began
