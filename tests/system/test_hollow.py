"""Modules without numbers, and how they get some."""

from __future__ import annotations

import pytest
import torch

from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS
from gram_pyro.models.heads import Heads
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import build_parts, load_run
from gram_pyro.system.hollow import Hollow, fill

CPU = torch.device("cpu")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("task", ["coloring", "grids", "nqueens", "sudoku"])
def test_parts_are_made_without_numbers_and_filled(model: str, task: str) -> None:
    """No draw, no memory, then the same numbers as the original, in memory of their own."""
    config = recipe(task, model=model)
    state = torch.get_rng_state()
    with Hollow():
        hollow = build_parts(config)
    assert torch.equal(torch.get_rng_state(), state)
    for part, original in zip(hollow, build_parts(config), strict=True):
        assert {tensor.device.type for tensor in part.state_dict().values()} <= {"meta", "cpu"}
        assert all(
            tensor.device.type == "meta" for tensor in part.parameters() if tensor.dim() == 2 and min(tensor.shape) > 8
        )
        given = original.state_dict()
        fill(part, given, CPU)
        for name, tensor in part.state_dict().items():
            assert torch.equal(tensor, given[name]) and tensor.data_ptr() != given[name].data_ptr()


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_and_heads_too(guide: str) -> None:
    config = recipe(
        "coloring", model={"fields": "fields", "encoder": "vae", "forward": "d3pm"}.get(guide, "gram"), guide=guide
    )
    if guide == "diffusion":
        config = recipe("grids")
    with Hollow():
        model, *hollow = build_parts(config)
        hollow += [Heads(config.task.spec, model)] if model.carries else []
    original, *own = build_parts(config)
    own += [Heads(config.task.spec, original)] if original.carries else []
    for part, given in zip(hollow, own, strict=True):
        fill(part, given.state_dict(), CPU)
    assert all(tensor.device == CPU for part in hollow for tensor in part.state_dict().values())


def test_weights_keep_the_type_of_the_module_and_must_fit() -> None:
    with Hollow():
        module = torch.nn.Linear(2, 3)
    fill(module, {"weight": torch.ones(3, 2, dtype=torch.float64), "bias": torch.zeros(3)}, CPU)
    assert module.weight.dtype == torch.float32 and module(torch.ones(2)).tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="size mismatch"):
        fill(module, {"weight": torch.ones(2, 2), "bias": torch.zeros(3)}, CPU)
    with pytest.raises(RuntimeError, match="Missing key"):
        fill(module, {"weight": torch.ones(3, 2)}, CPU)


def test_a_run_is_loaded_without_a_draw() -> None:
    state = torch.get_rng_state()
    run = load_run("coloring_gram", "cpu")
    assert torch.equal(torch.get_rng_state(), state) and run.heads is not None
    for part in (run.model, run.guide, run.heads):
        assert not part.training and not any(weight.requires_grad or weight.is_meta for weight in part.parameters())
