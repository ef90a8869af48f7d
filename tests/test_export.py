"""An exported step is the step of the model: the same numbers on the same noise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
import torch.distributions.normal
from torch import Tensor

from gram_pyro import export
from gram_pyro.errors import UserError
from gram_pyro.inference.step import Step
from gram_pyro.models import Fields, Gram, GramConfig, Vae
from gram_pyro.models.base import State
from gram_pyro.models.fields import FieldsConfig
from gram_pyro.models.heads import Heads
from gram_pyro.runs.shipped import shipped_names
from gram_pyro.runs.store import Run, load_run
from gram_pyro.tasks import Coloring, Digits, NQueens, Task
from gram_pyro.tasks.base import Problems
from tests.test_docs import DOCS

STEPS = 3
SIZES = {"one": (1, 4), "more": (3, 9)}
"""Batch and length of random problems; beside them stand two problems of the task."""
SAMPLER = DOCS / "examples" / "onnx_sampler.py"

needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in export.NEEDS),
    reason=f"needs {', '.join(export.NEEDS)}, which write and run an exported step: pip install -e '.[export]'",
)


def untrained(task: Task, model: Gram, heads: bool = False) -> Run:
    """Return a run of a model that is not trained."""
    judge = Heads(task.spec, model) if heads else None
    for part in (model, judge):
        if part is not None:
            part.requires_grad_(False).eval()
    return Run("untrained", task, model, None, 4, torch.device("cpu"), judge)  # type: ignore[arg-type]


def gram(task: Task, **options: Any) -> Run:
    """Return a run of a small GRAM with heads."""
    shape: Any = {"width": 16, "heads": 2, "layers": 1, "hidden": 16, **options}
    return untrained(task, Gram(task.spec, GramConfig(**shape)), heads=True)


def fields(task: Task, **options: Any) -> Run:
    """Return a run of a small network on fields with heads."""
    return untrained(task, Fields(task.spec, FieldsConfig(width=8, hidden=8, refinements=2, **options)), heads=True)


def problems_of(run: Run) -> Iterator[tuple[Problems, dict[str, Tensor]]]:
    """Yield problems as the model takes them and, by name, as the exported step does."""
    own = run.task.encode(run.task.generate("test", 2, 0))
    step = Step(run.task.spec, run.model, run.heads)
    for batch, length in (own.tokens.shape, *SIZES.values()):
        values = own.values or run.task.spec.classes
        sizes = {"batch": batch, "length": length, "values": values}
        given = dict(zip(step.inputs, step.examples(sizes, 0, 0), strict=True))
        problems = Problems(given["tokens"], given.get("relations"), given["pins"], own.values)
        if length == own.tokens.shape[1]:
            problems = own
            given["tokens"], given["pins"] = (
                own.tokens,
                torch.full_like(own.tokens, -1) if own.pins is None else own.pins,
            )
            if own.relations is not None:
                given["relations"] = own.relations.expand(batch, -1, -1, -1)
        for name, shape in step.inputs.items():
            if name.endswith(("_normal", "_uniform")):
                full = [STEPS, *(sizes[size] if isinstance(size, str) else size for size in shape)]
                given[name] = (torch.rand if name.endswith("_uniform") else torch.randn)(full)
        yield problems, given


def trajectory_of_torch(run: Run, problems: Problems, given: dict[str, Tensor]) -> list[list[Tensor]]:
    """Return logits, states and heads after each step where torch's own draws are those that are given."""
    transitions = [(n, t) for n in range(STEPS) for t in range(run.model.transitions)]
    kinds = [name for name in ("draft_normal", "guidance_normal") if name in given]
    mixture = "draft_uniform" in given
    normal = [
        given[name][n, :, t] for n, t in transitions for name in kinds if not (mixture and name == "draft_normal")
    ]
    components = [given["draft_normal"][n, :, t] for n, t in transitions if mixture]
    chosen = [given["draft_uniform"][n, :, t] for n, t in transitions if mixture]
    normals, each, choices = iter(normal), iter(components), iter(chosen)

    def choose(categorical: Any, _: Any = ()) -> Tensor:
        ends, draw = categorical.probs.cumsum(-1), next(choices)[..., None].contiguous()
        return torch.searchsorted(ends, draw, right=True)[..., 0].clamp(max=ends.shape[-1] - 1)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch.distributions.normal, "_standard_normal", lambda shape, **_: next(normals).view(shape))
        patch.setattr(torch, "normal", lambda loc, scale: loc + scale * next(each)[:, :, None])
        patch.setattr(torch.distributions.Categorical, "sample", choose)
        trace = pyro.poutine.trace(run.model).get_trace(problems, steps=STEPS, supervise="none")
    assert [*normals, *each, *choices] == []
    found = []
    for n in range(1, STEPS + 1):
        sites = (trace.nodes[f"{part}_{n * run.model.transitions}"]["value"] for part in ("high", "low"))
        state = State(*sites)
        judged = [] if run.heads is None else [*run.heads(state.high, problems)]
        found.append([run.model.logits(state), state.high, state.low, *judged])
    return found


def steps_of_export(content: bytes, given: dict[str, Tensor], states: list[list[Tensor]]) -> list[list[Any]]:
    """Return the same of an exported step, the first from nothing, each other from torch's state before it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content)
    feed = {name: part.numpy() for name, part in given.items()}
    noise = {name: feed.pop(name) for name in given if name.endswith(("_normal", "_uniform"))}
    found = []
    for n in range(STEPS):
        feed |= {name: part[n] for name, part in noise.items()}
        feed |= {"step": np.full_like(feed["step"], n), "total": np.full_like(feed["total"], STEPS)}
        found.append(session.run(None, feed))
        feed |= {name: states[n][i].view(given[name].shape).numpy() for i, name in enumerate(("high", "low"), 1)}
    return found


def compare(run: Run, content: bytes) -> None:
    """Run both on problems of three sizes."""
    for problems, given in problems_of(run):
        right = trajectory_of_torch(run, problems, given)
        for expected, outputs in zip(right, steps_of_export(content, given, right), strict=True):
            for a, b in zip(expected, outputs, strict=True):
                torch.testing.assert_close(torch.from_numpy(b).view(a.shape), a, rtol=0, atol=1e-4)


@needs_onnx
@pytest.mark.parametrize("name", shipped_names())
def test_what_is_shipped_is_exported_as_it_is(name: str) -> None:
    run = load_run(name, "cpu")
    compare(run, export.onnx_of(run))


@needs_onnx
@pytest.mark.parametrize(
    ("make", "task", "options"),
    [
        (gram, Coloring(n=5), {"transitions": 2, "draft": "cosine"}),
        (gram, Coloring(n=5, layout="tokens"), {"pooled": True, "core": "shared"}),
        (gram, Digits(), {"core": "flat", "draft": "flow", "receiver": "mixture", "memory": "beside"}),
        (fields, NQueens(n=6), {"draft": "constant"}),
        (fields, Coloring(n=5), {"draft": "flow", "memory": "alone", "guidance": False}),
    ],
    ids=["two transitions", "pooled", "memory and guidance", "kinds of values", "memory on fields"],
)
def test_every_kind_of_recursion_is_exported(make: Callable[..., Run], task: Task, options: dict[str, Any]) -> None:
    run = make(task, **options)
    compare(run, export.onnx_of(run))


@needs_onnx
def test_fields_take_other_numbers_of_values() -> None:
    run = fields(Coloring(n=5), draft="cosine")
    content, other = export.onnx_of(run), Coloring(n=5, k=4)
    with pytest.warns(UserWarning, match="trained with 3 values"):
        compare(run._replace(task=other, model=run.model.fitted(other.spec)), content)


@needs_onnx
def test_the_sampler_of_the_docs_colors_a_graph(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "coloring.onnx"
    export.main(["coloring", "--out", str(path)])
    content = path.read_bytes()
    assert str(Path.home()).encode() not in content and str(DOCS.parent).encode() not in content
    done = subprocess.run([sys.executable, str(SAMPLER), str(path)], capture_output=True, text=True, check=True)
    count, _, total, *_ = done.stdout.split()
    assert total == "20" and int(count) >= 18
    assert len(SAMPLER.read_text().splitlines()) <= 30 and "torch" not in SAMPLER.read_text().partition('"""\n')[2]


@needs_onnx
def test_a_file_says_what_a_sampler_needs() -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(export.onnx_of(fields(Coloring(n=5), draft="flow", receiver="mixture")))
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["steps"] == "4" and metadata["values"] == "3" and metadata["schedule"] == "flow"
    shapes = {part.name: part.shape for part in session.get_inputs()}
    assert shapes["relations"] == ["batch", 1, "length", "length"] and shapes["high"] == [
        "batch",
        "length",
        "values",
        8,
    ]
    assert shapes["draft_uniform"] == ["batch", 1, "length"]
    assert [part.name for part in session.get_outputs()][:4] == ["logits", "next_high", "next_low", "value"]


class Deciding(Gram):
    """Decides by what a tensor holds."""

    def propose(self, state: State, embedded: Tensor, relations: Tensor | None) -> tuple[Tensor, Tensor]:
        if embedded.mean() > 0:
            embedded = -embedded
        return super().propose(state, embedded, relations)


class Drawing(Gram):
    """Draws at a site of its own."""

    def propose(self, state: State, embedded: Tensor, relations: Tensor | None) -> tuple[Tensor, Tensor]:
        noise = pyro.sample("mine", pyro.distributions.Normal(torch.zeros_like(embedded), 1.0).to_event(2))
        return super().propose(state, embedded + noise, relations)


@needs_onnx
@pytest.mark.parametrize(
    ("model", "message"),
    [(Deciding, "untrained cannot be exported: Could not guard"), (Drawing, "no noise is given for the site mine")],
)
def test_a_model_of_ones_own_that_cannot_be_exported_is_refused(model: type[Gram], message: str) -> None:
    task = Coloring(n=5)
    with pytest.raises(UserError, match=message) as refused:
        export.onnx_of(untrained(task, model(task.spec, GramConfig(width=8, heads=2, layers=1, hidden=8))))
    assert "\n" not in str(refused.value)


@needs_onnx
def test_a_step_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "difference", lambda *_: float("nan"))
    with pytest.raises(UserError, match="from torch's, more than 1e-03"):
        export.onnx_of(gram(Coloring(n=5)))


def test_other_models_have_no_step() -> None:
    with pytest.raises(UserError, match="the model Vae has no step to export"):
        Step(Coloring().spec, Vae(Coloring().spec))


@pytest.mark.parametrize("name", export.NEEDS)
def test_without_onnx_it_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"needs onnx, onnxscript, onnxruntime: pip install -e '\.\[export\]'"):
        export.main(["coloring"])


def test_wrong_places_are_refused(tmp_path: Path) -> None:
    for out, message in ((tmp_path, "is a folder; name a file"), (tmp_path / "model.pt", "must end in .onnx")):
        with pytest.raises(UserError, match=message):
            export.main(["coloring", "--out", str(out)])
    with pytest.raises(UserError, match="trained without drafts"):
        export.main(["coloring_gram", "--draft", "flow"])
    assert [*tmp_path.iterdir()] == []
