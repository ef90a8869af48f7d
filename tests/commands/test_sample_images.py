"""Sampling of images from the command line: a sheet, what is said of it, and completions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from gram_pyro import sample
from gram_pyro.errors import run_cli
from gram_pyro.inference.pictures import caption, draw_sheet
from gram_pyro.reasoner import Reasoner
from gram_pyro.runs import store
from gram_pyro.tasks import Coloring, Digits, Task
from tests.commands.test_sample import tiny_run
from tests.tasks.test_digits_files import TEXT, picture_of, png

QUICK = ["tiny", "--steps", "1"]


def run_of(monkeypatch: pytest.MonkeyPatch, task: Task | None = None) -> None:
    """Make every run an untrained one of a task, of digits by default."""
    run = tiny_run(task=task or Digits())
    monkeypatch.setattr(store, "load_run", lambda *_: run)


def test_samples_are_counted_and_drawn_in_one_sheet(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_of(monkeypatch)
    sample.main([*QUICK, "--samples", "9", "--json"])
    result = json.loads(capsys.readouterr().out)
    distinct = len({*map(tuple, result["answers"])})
    message = f"9 images drawn, {distinct} of them distinct"
    assert result["message"] == message and 1 < distinct <= 9
    assert all(len(answer) == 64 and {*answer} <= {0, 1} for answer in result["answers"])
    sample.main([*QUICK, "--samples", "9"])
    assert capsys.readouterr().out == f"{message}\npicture: image-samples.png\n"
    with PIL.Image.open(folder / "image-samples.png") as picture:
        assert 0.9 < picture.height / picture.width < 1.2


def test_one_image_is_no_plural(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run_of(monkeypatch)
    sample.main([*QUICK, "--samples", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["message"] == "1 image drawn, 1 of them distinct"


def test_a_sheet_is_tight_and_square() -> None:
    """Each image stands in its place, row by row, with a line between and nothing in what is left over."""
    task = Digits()
    answers = [tuple(int(place == mark) for place in range(64)) for mark in range(7)]
    figure = draw_sheet(task, task.blank, answers)
    (panel,) = figure.axes
    sheet = np.asarray(panel.images[0].get_array())
    assert sheet.shape == (26, 26, 3) and not panel.get_title()
    for number in range(9):
        row, column = 9 * (number // 3), 9 * (number % 3)
        shown = sheet[row : row + 8, column : column + 8, 0] == 0
        assert shown.flatten().tolist() == ([*map(bool, answers[number])] if number < 7 else [False] * 64)
    assert (sheet[8] == sheet[8, 0]).all() and 0 < sheet[8, 0, 0] < 255 and (sheet[18:, 9:] == 255).all()


def test_an_image_is_completed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_of(monkeypatch)
    given = bytes([0, 1] * 16 + [2] * 32)
    (folder / "half.png").write_bytes(png(picture_of(given, 4)))
    sample.main([*QUICK, "--image", "half.png", "--samples", "4"])
    out = capsys.readouterr().out
    assert out.startswith("4 images drawn, ") and out.endswith(" distinct, 0 as given\npicture: half-samples.png\n")
    assert (folder / "half-samples.png").is_file()
    results = []
    for image in ("half.png", TEXT):
        sample.main([*QUICK, "--image", image, "--samples", "4", "--json"])
        results.append(json.loads(capsys.readouterr().out))
    assert results[0] == results[1]
    answers = np.array(results[0]["answers"])
    changed = (answers[:, :32] != [*given[:32]]).sum(1).tolist()
    assert results[0]["conflicts"] == changed and min(changed) > 0


def test_what_is_said_above_a_picture() -> None:
    task, (half,) = Digits(), Digits().read(TEXT)
    assert [caption(task, task.blank, 0), caption(task, half, 0), caption(task, half, 3)] == [
        "",
        "as given",
        "3 violated",
    ]
    assert [caption(Coloring(), None, count) for count in (0, 3)] == ["valid", "3 violated"]


def test_a_reasoner_draws_all_samples() -> None:
    reasoner = Reasoner(tiny_run(task=Digits()))
    (panel,) = reasoner.plot(TEXT, reasoner.sample(TEXT, 5, steps=1)).axes
    assert np.asarray(panel.images[0].get_array()).shape == (17, 26, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--image", "small.png"], "small.png: the picture has 6 x 6 pixels, not 8 x 8"),
        (["--image", "graph.col"], "graph.col: digits takes a text of 0, 1 and ."),
        (["--graph", "graph.col"], "graph.col: digits takes a text of 0, 1 and ."),
        (["--image", "empty"], "empty: the file is empty"),
        (["--image", "0101.."], "not one of 6 pixels"),
        (["--image", "01x."], "'01x.': no such file; an image is a PNG file, or a text of 0, 1 and . for the pixels"),
    ],
)
def test_wrong_images_are_refused_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    run_of(monkeypatch)
    (folder / "small.png").write_bytes(png(picture_of(bytes(64))[:6, :6]))
    (folder / "graph.col").write_text("p edge 2 1\ne 1 2\n")
    (folder / "empty").write_text("")
    check_refused(arguments, words, capsys)


@pytest.mark.parametrize("name", ["coloring", "nqueens", "sudoku", "grids"])
def test_an_image_is_no_problem_of_another_task(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    from gram_pyro.tasks import TASKS

    run_of(monkeypatch, TASKS.find(name)())
    (folder / "half.png").write_bytes(png(picture_of(bytes(64))))
    check_refused(["--image", "half.png"], "half.png: ", capsys)


def check_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Check that a command ends with one line and code 2."""
    with pytest.raises(SystemExit) as stop:
        run_cli(sample.main, [*QUICK, *arguments])
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and words in err
