"""The curves of a training."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from gram_pyro.training import curves

ROW = {"loss": 9.3, "kl": 0.2, "beta": 1.0, "posterior_accuracy": 0.0, "validity": 0.5, "ratio": 0.6}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, instead of files."""
    figures: list[Figure] = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: figures.append(figure))
    return figures


def log(rows: int, seconds: float) -> list[dict[str, Any]]:
    return [ROW | {"seconds": seconds * (row + 1) / rows} for row in range(rows)]


def test_a_single_row_is_seen(drawn: list[Figure]) -> None:
    curves.draw_curves(log(1, 0.2), Path("curves.png"))
    lines = [line for axes in drawn[0].axes for line in axes.lines]
    assert len(lines) == len(ROW)
    assert all(line.get_marker() == "o" or line.get_marker() == "s" for line in lines)
    assert not any(line.get_clip_on() for line in lines)  # a point at the border is whole
    assert {axes.get_xlabel() for axes in drawn[0].axes} == {"seconds"}


def test_axes_start_at_zero_so_that_noise_looks_small(drawn: list[Figure]) -> None:
    curves.draw_curves([row | {"loss": 9.3 + 0.01 * (k % 2)} for k, row in enumerate(log(40, 600))], Path("curves.png"))
    for axes in drawn[0].axes:
        assert axes.get_ylim()[0] == axes.get_xlim()[0] == 0 and axes.get_xlabel() == "minutes"
    assert drawn[0].axes[0].lines[0].get_marker() == "None"  # a line of many points


def test_a_log_with_some_measures_is_drawn(drawn: list[Figure]) -> None:
    curves.draw_curves([{"seconds": 0.0, "loss": -1.0}], Path("curves.png"))
    assert drawn[0].axes[0].get_ylim()[0] == -1
