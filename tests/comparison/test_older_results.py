"""Results that older versions stored."""

from __future__ import annotations

import json

from benchmarks.report import RESULTS
from gram_pyro.comparison.config import Budget
from gram_pyro.comparison.entry import stored_results


def test_a_budget_without_a_newer_field_is_the_same() -> None:
    path = RESULTS / "comparison/table1-coloring-noise-runs.json"
    budget = json.loads(path.read_text())[0]["budget"]
    assert "training_options" not in budget
    assert stored_results([str(path)], "table1", Budget(**budget))
