"""The table of what draws from nothing: measures, the best member of each family, baselines, a figure."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro import compare
from gram_pyro.comparison import generation
from gram_pyro.comparison.config import members_of
from gram_pyro.comparison.entry import Result
from gram_pyro.comparison.figures import draw_bounds
from gram_pyro.comparison.generation import bound_at, family_rows, generation_markdown, independent_nats
from gram_pyro.comparison.systems import FAMILIES, GENERATION, PEERS, training_options
from gram_pyro.errors import Diverged
from gram_pyro.models import MODELS
from gram_pyro.runs.store import build_parts, parameters_of
from gram_pyro.runs.train_options import configured
from gram_pyro.training import validation

SMALL = ["--model.width", "16", "--model.hidden", "16", "--model.layers", "2"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("generation")
    told = "--generation --task digits --models trm ar-1 ar-1-fast --minutes 0.01 --problems 4 --samples 6 --threads 1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "PROBLEMS", 8)
        patch.setattr(generation, "STEPS", (8, 20))
        patch.setattr("gram_pyro.comparison.entry.training_options", lambda *args: [*training_options(*args), *SMALL])
        compare.main([*told.split(), "--device", "cpu", "--out", str(out)])
        yield out


def test_a_table_of_what_draws_from_nothing(compared: Path) -> None:
    trm, ar, pixels, real = json.loads((compared / "generation-digits.json").read_text())
    assert [each["steps"] for each in trm["elbo"]] == [8, 20] and [each["steps"] for each in ar["elbo"]] == [None]
    assert [each["steps"] for each in trm["samples"]] == [16, 20] and [each["steps"] for each in ar["samples"]] == [1]
    assert trm["samples"][0]["distinct"] == pytest.approx(1 / 6) and ar["samples"][0]["distinct"] > 0.5
    assert ar["bound"] == pytest.approx(ar["elbo"][0]["nll"], rel=0.02)  # both are exact
    assert 20 < pixels["elbo"][0]["nll"] < 30 and not real["elbo"]
    assert real["samples"][0]["confident"] > 0.8 and real["samples"][0]["images"] == pixels["samples"][0]["images"] == 6
    for row in (trm, ar):
        assert row["updates"] >= 1 and row["minutes"] > 0 and row["samples"][0]["seconds"] > 0
        assert {"frechet", "score", "least", "most", "copied", "nearest"} <= {*row["samples"][0]}
    lines = (compared / "generation-digits.md").read_text().splitlines()
    assert len(lines) == 6 and {line.count("|") for line in lines} == {11}
    assert (compared / "generation-digits.png").stat().st_size > 10_000


def test_a_family_is_its_best_member_on_validation_images(compared: Path) -> None:
    row = json.loads((compared / "generation-digits.json").read_text())[1]
    runs = json.loads((compared / "generation-digits-runs.json").read_text())
    unseen = {run["entry"]["name"]: run["validation"]["nll"] for run in runs}
    assert row["members"] == 2 and row["member"] == min(("ar-1", "ar-1-fast"), key=unseen.__getitem__)


def result(name: str, unseen: float, test: float, rate: float = 1e-3) -> Result:
    return {
        "entry": {"name": name}, "parameters": 1000, "minutes": 4.0, "updates": 10, "rate": rate,
        "validation": {"nll": unseen}, "elbo": [{"steps": steps, "nll": test + steps} for steps in (8, 16, 64, 256)],
        "likelihood": {"nll": test}, "rows": [{"steps": 64, "frechet": 12.34}],
    }  # fmt: skip


def test_test_images_choose_nothing() -> None:
    rows = family_rows([result("vae-1", 20, 30), result("vae-10-fast", 19, 40, 3e-3), result("ar-1", 5, 15)])
    assert [(row["member"], row["members"], row["rate"]) for row in rows] == [
        ("vae-10-fast", 2, 3e-3),
        ("ar-1", 1, 1e-3),
    ]
    lines = generation_markdown(rows).splitlines()
    assert lines[2] == "| VAE, best of 2 | 1,000 | 0.003 | 4.0 | 48.00 / 104.00 / 296.00 | 40.00 | 12.3 | - | - | - |"
    assert lines[3].startswith("| autoregressive Transformer | 1,000 | 0.001 |")


def test_a_family_stands_for_its_members() -> None:
    assert {"vae-1", "vae-1-fast", "vae-10", "vae-50-fast"} < {*members_of(["vae"], GENERATION)}
    assert members_of(["gram-drafts", "ar-10"], GENERATION) == ["gram-drafts", "ar-10"]
    assert [len(members_of([family], GENERATION)) for family in FAMILIES] == [1] * 5 + [6] * 5


@pytest.mark.parametrize("family", FAMILIES)
def test_every_size_is_about_as_large_as_it_says(family: str) -> None:
    ours = parameters("gram-drafts")
    for name in members_of([family], GENERATION):
        assert GENERATION[name].model in MODELS
        if family in PEERS:
            assert 0.7 < parameters(name) / ours / int(name.removesuffix("-fast").split("-")[-1]) < 1.5


def parameters(name: str) -> int:
    config, _ = configured([*training_options(GENERATION[name], "digits", "relations"), "--updates", "1"])
    assert config.training.batch == 64 and config.training.learning_rate in (1e-3, 2e-3, 3e-3)
    return parameters_of(build_parts(config)[0])


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=9))
def test_nats_of_independent_pixels_are_those_of_a_distribution(train: list[tuple[bool, ...]]) -> None:
    images = [np.array([image]) for image in itertools.product((False, True), repeat=3)]
    nats = [independent_nats(np.array(train), image) for image in images]
    assert sum(math.exp(-each) for each in nats) == pytest.approx(1)
    assert independent_nats(np.array(train), np.concatenate(images)) == pytest.approx(np.mean(nats))


def test_a_bound_that_is_not_finite_is_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(nll=math.nan, standard_error=None)
    monkeypatch.setattr(generation, "bound", lambda *_: found)
    run: Any = SimpleNamespace(task=None, model=None, guide=None, name="a test")
    with pytest.raises(Diverged, match="the model of a test gives numbers that are not finite"):
        bound_at(run, [], 8)


def test_a_figure_without_steps_is_drawn(tmp_path: Path) -> None:
    level = {"model": "VAE", "parameters": 1000, "elbo": [{"steps": None, "nll": 20.0}]}
    draw_bounds([level, {"model": "real images", "elbo": []}], tmp_path / "bounds.png")
    assert (tmp_path / "bounds.png").exists()
