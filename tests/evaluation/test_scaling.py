"""Depth and width: the frontier at equal compute, groups by the number of solutions, and the figures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from gram_pyro.evaluation.evaluate import by_solutions
from gram_pyro.evaluation.scaling import draw_by_solutions, draw_depth_width, draw_frontier, frontier
from gram_pyro.inference.metrics import SampleMetrics


def row(samples: int, steps: int, first: float, checker: float) -> SampleMetrics:
    accuracy = {"first": first, "checker": checker}
    return SampleMetrics(samples, steps, 0.5, 0.5, 0.9, 0.6, 1.0, 0, 0, 2.0, float(samples * steps), accuracy)


rows = st.lists(
    st.builds(row, st.integers(1, 50), st.integers(1, 50), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20
)


@given(rows)
def test_the_frontier_is_the_best_mix_within_each_budget(measured: list[SampleMetrics]) -> None:
    best = frontier(measured)
    for name in ("first", "checker"):
        line = [each for each in best if each["select"] == name]
        for budget in {row.evaluations for row in measured}:
            expected = max(row.accuracy[name] for row in measured if row.evaluations <= budget)
            assert [each["accuracy"] for each in line if each["evaluations"] <= budget][-1] == expected
        assert all(a["accuracy"] < b["accuracy"] for a, b in pairwise(line))
        assert all(each["evaluations"] == each["samples"] * each["steps"] for each in line)


@given(st.lists(st.one_of(st.none(), st.integers(0, 300)), max_size=40))
def test_every_problem_with_solutions_is_in_one_group(counts: list[int | None]) -> None:
    groups = by_solutions(counts)
    places = [place for *_, members in groups for place in members]
    assert sorted(places) == [place for place, count in enumerate(counts) if count]
    for least, most, members in groups:
        assert all(least <= (counts[place] or 0) <= most for place in members)
    edges = [edge for least, most, _ in groups for edge in (least, most)]
    assert edges == sorted(edges)
    assert by_solutions([1, 2, 3, 4, 5, 8, 9]) == [
        (1, 1, [0]),
        (2, 2, [1]),
        (3, 4, [2, 3]),
        (5, 8, [4, 5]),
        (9, 16, [6]),
    ]


@pytest.mark.parametrize("draw", [draw_depth_width, draw_frontier])
def test_figures(draw: object, tmp_path: Path) -> None:
    measured = [row(n, t, 0.1 * i, 0.15 * i) for i, (n, t) in enumerate([(1, 4), (1, 8), (5, 4), (5, 8)])]
    draw(measured, tmp_path / "figure.png")  # type: ignore[operator]
    assert imread(tmp_path / "figure.png").std() > 0.02


def test_figure_by_solutions(tmp_path: Path) -> None:
    groups = [
        {"least": 1, "most": 1} | row(5, 4, 1, 1)._asdict(),
        {"least": 3, "most": 4} | row(5, 4, 0.5, 1)._asdict(),
    ]
    draw_by_solutions(groups, tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0.02
