"""What trains when a task is named, with and without a model and a guide."""

from __future__ import annotations

import pytest

from gram_pyro.guides import DiffusionGuide
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.train_options import configured
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import NQueens


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


def test_digits_train_drafts_on_gram() -> None:
    config = recipe("digits")
    assert (config.model_name, config.guide, config.task_name) == ("gram", "diffusion", "digits")
    assert (config.model.draft, config.model.memory, config.model.guidance) == ("flow", "alone", False)
    assert config.training.kl_target is None and config.training.prior_fraction == config.training.draft_weight == 0


def test_fields_by_name_have_their_own_guide_and_no_drafts() -> None:
    config = recipe("sudoku", model="fields")
    assert (config.model_name, config.guide, config.model.draft) == ("fields", "fields", "none")


def test_the_papers_sudoku_is_gram() -> None:
    assert recipe("sudoku", "paper").model_name == recipe("grids", "paper").model_name == "gram"


@pytest.mark.parametrize(
    ("options", "beta", "updates", "refinements", "ema"),
    [
        ("coloring", 0.5, 80_000, 4, 0.9999),
        ("coloring --task.n 10", 0.45, 80_000, 4, 0.9999),
        ("nqueens", 0.07, 48_000, 4, 0.9999),
        ("nqueens --task.n 10", 0.045, 16_000, 4, 0.9999),
        ("nqueens --task.n=10 --beta 0.2", 0.2, 16_000, 4, 0.9999),
        ("nqueens --task.n 10 --minutes 3", 0.045, None, 4, 0.9999),
        ("nqueens --task.n 9", 0.07, 48_000, 4, 0.9999),
        ("sudoku", 0.1, 80_000, 6, 0.9999),
        ("grids", 0.05, 80_000, 6, 0.999),
    ],
)
def test_the_papers_training_goes_with_task_and_size(
    options: str, beta: float, updates: int | None, refinements: int, ema: float
) -> None:
    config, _ = configured(["--preset", "paper", "--task", *options.split()])
    training = config.training
    assert (training.beta, training.updates, training.ema) == (beta, updates, ema)
    assert (config.model.refinements, config.model.transitions, config.model.width) == (refinements, 3, 512)
    assert (training.kl_transitions, training.kl_target, training.prior_fraction) == ("last", None, 0)
    if config.task_name in ("coloring", "nqueens"):
        assert config.task.layout == "tokens" and config.task.spec.positions == "1d"


def test_the_papers_problems() -> None:
    sizes = {n: configured(["--preset", "paper", "--task.n", str(n)])[0].training.problems for n in (8, 10)}
    assert sizes == {8: 7_002, 10: 13_465}
    assert not recipe("grids", "paper").task.augmented and recipe("grids", "paper").training.problems == 50_000
    assert recipe(NQueens(n=10), "paper").training.beta == 0.045
    assert recipe("nqueens").training == recipe(NQueens(n=10)).training
