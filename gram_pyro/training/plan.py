"""How minutes, or a number of updates, become a schedule."""

import math
import sys
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch

from gram_pyro.errors import UserError
from gram_pyro.runs.training_config import TrainingConfig

TIMED_UPDATES, LEAST_TIMED = 150, 6
TIMING_SHARE = 0.1  # part of the minutes that may go into timing updates, where they are slow
EVALUATIONS = 10  # evaluations on the way, where the configuration leaves the number open and they do not take too long
EVALUATION_SHARE = 0.15  # part of the minutes that may go into evaluation; what a slow one takes beyond comes on top
HEADS_SHARE = 0.1  # part of the minutes that goes into the value and halt heads
UPDATES_SHARE = 0.5  # part of the minutes that updates get in any case
OVERTIME = 1.1  # how many times as long as planned a training may take without a word
UPDATES_A_ROUND = 250  # where updates are counted instead of minutes: updates for each round of training the heads
GRADIENT = 3  # how many times as long a supervision step takes with its gradient
TRIED = 3  # updates that are timed on each number of threads
MUCH_SLOWER = 1.5  # how many times as long an update may take on several threads as on one without a word


class Plan(NamedTuple):
    """Updates, evaluations on the way, and rounds of training the heads at the end."""

    updates: int
    evaluations: int
    head_rounds: int

    def evaluates(self, update: int) -> bool:
        """Return whether an evaluation follows an update: evenly spaced, and after the last."""
        return update == self.updates or update % math.ceil(self.updates / self.evaluations) == 0


def count(training: TrainingConfig, steps: int, evaluation_steps: int) -> Plan:
    """Return the plan of a training whose updates are counted; evaluations get no more than their share of the work.

    `steps` are the supervision steps of a problem in an update, `evaluation_steps` those of all of an evaluation.
    """
    updates, evaluations, rounds = training.updates, training.evaluations, training.head_rounds
    assert updates is not None
    if evaluations is None:
        work = updates * training.batch * steps * GRADIENT
        evaluations = max(1, min(EVALUATIONS, int(EVALUATION_SHARE * work / evaluation_steps)))
    return Plan(updates, evaluations, updates // UPDATES_A_ROUND if rounds is None else rounds)


def plan(
    training: TrainingConfig,
    clock: Callable[[], float],
    update: Callable[[], object],
    evaluation: Callable[[], float],
    heads_round: Callable[[], object],
    settle: Callable[[bool], bool] = bool,
    kinds: int = 1,
) -> Plan:
    """Return what fits into the minutes, from doing some of each against a `clock` [s] of the whole training.

    Updates get half of the minutes at least, and one evaluation is always made; a warning names a training that takes
    much longer for that. `evaluation` returns about how long one takes [s]; several processes must `settle` together
    whether to time one more update. Of several `kinds` of updates, in random order, each is timed more than once.
    Raises `UserError` if the rounds for the heads alone do not fit.
    """
    budget = 60 * training.minutes
    least = max(LEAST_TIMED, 3 * kinds)
    times: list[float] = []
    while settle(len(times) < TIMED_UPDATES and (len(times) < least or sum(times) < TIMING_SHARE * budget)):
        times.append(seconds(clock, update))
    an_evaluation = evaluation()
    a_round = seconds(clock, heads_round) if training.head_rounds != 0 else 0.0
    late = times[len(times) // 3 :]
    evaluations = max(1, min(training.evaluations or EVALUATIONS, int(EVALUATION_SHARE * budget / an_evaluation)))
    rounds = int(HEADS_SHARE * budget / a_round) if training.head_rounds is None else training.head_rounds
    checks, heads, began = evaluations * an_evaluation, rounds * a_round, clock()
    if training.head_rounds and heads > budget:
        raise UserError(f"{rounds} rounds for the heads take longer than {training.minutes} minutes; take fewer")
    left = max(budget - min(checks, EVALUATION_SHARE * budget) - heads - began, UPDATES_SHARE * budget)
    other = began + checks + heads
    if left + other > OVERTIME * budget:
        takes = f"this takes about {_minutes(left + other)} minutes instead of {training.minutes:g}"
        print(f"warning: {takes}: {_minutes(other)} of them are not for updates", file=sys.stderr)
    return Plan(max(1, int(left / (sum(late) / len(late)))), evaluations, rounds)


def choose_threads(threads: int, open_number: bool, update: Callable[[], object], wall: Callable[[], float]) -> int:
    """Return 1 if an update is faster on one thread than on `threads`, else `threads`.

    Threads wait for each other, on a busy machine most of the time. A number that is not open to choice stays, and a
    warning names the cure. `wall` is a clock [s].
    """
    times: dict[int, list[float]] = {threads: [], 1: []}
    update()
    for _ in range(TRIED):
        for number, taken in times.items():
            torch.set_num_threads(number)
            taken.append(seconds(wall, update))
    several, one = (median(taken) for taken in times.values())
    chosen = 1 if open_number and one < several else threads
    torch.set_num_threads(chosen)
    if not open_number and several > MUCH_SLOWER * one:
        takes = f"an update takes {several:.2g} s on {threads} threads and {one:.2g} s on one"
        print(f"warning: {takes}: other programs keep this machine busy; take --threads 1", file=sys.stderr)
    return chosen


def _minutes(time: float) -> str:
    return f"{time / 60:.1f}" if time < 600 else f"{time / 60:.0f}"


def seconds(clock: Callable[[], float], work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    began = clock()
    work()
    return clock() - began
