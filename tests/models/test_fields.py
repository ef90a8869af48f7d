"""The model on fields: values of one kind are only names, and positions are known by their relations."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import networkx as nx
import pyro
import pytest
import torch
from torch import Tensor

from gram_pyro import Reasoner
from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.errors import UserError
from gram_pyro.guides import FieldsGuide, GaussianGuide
from gram_pyro.models import Fields, Gram
from gram_pyro.models.fields import FieldBlock, FieldsConfig, classes_of, named
from gram_pyro.models.heads import Heads
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO, traces_of
from gram_pyro.tasks import Coloring, NQueens, Problems, Sudoku, Task
from gram_pyro.testing import check_guide, check_model

SMALL = FieldsConfig(width=8, heads=1, hidden=16, refinements=2)
TASKS: list[Task] = [Coloring(n=6), Coloring(n=5, k=4), NQueens(n=4), NQueens(n=5, excluded=2), Sudoku(box=2)]
NAMES = [f"{task.name}-{place}" for place, task in enumerate(TASKS)]
STEPS = 2


def perturbed(task: Task) -> tuple[Fields, FieldsGuide]:
    """A model and a guide of which no part is zero."""
    torch.manual_seed(0)
    model = Fields(task.spec, SMALL)
    guide = FieldsGuide(task.spec, model)
    with torch.no_grad():
        for parameter in (*model.parameters(), *guide.parameters()):
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model, guide


def batch(task: Task) -> tuple[Problems, Tensor]:
    problems = task.generate("train", 3, 0)
    return task.encode(problems), torch.stack([task.targets(problem)[-1] for problem in problems])


def renaming(task: Task) -> Tensor:
    """The new name of each value: every kind is turned by one."""
    values = task.spec.values
    names = torch.arange(len(values))
    for kind in {*values}:
        own = [value for value, other in enumerate(values) if other == kind]
        for old, new in pairwise([*own, own[0]]):
            names[old] = new
    return names


def run(model: Fields, guide: FieldsGuide, x: Problems, y: Tensor, noise: dict[str, Tensor]) -> tuple[Any, list[Any]]:
    """Logits, and posterior and prior of each transition, of a run with this guidance."""
    with SubstituteMessenger(noise), torch.no_grad():
        trace, steered = traces_of(guide, x, y, steps=STEPS)
    pairs = [(steered.nodes[name]["fn"], trace.nodes[name]["fn"]) for name in noise]
    return trace.nodes["_RETURN"]["value"].logits, pairs


def noise_for(model: Fields, x: Problems) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {f"guidance_{t}": torch.randn(*x.tokens.shape, model.width) for t in range(1, STEPS + 1)}


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_renaming_values_of_one_kind_commutes(task: Task) -> None:
    model, guide = perturbed(task)
    x, y = batch(task)
    names = renaming(task)
    old = names.argsort()

    def renamed(values: Tensor) -> Tensor:
        return names[values.clamp(min=0)].where(values >= 0, -1)

    def moved(latent: Tensor) -> Tensor:
        return model.split(latent)[..., old, :].flatten(-2)

    noise = noise_for(model, x)
    logits, pairs = run(model, guide, x, y, noise)
    other = x._replace(pins=None if x.pins is None else renamed(x.pins))
    logits_of_other, pairs_of_other = run(model, guide, other, renamed(y), {k: moved(v) for k, v in noise.items()})
    torch.testing.assert_close(logits_of_other, logits[..., old], rtol=0, atol=1e-5)
    for ours, theirs in zip(pairs, pairs_of_other, strict=True):
        for p, q in zip(ours, theirs, strict=True):
            torch.testing.assert_close(q.base_dist.loc, moved(p.base_dist.loc), rtol=0, atol=1e-5)
            torch.testing.assert_close(q.base_dist.scale, moved(p.base_dist.scale), rtol=0, atol=1e-5)
    if not torch.equal(names, torch.arange(len(names))):
        assert not torch.allclose(logits_of_other, logits, atol=1e-3)


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_positions_are_known_by_their_relations(task: Task) -> None:
    model, guide = perturbed(task)
    x, y = batch(task)
    order = torch.randperm(x.tokens.shape[1], generator=torch.Generator().manual_seed(2))
    assert x.relations is not None
    other = x._replace(
        tokens=x.tokens[:, order],
        relations=x.relations[..., order, :][..., order],
        pins=None if x.pins is None else x.pins[:, order],
    )
    noise = noise_for(model, x)
    logits, _ = run(model, guide, x, y, noise)
    moved, _ = run(model, guide, other, y[:, order], {name: each[:, order] for name, each in noise.items()})
    torch.testing.assert_close(moved, logits[:, order], rtol=0, atol=1e-5)


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_drafts_and_heads_know_no_names(task: Task) -> None:
    torch.manual_seed(0)
    model = Fields(task.spec, replace(SMALL, draft="cosine", guidance=False))
    heads = Heads(task.spec, model)
    with torch.no_grad():
        for parameter in (*model.parameters(), *heads.parameters()):
            parameter.add_(0.3 * torch.randn_like(parameter))
    x, _ = batch(task)
    old = renaming(task).argsort()
    drafts = {f"draft_{t}": torch.randn(*x.tokens.shape, task.spec.classes) for t in range(1, STEPS + 1)}
    pins = None if x.pins is None else renaming(task)[x.pins.clamp(min=0)].where(x.pins >= 0, -1)
    found = []
    for problems, noise in (
        (x, drafts),
        (x._replace(pins=pins), {name: each[..., old] for name, each in drafts.items()}),
    ):
        with SubstituteMessenger(noise), torch.no_grad():
            outcome = model(problems, steps=STEPS)
            found.append((outcome.logits, *heads(outcome.state.high, x)))
    torch.testing.assert_close(found[1][0], found[0][0][..., old], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1][1:], found[0][1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("task", [NQueens(n=5), Sudoku(box=2), Sudoku(box="2x3")], ids=["nqueens", "sudoku", "six"])
def test_classes_are_a_shorter_way_to_the_same_sums(task: Task) -> None:
    torch.manual_seed(0)
    x, _ = batch(task)
    assert x.relations is not None
    shared = x.relations if x.relations.dim() == 3 else x.relations[0]
    classes = classes_of(shared)
    assert classes is not None and sum(classes.counts) == classes.member.shape[1]
    block = FieldBlock(8, 16, len(shared))
    latent = torch.randn(2, x.tokens.shape[1], task.spec.classes, 8)
    torch.testing.assert_close(block(latent, classes), block(latent, shared[None].expand(2, -1, -1, -1)))


def test_what_is_no_class_is_summed_as_it_is() -> None:
    path = torch.diag(torch.ones(2), 1) + torch.diag(torch.ones(2), -1)
    assert classes_of(path[None]) is None
    model = Fields(Coloring(n=5).spec, SMALL)
    assert model.relate(path[None]).shape == (1, 3, 3) and model.relate(None) is None


def test_values_of_two_kinds_are_told_apart() -> None:
    model, _ = perturbed(NQueens(n=4))
    x, _ = batch(NQueens(n=4))
    with torch.no_grad():
        logits = model(x._replace(pins=None), steps=1).logits
    assert (logits[..., 0] - logits[..., 1]).abs().min() > 1e-4


def test_one_set_of_weights_for_any_number_of_values() -> None:
    three, four = (Fields(Coloring(n=5, k=k).spec, SMALL) for k in (3, 4))
    four.load_state_dict(three.state_dict())
    x, _ = batch(Coloring(n=5, k=4))
    assert four(x, steps=2).logits.shape == (3, 5, 4)


def test_a_batch_says_how_many_colors_it_has() -> None:
    """One model for three colors answers in five, as one made for five with its weights does."""
    three, five = (Fields(Coloring(n=6, k=k).spec, SMALL) for k in (3, 5))
    five.load_state_dict(three.state_dict())
    x, _ = batch(Coloring(n=6, k=5))
    assert three.start_of(4, x).high.shape == (4, 6, 5 * 8)
    logits = []
    for model in (three, five):
        torch.manual_seed(0)
        logits.append(model(x, steps=3).logits)
    assert torch.equal(*logits) and logits[0].shape == (3, 6, 5)
    with pytest.raises(UserError, match="values of several kinds are always 2, not 3"):
        Fields(NQueens(n=4).spec, SMALL).kinds_of(3)


def test_a_trained_model_takes_more_colors_and_warns() -> None:
    torch.manual_seed(0)
    model = Fields(Coloring(n=5).spec, SMALL).eval()
    with pytest.warns(UserWarning, match="trained with 3 values, the model now has 5"):
        reasoner = Reasoner.of(Coloring(n=5, k=5), model)
    samples = reasoner.sample(nx.complete_graph(5), 4, steps=3)
    assert len(samples.answers) == 4 and reasoner.model.kinds.shape == (5,) and not reasoner.model.training
    assert model.fitted(Coloring(n=5, k=2).spec).kinds.shape == (2,) and model.fitted(Coloring(n=9).spec) is model
    with pytest.raises(UserError, match=r"trained with 1 relations and the kinds \[0, 0, 0\] of values"):
        Reasoner.of(Sudoku(box=2), model)


def test_what_values_say() -> None:
    said = named(torch.tensor([[-1, 0, 2]]), 3)
    assert said.tolist() == [[[0, 0, 0], [2, 1, 1], [1, 1, 2]]]


@pytest.mark.parametrize("task", [Coloring(n=5), NQueens(n=4), Sudoku(box=2)], ids=lambda task: task.name)
def test_the_contract_is_kept(task: Task) -> None:
    check_model(lambda spec: Fields(spec, SMALL), task)


def test_every_parameter_of_the_guide_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gram_pyro.testing.Gram", lambda spec, _: Fields(spec, SMALL))
    check_guide(FieldsGuide, Sudoku(box=2))


def test_other_guides_serve_too() -> None:
    task = Coloring(n=5)
    model = Fields(task.spec, SMALL)
    x, y = batch(task)
    loss = TruncatedTrace_ELBO(None)(model, GaussianGuide(task.spec, model))(x, y, steps=2)
    assert torch.isfinite(loss)


def test_the_first_posterior_is_the_prior() -> None:
    task = Sudoku(box=2)
    model = Fields(task.spec, SMALL)
    x, y = batch(task)
    terms = TruncatedTrace_ELBO(None).terms(model, FieldsGuide(task.spec, model), x, y, steps=2)
    assert terms.kl.abs().max() < 1e-5


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="knows positions by their relations alone"):
        Fields(Coloring(positions=True).spec)
    with pytest.raises(UserError, match="leave core and pooled"):
        FieldsConfig(pooled=True)
    with pytest.raises(UserError, match="leave core and pooled"):
        FieldsConfig(core="shared")
    task = Coloring(n=5)
    with pytest.raises(UserError, match="the guide fields is for the model fields, not for Gram"):
        FieldsGuide(task.spec, Gram(task.spec))
    pyro.clear_param_store()
