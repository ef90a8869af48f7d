"""Pyro's own tools on the programs of the library."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import networkx as nx
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO, TraceMeanField_ELBO
from pyro.infer.autoguide import AutoDelta, AutoNormal
from torch import Tensor

from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.guides import GUIDES, Guide
from gram_pyro.models import MODELS
from gram_pyro.models.base import Model
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.config import config_of
from gram_pyro.tasks import Coloring

TASK = Coloring(n=4)
GRAPHS = [nx.cycle_graph(4), nx.path_graph(4), nx.star_graph(3)]
X = TASK.encode(GRAPHS)
Y = torch.stack([TASK.targets(graph)[0] for graph in GRAPHS])
SMALL = {"width": 8, "heads": 2, "layers": 2, "hidden": 8}
STEERING = [name for name in GUIDES if name not in ("empty", "fields", "diffusion", "encoder", "forward")]
CARRIED = [name for name, kind in MODELS.items() if kind.recursion == "carried"]


def pair(name: str = "gram", guide: str | None = None, **config: Any) -> tuple[Model, Guide]:
    torch.manual_seed(0)
    model: Model = MODELS[name](TASK.spec, config_of(name)(**SMALL | config))
    return model, GUIDES[guide or model.guide](TASK.spec, model)


@pytest.fixture(params=[False, True], ids=["global", "local"])
def _parameters(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where Pyro keeps the parameters of modules."""
    with pyro.settings.context(module_local_params=request.param):
        yield


# SVI and the module form


@pytest.mark.usefixtures("_parameters")
@pytest.mark.parametrize(
    ("model_name", "guide_name"), [*((name, None) for name in MODELS), *(("gram", name) for name in STEERING)]
)
def test_every_parameter_moves_by_svi_and_by_the_module_alike(model_name: str, guide_name: str | None) -> None:
    """Equal losses and equal parameters: none is missing from either."""
    made, losses = [], []
    elbo = TruncatedTrace_ELBO(1, kl_transitions="all")
    for form in ("svi", "module"):
        model, guide = pair(model_name, guide_name)
        context = guide.side_information(TASK, GRAPHS, Y)
        before = copy.deepcopy([*model.parameters(), *guide.parameters()])
        torch.manual_seed(1)
        if form == "svi":
            svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-2}), elbo)
            losses.append([svi.step(X, Y, steps=2, **context) for _ in range(4)])
        else:
            module = elbo(model, guide)
            optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
            losses.append([])
            for _ in range(4):
                optimizer.zero_grad()
                loss = module(X, Y, steps=2, **context)
                loss.backward()
                optimizer.step()
                losses[-1].append(loss.item())
        after = [*model.parameters(), *guide.parameters()]
        assert len(after) > 3 and not any(torch.equal(old, new) for old, new in zip(before, after, strict=True))
        made.append(after)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for left, right in zip(*made, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


# Particles side by side


@pytest.mark.parametrize("guide_name", STEERING)
@pytest.mark.parametrize("config", [{}, {"pooled": True}, {"core": "flat"}], ids=str)
def test_particles_side_by_side_are_those_of_single_runs(guide_name: str, config: dict[str, Any]) -> None:
    """Densities of each particle and problem under model and guide, one problem without an answer."""
    _, guide = pair("gram", guide_name, **config)
    for parameter in guide.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    context = guide.side_information(TASK, GRAPHS, Y)
    targets = Y.where(torch.tensor([[True], [False], [True]]), -1)

    def run() -> tuple[dict[str, Tensor], Tensor, Tensor]:
        torch.manual_seed(1)  # a pilot draws first
        guide(X, targets, steps=2, **context)
        traces = guide.get_traces()
        for each in traces:
            each.compute_log_prob()
        values = {name: site["value"] for name, site in traces[1].nodes.items()}
        return values, *(sum(site["log_prob"] for site in each.nodes.values() if "log_prob" in site) for each in traces)

    with torch.no_grad():
        with pyro.plate("particles", 4, dim=-2):
            values, model_log_prob, guide_log_prob = run()
        assert values["guidance_2"].shape[:2] == model_log_prob.shape == (4, 3)
        assert (values["guidance_1"][0] != values["guidance_1"][1]).all()
        for particle in range(4):
            with SubstituteMessenger({name: value[particle] for name, value in values.items()}):
                _, mine, theirs = run()
            torch.testing.assert_close(mine, model_log_prob[particle], rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(theirs, guide_log_prob[particle].expand(3), rtol=1e-4, atol=1e-4)


def test_vectorized_particles_train_model_and_guide() -> None:
    model, guide = pair()
    before = copy.deepcopy([*model.parameters(), *guide.parameters()])
    elbo = TraceMeanField_ELBO(num_particles=3, vectorize_particles=True, max_plate_nesting=1)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-2}), elbo)
    for _ in range(3):
        svi.step(X, Y, steps=2)
    after = [*model.parameters(), *guide.parameters()]
    assert not any(torch.equal(old, new) for old, new in zip(before, after, strict=True))


# Predictive


@pytest.mark.parametrize("name", [*CARRIED, "direct"])
def test_parallel_and_sequential_predictions_agree(name: str) -> None:
    """Shapes, the recursion on equal noise, and the frequencies of answers."""
    model, _ = pair(name)
    model.decoder.weight.data *= 3  # type: ignore[union-attr, operator]
    run_kwargs = {"steps": 2} if name != "direct" else {}
    sizes = {False: 5, True: 3000}
    some = {each: Predictive(model, num_samples=size, parallel=each)(X, **run_kwargs) for each, size in sizes.items()}
    shapes = [{key: value.shape[1:] for key, value in each.items()} for each in some.values()]
    assert shapes[0] == shapes[1] and all(len(value) == 3000 for value in some[True].values())
    if name == "direct":
        logits = model(X).logits
    else:
        given = {key: value[:7] for key, value in some[True].items() if key.startswith("guidance")}
        noise = [{key: value[draw] for key, value in given.items()} for draw in range(7)]
        again = [poutine.condition(model, each)(X, steps=2) for each in noise]
        torch.testing.assert_close(some[True]["high_2"][:7], torch.stack([each.state.high for each in again]))
        logits = model.decode(some[True]["high_2"])
    drawn = some[True]["y_2" if name != "direct" else "y_1"]
    frequency = torch.nn.functional.one_hot(drawn, 3).float().mean(0)
    expected = logits.softmax(-1) if name == "direct" else logits.softmax(-1).mean(0)
    torch.testing.assert_close(frequency, expected, rtol=0, atol=0.04)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_predicts_in_sequence(name: str) -> None:
    model, _ = pair(name)
    draws = Predictive(model, num_samples=3)(X, steps=2, supervise="last")
    answers = [value for key, value in draws.items() if key.startswith(("y_", "token_"))]
    assert answers and all(len(value) == 3 for value in answers)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("guide_name", STEERING)
def test_predictive_draws_from_the_guide(guide_name: str, parallel: bool) -> None:
    model, guide = pair("gram", guide_name)
    if guide_name == "gaussian":
        guide.project_out.bias.data.fill_(1.0)  # type: ignore[union-attr, operator]
    draws = Predictive(model, guide=guide, num_samples=40, parallel=parallel)(X, Y, steps=2)
    prior = Predictive(model, num_samples=40, parallel=True)(X, steps=2)
    assert draws["guidance_1"].shape == (40, 3, 4, 8) and torch.equal(draws["y_2"][0], Y)
    moved = (draws["guidance_1"].mean(0) - prior["guidance_1"].mean(0)).abs().mean()
    assert guide_name != "gaussian" or moved > 0.3


# AutoGuides and MCMC


@pytest.mark.parametrize("particles", [1, 4])
def test_an_autoguide_learns(particles: int) -> None:
    model, _ = pair()
    model.requires_grad_(False).eval()
    auto = AutoNormal(model)
    elbo = Trace_ELBO(num_particles=particles, vectorize_particles=particles > 1, max_plate_nesting=1)
    svi = SVI(model, auto, pyro.optim.Adam({"lr": 3e-2}), elbo)
    losses = [svi.step(X, Y, steps=2, supervise="last") for _ in range(60)]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert {name for name in auto.median(X, Y)} == {"guidance_1", "guidance_2"}


@pytest.mark.parametrize("kind", [AutoNormal, AutoDelta])
def test_an_autoguide_under_the_truncated_bound_is_refused_with_a_way_out(kind: Any) -> None:
    model, _ = pair()
    with pytest.raises(ValueError, match=r"point mass on 'guidance_1'.*Trace_ELBO"):
        TruncatedTrace_ELBO(None).terms(model, kind(model), X, Y)


def test_nuts_finds_the_posterior_of_a_trajectory() -> None:
    """Draws given y make y likelier than draws of the prior do; without an answer they are the prior's."""
    model, _ = pair(layers=1, refinements=1, pooled=True)
    model.requires_grad_(False)
    model.decoder.weight.data *= 4  # type: ignore[union-attr, operator]
    x, y = X.select(torch.tensor([0])), Y[:1]

    def log_likelihood(guidance: Tensor) -> float:
        with poutine.condition(data={"guidance_1": guidance}), pyro.plate("draws", len(guidance), dim=-2):
            site = poutine.trace(model).get_trace(x, y).nodes["y_1"]
        assert site["fn"].batch_shape == (len(guidance), 1)
        return float(site["fn"].log_prob(y).mean())

    torch.manual_seed(0)
    mcmc = MCMC(NUTS(model, max_tree_depth=3), num_samples=40, warmup_steps=20, disable_progbar=True)
    mcmc.run(x, y)
    drawn = mcmc.get_samples()
    assert set(drawn) == {"guidance_1"} and drawn["guidance_1"].shape == (40, 1, 1, 8)
    prior = Predictive(model, num_samples=400, parallel=True)(x)["guidance_1"]
    assert log_likelihood(drawn["guidance_1"]) > log_likelihood(prior) + 0.5


def test_an_ordinary_guide_is_charged_inside_the_horizon_only() -> None:
    """Marks of the model's sites survive a guide that sets none."""
    model, _ = pair(transitions=3)

    def plain(problems: Any, targets: Any) -> None:
        with pyro.plate("problems", 3, dim=-1):
            for t in (1, 2, 3):
                pyro.sample(f"guidance_{t}", dist.Normal(torch.zeros(3, 4, 8), 1.0).to_event(2))

    for horizon, rows in ((1, 1), (2, 2), (None, 3)):
        assert len(TruncatedTrace_ELBO(horizon).terms(model, plain, X, Y).kl) == rows
