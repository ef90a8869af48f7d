"""The animated picture of trajectories."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from gram_pyro import sample
from gram_pyro.errors import UserError
from gram_pyro.guides import PriorGuide
from gram_pyro.inference import animation
from gram_pyro.inference.animation import answers_by_step, different, trajectories
from gram_pyro.inference.config import INDEPENDENT, SamplingConfig
from gram_pyro.inference.judge import Judged
from gram_pyro.inference.sampling import sample as draw
from gram_pyro.inference.sampling import seeded
from gram_pyro.models import MODELS
from gram_pyro.runs.config import config_of
from gram_pyro.runs.store import Run
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


def untrained(name: str, **options: Any) -> Run:
    torch.manual_seed(0)
    options = {"width": 16, "heads": 2, "layers": 2, "hidden": 16} | options
    model = MODELS[name](TASK.spec, config_of(name)(**options)).eval()
    return Run(name, TASK, model, PriorGuide(TASK.spec, model), 4, torch.device("cpu"))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_has_trajectories(name: str) -> None:
    run = untrained(name)
    answers = trajectories(run, GRAPH, 3, 4, 5, INDEPENDENT)
    assert answers.shape[1:] == (3, TASK.encode([GRAPH]).tokens.shape[1]) and len(answers) in {1, 4}
    if run.model.recursion == "carried":
        assert torch.equal(trajectories(run, GRAPH, 3, 2, 5, INDEPENDENT), answers[:2])
        assert torch.equal(draw(run.model, TASK.encode([GRAPH]), 3, [1], 5).decoded[0, 0], answers[0])


def test_what_runs_in_parts_is_as_long_as_what_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run = untrained("fields", draft="cosine", guidance=False)
    monkeypatch.setattr(animation, "chunk_size", lambda *_: 2)
    assert trajectories(run, GRAPH, 5, 4, 0, INDEPENDENT).shape[:2] == (4, 5)


def test_a_trajectory_that_halts_keeps_its_answer() -> None:
    run = untrained("gram")
    answers = trajectories(run, GRAPH, 8, 12, 0, SamplingConfig(halt="settled", halt_patience=2))
    stays = (answers[1:] == answers[:-1]).all(-1)
    for sample_stays in stays.T.tolist():
        settled = [i for i in range(1, 11) if all(sample_stays[i - 1 : i + 1])]
        assert not settled or all(sample_stays[settled[0] :])
    assert stays.any()


def test_what_masked_diffusion_has_revealed_stays() -> None:
    run, x = untrained("mdlm"), TASK.encode([GRAPH] * 50)
    with seeded(0):
        answers = answers_by_step(run.model, x, 5)
    assert len(answers) == 5 and (answers[1] != answers[0]).any()
    assert int((answers[-1] != answers[-2]).sum(1).max()) <= 1  # the last step reveals one position of five


def test_each_answer_once_and_the_best_first() -> None:
    answers = [(0,), (1,), (0,), (2,), (3,)]
    assert different(Judged(answers, [0, 2, 0, 0, 1], answers)) == [0, 3, 4, 1]


@pytest.mark.parametrize("task", PROBLEMS, ids=lambda task: task.name)
def test_pictures_of_every_task(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    shown: list[int] = []

    def progress(times: list[int], desc: str) -> list[int]:
        shown.extend(times)
        return times

    animation.animate(tiny_run(task=task), PROBLEMS[task], path, 2, 3, 0, progress)
    assert shown == [0, 1, 2]
    with Image.open(path) as picture:
        assert 1 <= picture.n_frames <= 3  # type: ignore[attr-defined]  # equal ones are one
        picture.seek(picture.n_frames - 1)  # type: ignore[attr-defined]
        assert picture.info["duration"] >= animation.END


@pytest.fixture
def graph_file(folder: Path) -> None:
    """A graph in g.edges of the current folder."""
    (folder / "g.edges").write_text("0 1\n1 2\n")


@pytest.mark.usefixtures("graph_file")
def test_the_command_writes_it_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    sample.main(["tiny", "--graph", "g.edges", "--samples", "2", "--animate", "."])
    assert Path("g-trajectories.gif").stat().st_size > 1000
    assert capsys.readouterr().out.endswith("animation: g-trajectories.gif\n")
    with pytest.raises(UserError, match=r"--animate must be a \.gif file or a folder, not a\.png"):
        sample.main(["tiny", "--graph", "g.edges", "--animate", "a.png"])


@pytest.mark.usefixtures("graph_file")
def test_json_comes_before_a_picture_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="choose another place"):
        sample.main(["tiny", "--graph", "g.edges", "--samples", "2", "--json", "--animate", "/proc/nowhere/a.gif"])
    assert '"samples": 2' in capsys.readouterr().out
