"""What trains when a task is named, with and without a model and a guide."""

from __future__ import annotations

import pytest

from gram_pyro.guides import DiffusionGuide
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.training_config import TrainingConfig


@pytest.mark.parametrize("task", ["sudoku", "grids"])
def test_sudoku_trains_drafts_unless_a_part_is_named(task: str) -> None:
    for config in (recipe(task), recipe(task, guide="diffusion")):
        assert (config.model_name, config.guide) == ("fields", "diffusion")
        assert config.model.draft == "cosine" and not config.model.guidance
        wanted = {**DiffusionGuide.recipe, "depth": config.training.depth}
        assert {name: getattr(config.training, name) for name in wanted} == wanted


@pytest.mark.parametrize("task", ["sudoku", "grids"])
@pytest.mark.parametrize("parts", [{"model": "gram"}, {"guide": "gaussian"}, {"model": "gram", "guide": "gaussian"}])
def test_named_parts_train_as_they_want(task: str, parts: dict[str, str]) -> None:
    config, usual = recipe(task, **parts), TrainingConfig()
    assert (config.model_name, config.guide, config.model.draft) == ("gram", "gaussian", "none")
    for name in ("horizon", "shortest", "depth", "prior_fraction", "learning_rate"):
        assert getattr(config.training, name) == getattr(usual, name), name
    assert config.training.kl_target is not None


def test_fields_by_name_have_their_own_guide_and_no_drafts() -> None:
    config = recipe("sudoku", model="fields")
    assert (config.model_name, config.guide, config.model.draft) == ("fields", "fields", "none")


def test_the_papers_sudoku_is_gram() -> None:
    assert recipe("sudoku", "paper").model_name == recipe("grids", "paper").model_name == "gram"
