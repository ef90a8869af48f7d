"""What every model promises, on every task; and what each baseline alone must do."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine
from pyro.poutine.messenger import Messenger
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES
from gram_pyro.inference.config import SamplingConfig
from gram_pyro.inference.sampling import sample
from gram_pyro.models import MODELS, Autoregressive, Hrm, Looped, Model, Trm
from gram_pyro.models.base import State
from gram_pyro.models.gram import GramConfig
from gram_pyro.models.layers import Block
from gram_pyro.models.transformer import TransformerConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.config import config_of
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring, NQueens, Sudoku, Task
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.pool import Pool
from gram_pyro.testing import check_model
from gram_pyro.training.trainer import Trainer

TASKS: dict[str, Task] = {
    "coloring": Coloring(n=5),
    "coloring-tokens": Coloring(n=5, layout="tokens"),
    "nqueens": NQueens(n=5, removed=(3,)),
    "nqueens-tokens": NQueens(n=5, removed=(3,), layout="tokens"),
    "sudoku": Sudoku(),
}
SMALL: dict[str, Any] = {"width": 16, "heads": 2, "layers": 2, "hidden": 16}
DETERMINISTIC = ("looped", "trm", "hrm", "direct")
ON_TASKS = [(name, task) for task in TASKS for name in MODELS if name != "fields" or not task.endswith("tokens")]
over_models = pytest.mark.parametrize("name", MODELS)
over_both = pytest.mark.parametrize(("name", "task_name"), ON_TASKS)


def made(name: str, task: Task, seed: int = 0) -> tuple[Model, Any]:
    """A small model with the guide that it asks for."""
    torch.manual_seed(seed)
    model: Model = MODELS[name](task.spec, config_of(name)(**SMALL))
    return model, GUIDES[model.guide](task.spec, model)


def examples(task: Task, count: int = 6) -> tuple[Problems, Tensor]:
    drawn = Pool(task, task.generate("train", 4, 0)).draw(count, torch.Generator().manual_seed(0))
    return drawn.problems, drawn.targets


@over_both
def test_the_contract_is_kept(name: str, task_name: str) -> None:
    check_model(lambda spec: MODELS[name](spec, config_of(name)(**SMALL)), TASKS[task_name])


@over_both
def test_a_model_trains_samples_and_scores_every_position_once(name: str, task_name: str) -> None:
    task = TASKS[task_name]
    model, guide = made(name, task)
    x, y = examples(task)
    length = x.tokens.shape[1]
    config = replace(recipe("coloring", model=name).training, batch=6, updates=3, warmup=0)
    trainer = Trainer(model, guide, Pool(task, task.generate("train", 4, 0)), config, 3)
    for _ in range(3):
        assert math.isfinite(trainer.update().loss)
    terms = TruncatedTrace_ELBO(None).terms(model, guide, x, y, steps=2, supervise="last")
    scored = torch.zeros_like(y)
    for site_name, site in terms.trace.nodes.items():
        if site["type"] == "sample" and site["is_observed"] and not site["infer"].get("_deterministic"):
            first = int(site_name.removeprefix("token_")) - 1 if site_name.startswith("token_") else 0
            scored[:, first : first + site["value"].shape[1]] += site["value"] >= 0
    assert torch.equal(scored, (y >= 0).long())
    assert (terms.log_likelihood < 0).all() and (terms.kl >= 0).all()
    drawn = sample(model, x, 3, (1, 2), 0)
    assert drawn.decoded.shape == (2, 6, 3, length)
    assert drawn.decoded.min() >= 0 and drawn.decoded.max() < task.spec.classes


@over_models
def test_equal_seeds_draw_equal_samples(name: str) -> None:
    task = TASKS["coloring"]
    model, _ = made(name, task)
    x, _ = examples(task)
    first, second = (sample(model, x, 4, (3,), 5).decoded for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("task_name", ["coloring", "nqueens"])
def test_a_deterministic_model_gives_one_answer_however_often_it_is_asked(name: str, task_name: str) -> None:
    task = TASKS[task_name]
    model, _ = made(name, task, seed=7)  # untrained weights of some seeds prefer one value so much that no draw matters
    x, _ = examples(task)
    decoded = sample(model, x, 20, (4,), 0).decoded[0]
    distinct = [len(set(map(tuple, rows))) for rows in decoded.tolist()]
    repeated = model(x.select(torch.zeros(20, dtype=torch.long)), steps=4, supervise="last").answers
    for most in (max(distinct), len(set(map(tuple, repeated.tolist())))):
        assert (most == 1) == (name in DETERMINISTIC)


@pytest.mark.parametrize("name", ["trm", "looped", "hrm"])
@pytest.mark.parametrize(
    "method", [SamplingConfig(noise=3.0), SamplingConfig(random_start=True), SamplingConfig(categorical=True)]
)
def test_naive_stochasticity_makes_answers_differ(name: str, method: SamplingConfig) -> None:
    task = TASKS["nqueens"]
    model, _ = made(name, task)
    x, _ = examples(task)
    decoded = sample(model, x, 20, (1,), 0, method=method).decoded[0]
    assert max(len(set(map(tuple, rows))) for rows in decoded.tolist()) > 1


def test_answers_are_drawn_with_the_decoders_probabilities() -> None:
    task = TASKS["coloring"]
    model, _ = made("direct", task)
    x, _ = examples(task, 1)
    decoded = sample(model, x, 4000, (1,), 0, method=SamplingConfig(categorical=True)).decoded[0, 0]
    expected = model(x).logits[0].softmax(-1)
    frequency = torch.nn.functional.one_hot(decoded, 3).double().mean(0)
    torch.testing.assert_close(frequency, expected.double(), rtol=0, atol=0.03)


@pytest.mark.parametrize("name", ["direct", "ar", "mdlm"])
@pytest.mark.parametrize(
    "method", [SamplingConfig(noise=1.0), SamplingConfig(random_start=True), SamplingConfig(repel=1.0)]
)
def test_what_needs_a_carried_state_is_refused_by_models_without(name: str, method: SamplingConfig) -> None:
    model, _ = made(name, TASKS["coloring"])
    x, _ = examples(TASKS["coloring"])
    with pytest.raises(UserError, match=f"{type(model).__name__} carries no latent state"):
        sample(model, x, 2, (1,), 0, method=method)


def test_noise_comes_before_every_step_and_an_answer_after_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = made("trm", TASKS["coloring"])
    x, _ = examples(TASKS["coloring"])
    entered, left, decoded = [], [], []
    propose, decode = model.propose, model.decode

    def spied(state: State, *rest: Any) -> tuple[Tensor, Tensor]:
        entered.append(state.high)
        left.append(propose(state, *rest))
        return left[-1]

    monkeypatch.setattr(model, "propose", spied)
    monkeypatch.setattr(model, "decode", lambda high: decode(high) if decoded.append(high) is None else high)
    sample(model, x, 8, (1, 3), 0, method=SamplingConfig(noise=0.5))
    start = model.initial_state(8 * len(x.tokens), x.tokens.shape[1]).high
    for before, after in zip([start, *(high for high, _ in left)], entered, strict=False):
        assert (after - before).std().item() == pytest.approx(0.5, rel=0.05)
    assert len(entered) == 3 and all(map(torch.equal, decoded, [high for high, _ in left]))


@over_models
def test_a_model_without_configuration_takes_its_own(name: str) -> None:
    model: Any = MODELS[name](TASKS["coloring"].spec)
    assert model.config == config_of(name)()


def test_the_cores_have_as_many_networks_as_they_say() -> None:
    task = TASKS["coloring"]
    sizes = {name: sum(p.numel() for p in made(name, task)[0].parameters()) for name in ("looped", "trm", "hrm")}
    assert sizes["looped"] == sizes["trm"] < sizes["hrm"]
    for kind, expected in ((Looped, 4), (Trm, 6), (Hrm, 6)):
        model, _ = made(kind.__name__.lower(), task)
        assert blocks_run(model, *examples(task)) == model.blocks == expected


def blocks_run(model: Model, *inputs: Any) -> int:
    """How often a run of the model goes through a block."""
    calls: list[int] = []
    for module in model.modules():
        if isinstance(module, Block):
            module.register_forward_hook(lambda *_: calls.append(1))
    model(*inputs)
    return len(calls)


def test_the_price_of_a_model_without_recursion_is_its_layers() -> None:
    for name in ("direct", "ar", "mdlm"):
        model, _ = made(name, TASKS["coloring"])
        assert blocks_run(model, *examples(TASKS["coloring"])) == model.blocks == 2


# Autoregressive


def all_answers(classes: int, length: int) -> Tensor:
    return torch.tensor(list(itertools.product(range(classes), repeat=length)))


@pytest.mark.parametrize("layout", ["relations", "tokens"])
@settings(max_examples=10)
@given(seed=st.integers(0, 1000), n=st.integers(2, 4))
def test_the_likelihoods_of_all_answers_sum_to_one(layout: Any, seed: int, n: int) -> None:
    task = Coloring(n=n, layout=layout)
    torch.manual_seed(seed)
    model = Autoregressive(task.spec, TransformerConfig(16, 2, 2, 16))
    x = task.encode([nx.gnp_random_graph(n, 0.5, seed=seed)])
    answers = all_answers(3, n)
    padded = torch.nn.functional.pad(answers, (0, x.tokens.shape[1] - n), value=-1)
    many = x.select(torch.zeros(len(answers), dtype=torch.long))
    terms = TruncatedTrace_ELBO(None).terms(model, GUIDES["empty"](task.spec, model), many, padded)
    assert terms.log_likelihood.double().exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("task_name", ["coloring", "coloring-tokens", "nqueens"])
def test_the_cache_tells_what_the_whole_sequence_tells(task_name: str) -> None:
    task = TASKS[task_name]
    model, _ = made("ar", task)
    x, _ = examples(task)
    drawn = model(x)
    again = model(x, drawn.answers)
    torch.testing.assert_close(drawn.logits, again.logits)


def test_a_slot_sees_only_what_was_told_before_it() -> None:
    task = TASKS["nqueens"]
    model, _ = made("ar", task)
    x, y = examples(task)
    before = model(x, y).logits
    for place in (0, 7, 24):
        changed = y.clone()
        changed[:, place] = 1 - changed[:, place]
        moved = (model(x, changed).logits - before).abs().amax((0, 2))
        assert (moved[: place + 1] == 0).all() and (place == 24 or moved[place + 1] > 0)


def test_an_odd_number_of_layers_cannot_be_halved() -> None:
    with pytest.raises(UserError, match="must be even, not 3"):
        Autoregressive(TASKS["coloring"].spec, TransformerConfig(layers=3))


# Steps that are planned, or none


def test_a_deeper_run_is_planned_anew() -> None:
    """Samples at one depth do not depend on which others are asked for beside it, up to the noise before."""
    task = TASKS["coloring"]
    model, _ = made("mdlm", task)
    x, _ = examples(task)
    alone = sample(model, x, 3, (2,), 0)
    both = sample(model, x, 3, (2, 5), 0)
    assert torch.equal(alone.decoded[0], both.decoded[0])
    assert both.spent.unique(dim=1)[:, 0, 0].tolist() == [2, 5]


def test_a_model_without_steps_is_run_once() -> None:
    task = TASKS["coloring"]
    model, _ = made("ar", task)
    x, _ = examples(task)
    drawn = sample(model, x, 3, (1, 8), 0)
    assert torch.equal(drawn.decoded[0], drawn.decoded[1]) and (drawn.spent == 1).all()


# Training without deep supervision


def test_without_deep_supervision_an_update_is_a_whole_trajectory() -> None:
    task = TASKS["coloring"]
    model = Looped(task.spec, MODELS["looped"].Config(**SMALL))  # type: ignore[attr-defined]
    config = TrainingConfig(
        batch=6, depth=4, horizon=4, deep_supervision=False, prior_fraction=0.0, kl_target=None, updates=2
    )
    training_set = Pool(task, task.generate("train", 4, 0))
    trainer = Trainer(model, GUIDES["empty"](task.spec, model), training_set, config, 2)
    calls: list[bool] = []
    assert trainer.steps == 4
    model.high_network.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    first = trainer.carry.examples.targets.clone()
    trainer.update()
    assert calls == [True] * 8
    assert not torch.equal(first, trainer.carry.examples.targets)
    terms = trainer.elbo.terms(model, trainer.guide, *examples(task), steps=4, supervise="last")
    assert [name for name in terms.trace.nodes if name.startswith("y_")] == ["y_4"]


def test_a_preset_gives_a_baseline_its_sizes() -> None:
    trm = recipe("nqueens", "paper", "trm")
    assert trm.guide == "empty" and trm.training.kl_target is None
    assert trm.model == replace(recipe("nqueens", "paper").model, core="shared", guidance=False) or (
        trm.model.width,
        trm.model.refinements,
        trm.model.core,
        trm.model.guidance,
    ) == (512, 4, "shared", False)
    direct = recipe("nqueens", "paper", "direct").model
    assert (direct.width, direct.heads, direct.hidden, direct.layers) == (512, 8, 512, 8)


def test_without_mean_or_variance_the_prior_is_what_is_left() -> None:
    task = TASKS["coloring"]
    x, _ = examples(task)
    for mean, variance in itertools.product((True, False), repeat=2):
        torch.manual_seed(0)
        model = MODELS["gram"](task.spec, GramConfig(**SMALL, mean=mean, variance=variance))
        site = poutine.trace(model).get_trace(x).nodes["guidance_1"]["fn"].base_dist
        assert (site.loc == 0).all() != mean
        assert (site.scale == 0.01).all() != variance


# Puzzle embeddings


@pytest.mark.parametrize("name", ["gram", "direct", "mdlm", "ar"])
def test_problems_of_a_group_share_an_embedding(name: str) -> None:
    """It moves what the decoder says, trains with its own problems alone, and counts for nothing without a group."""
    task = TASKS["coloring"]
    assert made(name, task)[0].group_embedding is None
    torch.manual_seed(0)
    model: Any = MODELS[name](task.spec._replace(groups=4), config_of(name)(**SMALL))
    guide = GUIDES[model.guide](task.spec, model)
    x, y = examples(task, 1)
    x, y = x.select(torch.zeros(3, dtype=torch.long)), y.repeat(3, 1)
    grouped = x._replace(group=torch.tensor([1, 3, 1]))

    def logits(problems: Problems) -> Tensor:
        site = "token_2" if name == "ar" else "y_1"
        with NoNoise():
            trace = poutine.trace(model).get_trace(problems, y[: len(problems.tokens)], supervise="last")
        found: Tensor = trace.nodes[site]["fn"].logits
        return found.flatten(1)

    found = logits(grouped)
    torch.testing.assert_close(found[0], found[2])
    assert (found[0] - found[1]).abs().max() > 1e-3
    torch.testing.assert_close(logits(grouped.select(torch.tensor([1, 0]))), found[:2].flip(0))
    plain = logits(x)
    torch.testing.assert_close(plain[0], plain[1])
    assert (plain[0] - found[0]).abs().max() > 1e-3
    TruncatedTrace_ELBO(1).terms(model, guide, grouped, y).loss.backward()
    moved = (model.group_embedding.weight.grad != 0).any(1)
    assert moved.tolist() == [False, True, False, True]
    assert sample(model, grouped, 2, (1,), 0).decoded.shape == (1, 3, 2, y.shape[1])


class NoNoise(Messenger):
    """The same draws for all problems: means of what is Gaussian, one order for all."""

    def _pyro_sample(self, msg: Any) -> None:
        if msg["name"].startswith("guidance"):
            msg["value"], msg["done"] = msg["fn"].mean, True
        if msg["name"] == "order":
            msg["value"], msg["done"] = msg["fn"].places.expand(msg["fn"].shape()), True
