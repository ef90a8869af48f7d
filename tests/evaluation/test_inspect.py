"""A look inside: trajectories, KL, components and likelihoods of one problem."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pyro
import pytest
import torch
from matplotlib.figure import Figure

from gram_pyro.errors import UserError
from gram_pyro.evaluation.inspect import PARTS, components, estimate, inspect
from gram_pyro.evaluation.inspection import LEAST, Components, Divergence, whole_ticks
from gram_pyro.guides import GUIDES, DiffusionGuide, GaussianGuide, LowRankGuide
from gram_pyro.models import Fields, Gram, GramConfig, Trm
from gram_pyro.models.fields import FieldsConfig
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.store import Run, load_run
from gram_pyro.tasks import Coloring, Digits
from gram_pyro.tasks.grids.task import Grids

TASK = Coloring(n=4)
GRAPH = nx.path_graph(4)


def untrained(kind: type[GaussianGuide] = GaussianGuide) -> Run:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = kind(TASK.spec, model)
    torch.nn.init.normal_(guide.project_out.weight, std=0.02)
    return Run("a test", TASK, model, guide, 3, torch.device("cpu"))


def test_what_is_found_has_the_shapes_it_says(tmp_path: Path) -> None:
    found = inspect(untrained(), GRAPH, samples=5, draws=4)
    for kind in (found.prior, found.posterior):
        assert kind.high.shape == (3, 5, 4, 16) and kind.decoded.shape == (3, 5, 4) and kind.valid.shape == (3, 5)
        for row, good in zip(kind.decoded[-1], kind.valid[-1], strict=True):
            assert good == (TASK.violations(GRAPH, tuple(row)) == 0)
    assert found.divergence.nats.shape == (3, 4) and (found.divergence.nats > 0).all()
    assert found.components.prior.shape == found.components.posterior.shape == (3, 5, 2)
    assert found.likelihoods is not None
    assert found.likelihoods.solutions == TASK.solutions(GRAPH)
    found.plot(tmp_path / "look.png")
    assert (tmp_path / "look.png").stat().st_size > 20_000


def test_the_divergence_is_the_one_of_the_bound() -> None:
    run = untrained()
    target = TASK.targets(GRAPH)[0].tolist()
    nats = inspect(run, GRAPH, target, samples=400, draws=1).divergence.nats.sum()
    torch.manual_seed(1)
    x = TASK.encode([GRAPH]).select(torch.zeros(400, dtype=torch.long))
    y = torch.tensor([target]).expand(400, -1)
    with torch.no_grad():
        terms = TruncatedTrace_ELBO(None).terms(run.model, run.guide, x, y, steps=3, supervise="last")
    assert nats == pytest.approx(terms.kl.sum(0).mean().item(), rel=0.1)


def test_positions_that_are_tied_have_one_divergence() -> None:
    assert inspect(untrained(LowRankGuide), GRAPH, samples=5, draws=1).divergence.nats.shape == (3, 1)


def test_the_probabilities_of_all_answers_of_an_easy_problem_sum_to_one() -> None:
    """Two vertices without an edge: every answer is a solution, and p sums to 1 whatever the weights."""
    found = inspect(untrained(), nx.empty_graph(2), samples=2, draws=1500)
    assert found.likelihoods is not None
    total = found.likelihoods.probability.sum()
    error = np.linalg.norm(found.likelihoods.high - found.likelihoods.probability) / 2
    assert abs(total - 1) < 5 * error and error < 0.08
    assert (found.likelihoods.low <= found.likelihoods.probability).all()
    assert (found.likelihoods.effective > 0).all() and (found.likelihoods.effective <= 1).all()


def test_intervals_hold_the_truth_of_a_trained_model() -> None:
    """The truth is the mean of p(y | z) over many trajectories of the prior; that of the posterior is narrower."""
    run = load_run("coloring_gram")
    graph = nx.path_graph(4)
    targets = run.task.targets(graph)
    count = 1500
    with torch.no_grad(), pyro.validation_enabled(False):
        torch.manual_seed(1)
        x = run.task.encode([graph]).select(torch.zeros(count, dtype=torch.long))
        said = run.model(x, steps=run.depth, supervise="none").logits.log_softmax(-1)
        spelled = torch.stack([said.gather(2, row.expand(count, -1)[..., None]).sum((1, 2)).exp() for row in targets])
        torch.manual_seed(2)
        found = estimate(run, graph, targets, run.depth, 64)
    owner = [found.solutions.index(run.task.canonical(tuple(row))) for row in targets.tolist()]
    truth = np.zeros(len(found.solutions))
    np.add.at(truth, owner, spelled.mean(1).numpy())
    inside = (found.low <= truth) & (truth <= found.high)
    assert truth.sum() > 0.9 and inside.mean() >= 0.75
    assert found.probability.sum() == pytest.approx(truth.sum(), abs=0.25)


def test_a_trained_model_finds_what_the_posterior_was_shown() -> None:
    run = load_run("coloring_gram")
    graph = nx.gnp_random_graph(8, 0.5, seed=3)
    solution = run.task.solutions(graph)[1]
    found = inspect(run, graph, solution, samples=16, draws=1)
    assert found.target == solution
    ends = {run.task.canonical(tuple(row)) for row in found.posterior.decoded[-1].tolist()}
    assert ends == {solution} and set(found.prior.solutions) > {solution}
    assert found.prior.valid[-1].mean() > 0.9


def test_components_are_principal() -> None:
    rng = np.random.default_rng(0)
    direction = rng.normal(size=16)
    high = (rng.normal(size=(4, 6, 1, 1)) * direction + 1e-3 * rng.normal(size=(4, 6, 3, 16))).astype(np.float32)
    found = components(high, high)
    assert found.explained[0] > 0.999 and found.explained.sum() <= 1 + 1e-9


def test_what_cannot_be_looked_into_is_refused() -> None:
    run = untrained()
    with pytest.raises(UserError, match="the graph is not"):
        inspect(run, nx.complete_graph(4))
    with pytest.raises(UserError, match="is no solution of this graph"):
        inspect(run, GRAPH, (0, 0, 0, 0))
    with pytest.raises(UserError, match="is no solution of this graph"):
        inspect(run, GRAPH, (0, 1, 0))
    with pytest.raises(UserError, match="the graph cannot be looked into"):
        inspect(run, nx.empty_graph(40))
    model = Trm(TASK.spec)
    deterministic = Run("a test", TASK, model, GUIDES["empty"](TASK.spec, model), 3, torch.device("cpu"))
    with pytest.raises(UserError, match="Trm draws no guidance"):
        inspect(deterministic, GRAPH)


def test_the_same_seed_finds_the_same() -> None:
    run = untrained()
    first, second = (inspect(run, GRAPH, samples=3, draws=2, seed=7) for _ in range(2))
    assert np.array_equal(first.prior.decoded, second.prior.decoded)
    assert first.likelihoods is not None and second.likelihoods is not None
    assert np.array_equal(first.likelihoods.probability, second.likelihoods.probability)


def test_progress_is_called_after_each_part() -> None:
    calls: list[int] = []
    inspect(untrained(), GRAPH, steps=1, samples=1, draws=2, progress=calls.append)
    assert calls == [1] * PARTS


@pytest.mark.parametrize(("each", "most"), [(1e-4, LEAST / 4), (0.5, 0.5), (3000.0, 3000.0)])
def test_colors_do_not_exaggerate_what_is_hardly_said(each: float, most: float) -> None:
    left, right = Figure().subplots(1, 2)
    found = Divergence(np.full((4, 3), each))
    found.plot(left)
    assert left.images[0].get_clim() == (0, pytest.approx(most))
    found.plot(right, 7.0)
    assert right.images[0].get_clim() == (0, 7)


@pytest.mark.parametrize("last", [1, 8, 16, 81, 128])
def test_ticks_are_whole_and_few(last: int) -> None:
    axes = Figure().add_subplot()
    whole_ticks(axes.xaxis, 1, last)
    ticks = axes.get_xticks().tolist()
    assert ticks[0] == 1 and all(tick == int(tick) <= last for tick in ticks) and min(last, 6) <= len(ticks) <= 11


def test_a_component_of_little_variance_looks_little() -> None:
    axes = Figure().add_subplot()
    paths = np.random.default_rng(0).normal(size=(4, 6, 2)) * (10, 0.1)
    Components(paths, paths, np.array([0.99, 0.01])).plot(axes)
    assert axes.get_aspect() == 1


def test_a_drawn_grid_shows_what_drafts_say_of_it() -> None:
    """Its solutions cannot be listed, and nobody needs them to look at the one that the posterior sees."""
    task = Grids(box=2)
    model = Fields(task.spec, FieldsConfig(width=4, hidden=8, refinements=1, draft="cosine", guidance=False))
    run = Run("a test", task, model, GUIDES["diffusion"](task.spec, model), 3, torch.device("cpu"))
    found = inspect(run, task.generate("test", 1, 0)[0], samples=2)
    assert found.divergence.nats.shape == (3, 16) and found.likelihoods is None
    found.plot()
    with pytest.raises(UserError, match="the grid cannot be looked into: there are 288 grids"):
        inspect(run, None)


def test_a_notebook_shows_the_picture() -> None:
    picture = inspect(untrained(), GRAPH, steps=1, samples=2, draws=2).plot()
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_what_memory_says_is_decoded_too() -> None:
    """A network that has learned nothing: under the posterior the drafts alone name the image in the end."""
    task = Digits()
    config = GramConfig(width=8, heads=1, hidden=8, layers=1, core="flat", draft="flow", guidance=False, memory="alone")
    model = Gram(task.spec, config).requires_grad_(False).eval()
    run = Run("untrained", task, model, DiffusionGuide(task.spec, model), 8, torch.device("cpu"))
    image = task.generate("test", 1, 0)[0]
    found = inspect(run, image, steps=8, samples=6)
    right = found.posterior.decoded == task.targets(image)[0].numpy()
    assert right[-1].mean() > 0.9 > 0.5 > right[0].mean()
