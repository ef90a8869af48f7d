"""The program as a picture, and what it shows: which site depends on which."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from pyro.infer.inspect import get_model_relations

from gram_pyro import program
from gram_pyro.errors import UserError
from gram_pyro.models import Gram, GramConfig
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import build_parts
from gram_pyro.tasks import Coloring


def test_sites_depend_on_each_other_as_the_paper_has_it() -> None:
    torch.manual_seed(0)
    task = Coloring(n=5)
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    problem = task.generate("train", 1, 0)[0]
    inputs = task.encode([problem]), task.targets(problem)[:1]
    found = get_model_relations(model, inputs, {"steps": 2}, include_deterministic=True)
    assert found["sample_sample"]["guidance_2"] == ["proposal_2"]
    assert found["sample_sample"]["high_2"] == ["proposal_2", "guidance_2"]
    assert found["sample_sample"]["proposal_2"] == ["high_1", "low_1"]
    assert found["sample_sample"]["y_2"] == ["high_2"]
    assert found["observed"][-1] == "y_2" and set(found["plate_sample"]) == {"problems"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "program.txt"], "--out program.txt must end in .png, .svg or .pdf"),
        (["--steps", "0"], "--steps must lie between 1 and 64, not 0"),
        (["--model", "gpt"], "gpt"),
    ],
)
def test_wrong_input_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as refused:
        program.main(arguments)
    assert message in str(refused.value)


def test_without_graphviz_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ImportError("no graphviz")

    monkeypatch.setattr(program, "render_graph", fails)
    with pytest.raises(UserError, match=r"needs graphviz, the package \(pip install -e '\.\[draw\]'\)"):
        program.main(["--out", str(tmp_path / "program.png")])


def test_computed_sites_are_white_and_observed_ones_gray() -> None:
    pytest.importorskip("graphviz")
    setup = recipe("coloring", model="gram")
    problem = setup.task.generate("train", 1, 0)
    inputs = setup.task.encode(problem), setup.task.targets(problem[0])[:1]
    source = program.graph_of(build_parts(setup)[0], inputs, 1).source
    nodes = {line.split()[0]: line for line in source.splitlines() if "fillcolor" in line}
    assert "gray" in nodes["y_1"] and "dashed" in nodes["high_1"]
    assert not any("gray" in nodes[name] for name in ("guidance_1", "high_1", "proposal_1", "low_1"))


@pytest.mark.parametrize("model", ["gram", "trm", "ar", "mdlm"])
def test_a_picture_is_made(model: str, tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    if shutil.which("dot") is None:
        pytest.skip("the program dot is not here")
    program.main(["--model", model, "--out", str(tmp_path / "deep" / "program.png")])
    assert (tmp_path / "deep" / "program.png").stat().st_size > 5000
