"""The animated picture of trajectories."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from gram_pyro import sample
from gram_pyro.errors import UserError
from gram_pyro.inference import animation
from gram_pyro.inference.animation import different, trajectories
from gram_pyro.inference.judge import Judged
from gram_pyro.models import MODELS
from gram_pyro.models.base import Model
from gram_pyro.runs import store
from gram_pyro.runs.config import config_of
from gram_pyro.tasks import Coloring, Grids, NQueens, Sudoku, Task
from tests.commands.test_sample import tiny_run

TASK = Coloring(n=5)
GRAPH = TASK.generate("test", 1, seed=0)[0]
PROBLEMS: dict[Task, Any] = {
    TASK: GRAPH,
    NQueens(): NQueens().generate("test", 1, seed=0)[0],
    Sudoku(): Sudoku().generate("test", 1, seed=0)[0],
    Grids(): None,
}


def untrained(name: str, task: Task = TASK) -> Model:
    torch.manual_seed(0)
    return MODELS[name](task.spec, config_of(name)(width=16, heads=2, layers=2, hidden=16)).eval()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_has_trajectories_that_end_as_its_samples_do(name: str) -> None:
    model = untrained(name)
    x = TASK.encode([GRAPH])
    answers = trajectories(model, x.select(torch.zeros(3, dtype=torch.long)), 4, seed=5)
    assert answers.shape[1:] == (3, x.tokens.shape[1]) and len(answers) in {1, 4}
    assert len(answers) == 4 or model.recursion != "carried"


def test_a_step_is_what_a_shorter_run_of_a_carried_model_answers() -> None:
    model, x = untrained("gram"), TASK.encode([GRAPH])
    answers = trajectories(model, x, 4, seed=5)
    for steps in range(1, 5):
        assert torch.equal(answers[steps - 1], trajectories(model, x, steps, seed=5)[-1])


def test_solutions_come_first_each_once() -> None:
    answers = [(0,), (1,), (0,), (2,), (3,)]
    judged = Judged(answers, [0, 2, 0, 0, 1], answers)
    assert different(judged) == [0, 3, 2, 1, 4]
    assert len(different(Judged(answers * 4, [0] * 20, answers * 4))) == animation.SHOWN


@pytest.mark.parametrize("task", PROBLEMS, ids=lambda task: task.name)
def test_pictures_of_every_task(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    model = tiny_run(task=task).model
    animation.animate(task, model, PROBLEMS[task], path, samples=2, steps=3, seed=0, progress=lambda items, desc: items)
    with Image.open(path) as picture:
        assert picture.n_frames == 3  # type: ignore[attr-defined]
        picture.seek(2)
        assert picture.info["duration"] == animation.END


def test_the_command_writes_it_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "load_run", tiny_run)
    monkeypatch.chdir(tmp_path)
    Path("g.edges").write_text("0 1\n1 2\n")
    sample.main(["tiny", "--graph", "g.edges", "--samples", "2", "--animate", "."])
    assert Path("g-trajectories.gif").stat().st_size > 1000
    assert capsys.readouterr().out.endswith("animation: g-trajectories.gif\n")
    with pytest.raises(UserError, match=r"--animate must be a \.gif file or a folder, not a\.png"):
        sample.main(["tiny", "--graph", "g.edges", "--animate", "a.png"])
