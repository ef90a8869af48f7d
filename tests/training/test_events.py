"""The log of a training in TensorBoard: each row once, whatever interrupted it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gram_pyro import train
from gram_pyro.errors import UserError
from gram_pyro.system.signals import Interrupted
from tests.training.test_train import TINY, UPDATES, after, die, press_ctrl_c, resume, rows, small

COMMAND = [*TINY, "--updates", str(UPDATES), "--log", "tensorboard"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little to validate on."""
    small(monkeypatch)


def scalars(folder: Path) -> dict[tuple[str, int], list[float]]:
    """What TensorBoard reads: all values of each measure and update."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found: dict[tuple[str, int], list[float]] = {}
    for path in (folder / "tensorboard").iterdir():
        events = reader.EventAccumulator(str(path), purge_orphaned_data=False).Reload()
        for name in events.Tags()["scalars"]:
            for event in events.Scalars(name):
                found.setdefault((name, event.step), []).append(event.value)
    return found


def logged(folder: Path) -> dict[tuple[str, int], list[float]]:
    """The same from metrics.jsonl."""
    measured = [
        ((name, row["update"]), [value])
        for row in rows(folder)
        for name, value in row.items()
        if name not in ("update", "seconds") and value is not None
    ]
    assert len(dict(measured)) == len(measured)
    return dict(measured)


@pytest.mark.parametrize(("number", "happen", "error"), [(7, press_ctrl_c, Interrupted), (10, die, SystemError)])
def test_a_resumed_run_has_each_row_once(
    tmp_path: Path, number: int, happen: Callable[[], None], error: type[BaseException]
) -> None:
    pytest.importorskip("tensorboard")
    with pytest.MonkeyPatch.context() as patch:
        after(patch, number, happen)
        with pytest.raises(error):
            train.main([*COMMAND, "--out", str(tmp_path)])
    assert {name for name, _ in scalars(tmp_path)} >= {"loss", "kl", "beta", "validity", "coverage"}
    resume(tmp_path)
    assert scalars(tmp_path) == {key: pytest.approx(values) for key, values in logged(tmp_path).items()}
    assert len([*(tmp_path / "tensorboard").iterdir()]) == 1


def test_nothing_is_written_for_tensorboard_unless_it_is_asked_for(tmp_path: Path) -> None:
    train.main([*COMMAND[:-2], "--out", str(tmp_path)])
    assert not (tmp_path / "tensorboard").exists()


def test_without_tensorboard_it_says_so_before_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"^--log tensorboard needs the package tensorboard; pip install -e"):
        train.main([*COMMAND, "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()
