"""The configuration of a run: stored and read back, it is the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gram_pyro.errors import UserError
from gram_pyro.models import GramConfig
from gram_pyro.runs.config import FORMAT, RunConfig, from_json, to_json
from gram_pyro.runs.machine import MachineConfig
from gram_pyro.runs.recipes import RECIPES, recipe
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring

counts = st.integers(1, 10**6)
sizes = st.integers(1, 4096)
parts = st.floats(0.01, 0.99)
rates = st.floats(1e-8, 10)

tasks = st.builds(
    Coloring,
    n=st.integers(2, 99),
    k=st.integers(2, 8),
    edge_probability=st.lists(parts, min_size=1, max_size=4).map(tuple),
    layout=st.sampled_from(["relations", "tokens"]),
    names=st.sampled_from(["random", "canonical"]),
    positions=st.booleans(),
)
models = st.builds(
    lambda heads, times, **others: GramConfig(width=2 * heads * times, heads=heads, **others),
    heads=st.integers(1, 16),
    times=st.integers(1, 16),
    layers=st.integers(1, 1024),
    hidden=sizes,
    refinements=sizes,
    transitions=sizes,
    core=st.sampled_from(["hierarchical", "flat"]),
    guidance=st.booleans(),
)
trainings = st.builds(
    TrainingConfig,
    updates=st.none() | counts,
    minutes=rates,
    batch=sizes,
    evaluations=st.integers(1, 1000),
    depth=sizes,
    prior_fraction=parts,
    problems=counts,
    horizon=sizes,
    kl_transitions=st.sampled_from(["last", "all"]),
    beta=rates,
    kl_target=st.none() | rates,
    kl_target_start=rates,
    kl_decay=parts,
    kl_rate=rates,
    kl_tilt=rates,
    balance=st.none() | parts,
    learning_rate=rates,
    warmup=counts,
    final_rate=parts,
    weight_decay=parts,
    clip=rates,
    ema=parts,
    seed=st.integers(0, 2**62),
)
machines = st.builds(
    MachineConfig,
    device=st.sampled_from(["auto", "cpu", "cuda", "cuda:1"]),
    compile=st.sampled_from(["auto", "on", "graphs", "off"]),
    precision=st.sampled_from(["auto", "float32", "bfloat16"]),
    threads=st.integers(0, 999),
)
configs = st.builds(
    RunConfig, task=tasks, model=models, training=trainings, machine=machines, guide=st.sampled_from(["gaussian", "ü"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configs)
def test_round_trip(tmp_path: Path, config: RunConfig) -> None:
    path = tmp_path / "config.json"
    path.write_text(to_json(config), encoding="utf-8")
    assert from_json(path) == config
    assert to_json(from_json(path)) == to_json(config)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_round_trip(tmp_path: Path, name: tuple[str, str]) -> None:
    config = recipe(*name)
    (tmp_path / "config.json").write_text(to_json(config), encoding="utf-8")
    assert from_json(tmp_path / "config.json") == config == RECIPES[name]


def test_every_field_is_stored() -> None:
    stored = json.loads(to_json(RECIPES["coloring", "cpu"]))
    assert stored["format"] == FORMAT
    kinds = {"task": Coloring, "model": GramConfig, "training": TrainingConfig, "machine": MachineConfig}
    for part, kind in kinds.items():
        assert set(stored[part]) == {field.name for field in dataclasses.fields(kind)}


def test_older_files_get_the_defaults_of_newer_fields(tmp_path: Path) -> None:
    stored = json.loads(to_json(RECIPES["coloring", "cpu"]))
    del stored["training"]["seed"], stored["machine"]["threads"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert from_json(tmp_path / "config.json") == RECIPES["coloring", "cpu"]


def test_format_1_is_read_in_the_words_of_format_2(tmp_path: Path) -> None:
    config = recipe("nqueens", model="gram", guide="lookahead")
    training = dataclasses.replace(config.training, prior_fraction=0.25, kl_transitions="last")
    config = dataclasses.replace(config, training=training, task=dataclasses.replace(config.task, augmented=False))
    stored = json.loads(to_json(config))
    stored |= {"format": 1, "guide": "backward"}
    for part, now, before in (
        ("task", "augmented", "augment"),
        ("training", "prior_fraction", "free"),
        ("training", "kl_transitions", "charge"),
    ):
        stored[part][before] = stored[part].pop(now)
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert from_json(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (TrainingConfig, {"batch": 0}),
        (TrainingConfig, {"depth": 0}),
        (TrainingConfig, {"horizon": 0}),
        (TrainingConfig, {"problems": 0}),
        (TrainingConfig, {"updates": 0}),
        (TrainingConfig, {"minutes": 0.0}),
        (TrainingConfig, {"minutes": float("nan")}),
        (TrainingConfig, {"minutes": float("inf")}),
        (TrainingConfig, {"seed": -1}),
        (TrainingConfig, {"learning_rate": -1.0}),
        (TrainingConfig, {"learning_rate": float("nan")}),
        (TrainingConfig, {"weight_decay": -1.0}),
        (TrainingConfig, {"clip": 0.0}),
        (TrainingConfig, {"beta": -1.0}),
        (TrainingConfig, {"kl_target": 0.0}),
        (TrainingConfig, {"kl_rate": float("nan")}),
        (TrainingConfig, {"ema": 2.0}),
        (TrainingConfig, {"balance": 7.0}),
        (TrainingConfig, {"prior_fraction": 1.5}),
        (TrainingConfig, {"warmup": -1}),
        (GramConfig, {"width": 0}),
        (GramConfig, {"width": -8}),
        (GramConfig, {"width": 10}),
        (GramConfig, {"heads": 0}),
        (GramConfig, {"layers": 0}),
        (GramConfig, {"transitions": 0}),
        (Coloring, {"n": 1}),
        (Coloring, {"edge_probability": ()}),
        (Coloring, {"edge_probability": (1.0,)}),
    ],
)
def test_impossible_values_are_refused(kind: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(UserError) as error:
        kind(**fields)
    assert next(iter(fields)).replace("_", " ") in str(error.value).replace("_", " ") or "edge" in str(error.value)
