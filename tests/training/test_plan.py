"""How minutes are shared out."""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro.errors import UserError
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.training.plan import EVALUATION_SHARE, OVERTIME, UPDATES_SHARE, Plan, plan


class Machine:
    """A machine whose updates, evaluations and rounds take known times [s], and only these."""

    def __init__(self, an_update: float, an_evaluation: float, a_round: float, start: float = 0.0) -> None:
        self.an_update, self.an_evaluation, self.a_round = an_update, an_evaluation, a_round
        self.now = start

    def plan(self, training: TrainingConfig) -> Plan:
        """What it plans, by its own clock."""
        return plan(
            training,
            lambda: self.now,
            lambda: self.now,
            lambda: self._pass(self.an_update),
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


def test_heads_that_take_longer_than_the_minutes_are_refused() -> None:
    with pytest.raises(UserError, match=r"60 rounds for the heads take longer than 1\.0 minutes; take fewer"):
        Machine(0.2, 1.0, 2.0).plan(TrainingConfig(minutes=1.0, head_rounds=60))
