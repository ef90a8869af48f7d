"""How minutes are shared out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from io import StringIO

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro.errors import UserError
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.training.clock import Clock
from gram_pyro.training.plan import (
    EVALUATION_SHARE,
    EVALUATIONS,
    GRADIENT,
    OVERTIME,
    UPDATES_SHARE,
    Plan,
    choose_threads,
    count,
    plan,
)


class Machine:
    """A machine whose updates, evaluations and rounds take known times [s], and only these."""

    def __init__(
        self, an_update: float, an_evaluation: float, a_round: float, start: float = 0.0, first: Iterable[float] = ()
    ) -> None:
        self.an_update, self.an_evaluation, self.a_round = an_update, an_evaluation, a_round
        self.now, self.first = start, iter(first)

    def plan(self, training: TrainingConfig) -> Plan:
        """What it plans, by its own clock."""
        return plan(
            training,
            lambda: self.now,
            lambda: self._pass(next(self.first, self.an_update)),
            lambda: self._pass(self.an_evaluation),
            lambda: self._pass(self.a_round),
        )

    def takes(self, planned: Plan) -> float:
        """How long a plan takes from here."""
        return (
            planned.updates * self.an_update
            + planned.evaluations * self.an_evaluation
            + planned.head_rounds * self.a_round
        )

    def _pass(self, seconds: float) -> float:
        self.now += seconds
        return seconds


class SharedMachine:
    """A machine that gives a training one `share` of the time: an update on several threads waits for all of them."""

    def __init__(self, share: float, wait: float = 0.0) -> None:
        self.share, self.wait, self.passed, self.worked = share, wait, 0.0, 0.0
        self.clock = Clock(torch.device("cpu"), 1, lambda: self.passed, lambda: self.worked)

    def work(self, seconds: float, threads: int = 1) -> float:
        """Do what takes one thread so long [s]; return how long it took by the training's clock."""
        began = self.clock()
        waited = self.wait if threads > 1 and self.share < 1 else 0.0
        self.passed += seconds / threads / self.share + waited
        self.worked += seconds + waited
        return self.clock() - began

    def plan(self, training: TrainingConfig) -> Plan:
        """What a training on one thread plans here."""
        return plan(
            training,
            self.clock,
            lambda: self.work(0.05),
            lambda: self.work(3.0),
            lambda: self.work(0.5),
        )


NO_HEADS = TrainingConfig(minutes=8.0, head_rounds=0)
COSTS = st.floats(1e-3, 2.0)


@given(COSTS, st.floats(1e-3, 30.0), COSTS, st.floats(0, 60.0), st.floats(0.2, 200.0))
def test_updates_get_half_and_a_plan_that_does_not_fit_says_so(
    an_update: float, an_evaluation: float, a_round: float, start: float, minutes: float
) -> None:
    machine, budget, said = Machine(an_update, an_evaluation, a_round, start), 60 * minutes, StringIO()
    with redirect_stderr(said):
        planned = machine.plan(TrainingConfig(minutes=minutes))
    assert planned.updates * an_update > UPDATES_SHARE * budget - an_update - 1e-6
    whole = machine.now + machine.takes(planned)
    if whole > OVERTIME * budget + an_update:
        assert f"instead of {minutes:g}" in said.getvalue()
    if whole < OVERTIME * budget - an_update:
        assert not said.getvalue()
    checks = planned.evaluations * an_evaluation
    if checks <= EVALUATION_SHARE * budget and planned.updates * an_update > UPDATES_SHARE * budget + an_update:
        assert whole == pytest.approx(budget, abs=an_update + 1e-6)  # nothing is left over, and nothing too much
    assert planned.evaluations == 1 or checks <= EVALUATION_SHARE * budget + 1e-6


def test_a_long_evaluation_takes_no_updates_beyond_its_share() -> None:
    short, long = (Machine(0.2, an_evaluation, 0.0).plan(NO_HEADS) for an_evaluation in (72.0, 100.0))
    assert short.evaluations == long.evaluations == 1
    assert long.updates == pytest.approx(short.updates - 28 / 0.2, abs=2)  # what timing it took


def test_a_slow_start_leaves_half_of_the_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    planned = Machine(0.2, 1.0, 0.0, start=600.0).plan(NO_HEADS)
    assert planned.updates == pytest.approx(240 / 0.2, abs=1)
    assert (
        "warning: this takes about 15 minutes instead of 8: 11 of them are not for updates" in capsys.readouterr().err
    )


def test_slow_first_updates_do_not_count_as_usual_ones() -> None:
    steady, warming = (Machine(0.2, 1.0, 0.0, first=first).plan(NO_HEADS) for first in ([], [0.5] * 20))
    assert warming.updates == pytest.approx(steady.updates - 20 * 0.3 / 0.2, abs=1)  # what they took themselves


def test_updates_of_several_kinds_are_each_timed() -> None:
    done: list[int] = []
    machine = Machine(0.2, 1.0, 0.0)

    def update() -> None:
        machine.now += (0.2, 1.0)[len(done) % 2]
        done.append(1)

    def take(seconds: float) -> None:
        machine.now += seconds

    plan(
        TrainingConfig(minutes=0.1, head_rounds=0), lambda: machine.now, update, lambda: take(1.0) or 1.0, list, kinds=7
    )
    assert len(done) == 21


def test_heads_that_take_longer_than_the_minutes_are_refused() -> None:
    with pytest.raises(UserError, match=r"60 rounds for the heads take longer than 1\.0 minutes; take fewer"):
        Machine(0.2, 1.0, 2.0).plan(TrainingConfig(minutes=1.0, head_rounds=60))


@given(st.floats(0.05, 1.0), st.floats(0.1, 30.0))
def test_a_busy_machine_plans_as_many_updates(share: float, minutes: float) -> None:
    training = TrainingConfig(minutes=minutes)
    busy, quiet = SharedMachine(share).plan(training), SharedMachine(1.0).plan(training)
    assert busy.updates == pytest.approx(quiet.updates, abs=1)
    assert busy[1:] == quiet[1:]


@given(st.integers(1, 8), st.floats(0.05, 1.0), st.lists(st.floats(0.01, 10.0), min_size=1, max_size=9))
def test_the_clock_counts_no_more_than_passed_and_no_more_than_was_worked(
    threads: int, share: float, works: list[float]
) -> None:
    machine = SharedMachine(share)
    taken = [machine.work(work, threads) for work in works]
    assert machine.clock() == pytest.approx(sum(taken))
    assert machine.clock() <= min(machine.passed, machine.worked) + 1e-9
    if share == 1.0 or threads == 1:
        assert machine.clock() == pytest.approx(sum(works) / threads)


def test_a_wait_is_not_made_up_for_on_several_threads() -> None:
    now = [0.0, 0.0]
    clock = Clock(torch.device("cpu"), 1, lambda: now[0], lambda: now[1])
    for now[0], now[1], counted in ((10.0, 1.0, 1.0), (11.0, 9.0, 2.0)):
        assert clock() == counted


@pytest.mark.parametrize(("device", "processes"), [("cuda", 1), ("cpu", 2)])
def test_a_gpu_and_several_processes_count_every_second(device: str, processes: int) -> None:
    now = [0.0, 0.0]
    clock = Clock(torch.device(device), processes, lambda: now[0], lambda: now[1])
    now[:] = 10.0, 1.0
    assert clock() == 10


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("share", "chosen"), [(1.0, 2), (0.5, 1)])
def test_threads_that_wait_for_each_other_are_not_taken(
    share: float, chosen: int, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = SharedMachine(share, wait=3.0)

    def update() -> None:
        machine.work(0.1, torch.get_num_threads())

    torch.set_num_threads(2)
    assert choose_threads(2, True, update, lambda: machine.passed) == chosen == torch.get_num_threads()
    assert not capsys.readouterr().err
    assert choose_threads(2, False, update, lambda: machine.passed) == 2 == torch.get_num_threads()
    warned = "an update takes 3.1 s on 2 threads and 0.2 s on one: other programs keep this machine busy"
    assert (warned in capsys.readouterr().err) == (share < 1)


@given(st.integers(1, 10**6), st.integers(1, 1000), st.integers(1, 10**7))
def test_counted_updates_bound_the_evaluations(updates: int, steps: int, evaluation_steps: int) -> None:
    training = TrainingConfig(updates=updates, batch=16)
    planned = count(training, steps, evaluation_steps)
    work = updates * 16 * steps * GRADIENT
    assert planned.updates == updates and 1 <= planned.evaluations <= EVALUATIONS
    assert planned.evaluations == 1 or planned.evaluations * evaluation_steps <= EVALUATION_SHARE * work
    assert planned.evaluations == EVALUATIONS or (planned.evaluations + 1) * evaluation_steps > EVALUATION_SHARE * work


def test_a_number_of_evaluations_that_is_given_holds_where_updates_are_counted() -> None:
    assert count(TrainingConfig(updates=12, evaluations=3, head_rounds=7), 1, 10**6) == Plan(12, 3, 7)
    assert count(TrainingConfig(updates=500, evaluations=3), 1, 10**6).head_rounds == 2


@given(st.integers(1, 300), st.integers(1, 20))
def test_evaluations_are_even_and_one_is_at_the_end(updates: int, evaluations: int) -> None:
    planned = Plan(updates, evaluations, 0)
    after = [update for update in range(1, updates + 1) if planned.evaluates(update)]
    assert after[-1] == updates and 1 <= len(after) <= evaluations
    assert len({later - earlier for earlier, later in zip([0, *after[:-1]], after[:-1], strict=False)}) <= 1
