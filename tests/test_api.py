"""The library from Python: names, training, answering, storing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch
from matplotlib.figure import Figure

import gram_pyro
from gram_pyro import Coloring, GaussianGuide, Gram, GramConfig, Reasoner, Spec, UserError
from gram_pyro.inference.config import SamplingConfig

TASK = Coloring(n=5)
TINY: dict[str, Any] = {
    "updates": 2, "batch": 8, "depth": 4, "problems": 20, "evaluations": 1, "head_rounds": 0, "threads": 1,
    "precision": "float32", "device": "cpu", "quiet": True,
}  # fmt: skip
GRAPH = nx.cycle_graph(5)


def fit(task: Any = TASK, **options: Any) -> Reasoner:
    return gram_pyro.fit(task, **TINY | options)


@pytest.fixture(scope="module")
def trained() -> Reasoner:
    return fit(head_rounds=1)


def small(spec: Spec, config: GramConfig | None = None) -> Gram:
    return Gram(spec, GramConfig(width=16, heads=2, layers=1, hidden=16))


def test_every_name_is_offered_and_nothing_is_imported_for_it() -> None:
    for name in gram_pyro.__all__:
        assert getattr(gram_pyro, name) is not None
    assert {"fit", "load", "Task", "Guide", "Model", "Reasoner", "TruncatedTrace_ELBO"} <= {*dir(gram_pyro)}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gram_pyro.nothing  # noqa: B018
    code = "import gram_pyro, sys; sys.exit('torch' in sys.modules or 'pyro' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "parts",
    [
        {"task": "coloring"},
        {"task": Coloring},
        {"guide": "mean_only"},
        {"guide": GaussianGuide},
        {"guide": lambda spec, model: GaussianGuide(spec, model)},
        {"model": small},
        {"model": "trm", "kl_target": None},
        {"objective": "importance", "balance": None},
    ],
    ids=lambda parts: " ".join(f"{name}-{getattr(part, '__name__', part)}" for name, part in parts.items()),
)
def test_parts_are_names_classes_functions_or_instances(
    parts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left on the disk."""
    monkeypatch.chdir(tmp_path)
    before = torch.random.get_rng_state()
    reasoner = fit(**parts)
    samples = reasoner.sample(GRAPH, num_samples=3, steps=4)
    assert len(samples.answers) == 3 and not [*tmp_path.iterdir()]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_training_from_python_is_training_from_the_command_line(tmp_path: Path) -> None:
    from gram_pyro import train

    options = ["--task.n", "5", "--updates", "2", "--batch", "8", "--depth", "4", "--problems", "20"]
    options += ["--evaluations", "1", "--head-rounds", "0", "--threads", "1", "--precision", "float32"]
    train.main(["--task", "coloring", *options, "--device", "cpu", "--out", str(tmp_path / "run")])
    kept, other = fit(out=tmp_path / "kept"), gram_pyro.load(str(tmp_path / "run"), "cpu")
    here = fit()
    for reasoner in (kept, other, gram_pyro.load(str(tmp_path / "kept"), "cpu")):
        for one, two in zip(here.model.parameters(), reasoner.model.parameters(), strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 1.0}, "give one of them"),
        ({"objective": "best"}, "unknown objective 'best'; known are elbo"),
        ({"learning": 3}, "unknown options of fit: learning"),
        ({"task": "chess"}, "unknown task 'chess'"),
        ({"guide": "mystery"}, "unknown guide 'mystery'"),
        ({"batch": 0}, "batch"),
    ],
)
def test_wrong_options_are_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        fit(**options)


def test_what_is_saved_answers_alike(trained: Reasoner, tmp_path: Path) -> None:
    trained.save(tmp_path / "kept")
    again = gram_pyro.load(str(tmp_path / "kept"), "cpu")
    assert again.sample(GRAPH, 4, 4, seed=3) == trained.sample(GRAPH, 4, 4, seed=3)


def test_a_model_of_ones_own_loop_answers_and_is_not_saved(tmp_path: Path) -> None:
    reasoner = Reasoner.of(TASK, small(TASK.spec), depth=2)
    assert reasoner.steps == 8 and len(reasoner.sample(GRAPH, 2).answers) == 2
    with pytest.raises(UserError, match="state_dict"):
        reasoner.save(tmp_path)


def test_a_reasoner_says_what_it_is_and_measures_itself(trained: Reasoner, tmp_path: Path) -> None:
    assert "Coloring(n=5" in repr(trained) and "GaussianGuide" in repr(trained) and "4 steps" in repr(trained)
    result = trained.evaluate(4, samples=(2,), steps=(4,), bound=False)
    assert result["problems"] == 4 and result["data_seed"] == 7 and 0 <= result["rows"][0]["validity"] <= 1
    assert trained.evaluate([GRAPH], samples=(2,), steps=(4,))["data_seed"] is None
    assert trained.inspect(GRAPH, samples=2, draws=2).target in TASK.solutions(GRAPH)
    assert isinstance(trained.plot(GRAPH, path=tmp_path / "a.png"), Figure) and (tmp_path / "a.png").is_file()


@pytest.mark.parametrize("call", ["sample", "inspect"])
def test_threads_get_the_answers_of_one(trained: Reasoner, call: str) -> None:
    calls: dict[str, Callable[[int], Any]] = {
        "sample": lambda seed: trained.sample(GRAPH, 3, 4, seed % 3),
        "inspect": lambda seed: trained.inspect(GRAPH, steps=2, samples=2, draws=2, seed=seed % 3).posterior.solutions,
    }
    ask = calls[call]
    alone = [ask(seed) for seed in range(10)]
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(ask, range(10))] == alone


def test_drafts_may_follow_another_schedule_than_in_training() -> None:
    annealed, held = gram_pyro.load("grids", "cpu"), gram_pyro.load("grids", "cpu", draft="constant")
    assert (annealed.model.recursion, held.model.recursion) == ("planned", "carried")
    assert (annealed.steps, held.steps) == (128, 2048)
    for (name, weights), other in zip(annealed.model.named_parameters(), held.model.parameters(), strict=True):
        assert torch.equal(weights, other), name
    drawn, searched = (reasoner.sample(num_samples=2, steps=6).answers for reasoner in (annealed, held))
    assert drawn != searched
    method = SamplingConfig(halt="settled", halt_patience=4)
    assert len(held.sample(num_samples=2, steps=6, method=method).spent) == 2
    with pytest.raises(UserError, match="planned to the last step"):
        annealed.sample(num_samples=2, steps=6, method=method)


def test_drafts_may_be_of_other_times_than_in_training() -> None:
    graph = nx.petersen_graph()
    trained, same, early = (
        gram_pyro.load("coloring", "cpu", draft_times=times) for times in (None, (0.1, 0.3), (0.5, 0.9))
    )
    first, again, other = (each.sample(graph, 4, steps=8).answers for each in (trained, same, early))
    assert first == again != other
    assert gram_pyro.load("coloring", "cpu", "constant", (0.1, 0.2)).model.config.draft_times == (0.1, 0.2)
    for run, message in (
        ("coloring_gram", "was trained without drafts; leave out the times"),
        ("digits", "have no times"),
    ):
        with pytest.raises(UserError, match=message):
            gram_pyro.load(run, "cpu", draft_times=(0.1, 0.4))


def test_planned_steps_are_measured_up_to_those_of_training() -> None:
    rows = gram_pyro.load("grids", "cpu").evaluate(1, samples=(1,), bound=False)["rows"]
    assert [row["steps"] for row in rows] == [32, 64, 128]


@pytest.mark.parametrize(
    ("run", "draft", "message"),
    [
        ("coloring_gram", "cosine", "the model gram was trained without drafts; leave out cosine"),
        ("grids", "linear", "draft must be cosine, flow, constant, not 'linear'"),
        ("grids", "none", "draft must be cosine, flow, constant, not 'none'"),
    ],
)
def test_a_schedule_that_cannot_be_is_one_sentence(run: str, draft: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        gram_pyro.load(run, "cpu", draft=draft)
