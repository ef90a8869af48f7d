"""The checks for parts outside the package refuse broken ones in a sentence; the library's own pass in their rooms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import register_kl

from gram_pyro.guides import GaussianGuide, Guide
from gram_pyro.models import Gram, GramConfig, Looped
from gram_pyro.models.base import State
from gram_pyro.models.sites import answer_site, mark
from gram_pyro.tasks import Coloring, Problems, Spec, Sudoku, Task
from gram_pyro.testing import check_guide, check_model, check_task

SMALL = GramConfig(width=16, heads=2, layers=1, hidden=16)
CALLS = count()
"""Another number at every call."""


def test_checks_leave_the_common_noise_alone() -> None:
    before = torch.get_rng_state()
    check_task(Coloring(n=5), 2)
    check_guide(GaussianGuide)
    check_model(lambda spec: Gram(spec, SMALL))
    assert torch.equal(before, torch.get_rng_state())


# Tasks


class Silent(Coloring):
    """Knows no likelihood of its constraints."""

    constraint_log_prob = Task.constraint_log_prob  # type: ignore[assignment]


def broken(**methods: Callable[..., Any]) -> Task:
    """Small puzzles with some methods replaced; each gets what the right one returns, then its arguments."""
    return overridden(Sudoku, **methods)(box=2, max_solutions=4)


def overridden(kind: type[Task], **methods: Callable[..., Any]) -> Any:
    def wrap(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *args: method(getattr(kind, name)(self, *args), *args)

    return type("Broken", (kind,), {name: wrap(name, method) for name, method in methods.items()})


def encoded(**changed: Callable[[Problems], Any]) -> Task:
    """Puzzles whose encoding has other parts."""
    return broken(encode=lambda x, _: x._replace(**{name: part(x) for name, part in changed.items()}))


def with_spec(**fields: Any) -> Task:
    return type("Broken", (Sudoku,), {"spec": property(lambda _: Sudoku(box=2).spec._replace(**fields))})(box=2)


def lists(rows: Callable[[Tensor], Tensor]) -> Task:
    return broken(targets=lambda found, _: rows(found))


def draws(moved: tuple[Problems, Tensor], problems: Problems, answers: Tensor, *_: Any) -> tuple[Problems, Tensor]:
    """Moves the problems and not their answers."""
    return moved[0], answers


def directed(moved: tuple[Problems, Tensor], *_: Any) -> tuple[Problems, Tensor]:
    """Leaves out half of the edges."""
    relations = moved[0].relations
    assert relations is not None
    return moved[0]._replace(relations=relations.triu()), moved[1]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (broken(generate=lambda found, *_: found[next(CALLS) :]), "train split of a seed differs"),
        (broken(generate=lambda found, split, *_: found if split == "train" else []), "0 problems in the validation"),
        (broken(generate=lambda found, *_: found * 2), "16 problems in the train split, not 1 to 8"),
        (
            broken(generate=lambda _, split, count, seed: Sudoku(box=2).generate("test", count, seed)),
            "generate: train and validation split share a problem",
        ),
        (broken(encode=lambda _, problems: problems.shape), "generate or encode fails: AttributeError: 'list' object"),
        (with_spec(vocabulary=5), "encode: tokens: 1 to 5, not 0 to 4"),
        (with_spec(relations=0), "encode: the spec has 0 relations"),
        (with_spec(relations=2), r"relations are no floats of shape \(2, 16, 16\)"),
        (with_spec(groups=2), "encode: problems have a group where the spec has groups"),
        (encoded(relations=lambda x: x.relations.bool()), "relations are no floats"),
        (encoded(values=lambda _: 5), "encode: 5 values, and the spec has 4"),
        (encoded(answer_length=lambda _: 17), "encode: 17 positions with an answer, of 16"),
        (encoded(pins=lambda x: x.pins.float()), "encode: pins: torch.float32, not integers"),
        (encoded(pins=lambda x: x.pins + 1), "encode: pins: 0 to 4, not -1 to 3"),
        (encoded(pins=lambda x: x.pins[:, 1:]), r"encode: pins: the shape is \(8, 15\), not \(8, 16\)"),
        (encoded(pins=lambda x: x.pins.roll(1, 1)), "problem 0: an answer has another value than a pin"),
        (lists(lambda rows: rows[:0]), "problem 0: generate gives one without a solution"),
        (lists(lambda rows: rows + 1), r"problem 0: targets: 1 to 4, not -1 to 3"),
        (lists(lambda rows: rows[:, :9]), r"problem 0: targets: the shape is \(\d, 9\)"),
        (lists(lambda rows: rows.index_fill(1, torch.tensor([2]), -1)), "values at other positions than the first 16"),
        (
            broken(targets=lambda rows, _: rows[:1], solutions=lambda _, problem: Sudoku(box=2).solutions(problem)),
            "problem 0: solutions are not what the targets spell",
        ),
        (broken(solutions=lambda found, _: found[::-1]), "problem 0: solutions are not what the targets spell"),
        (broken(solvable=lambda *_: False), "problem 0: generate gives one without a solution"),
        (broken(violations=lambda *_: 0), r"problem 0: violations counts 0 in \(.*\), which is no solution"),
        (broken(violations=lambda count, *_: count + 1), r"problem 0: violations counts 1 in the solution"),
        (
            broken(canonical=lambda _, answer: answer[1:] + answer[:1], solutions=lambda found, _: []),
            "problem 0: canonical changes",
        ),
        (broken(constraint_log_prob=lambda found, *_: found - 3), "problem 0: constraint_log_prob gives .* -3, not 0"),
        (broken(to_json=lambda found, _: tuple(found)), "problem 0: to_json is no JSON"),
        (broken(to_json=lambda *_: object()), "problem 0 fails: TypeError: .* not JSON serializable"),
        (broken(text=lambda *_: None), "problem 0: text is no string"),
        (broken(draw=lambda *_: 1 / 0), "problem 0 fails: ZeroDivisionError"),
        (broken(equivalence_probs=lambda found, _: found / 2), "problem 0: equivalence_probs and canonical differ"),
        (broken(augment=draws), "augment: an answer has another value than a pin"),
        (overridden(Coloring, augment=draws)(n=6), "augment: constraint_log_prob gives an answer"),
        (overridden(Silent, augment=draws)(n=6), "augment: answers do not move as the relations"),
        (overridden(Silent, augment=directed)(n=6), "augment: symmetric relations become directed"),
        (
            overridden(Silent, augment=lambda moved, *_: (moved[0], moved[1][..., torch.randperm(6)]))(n=6),
            "augment",
        ),
        (
            broken(augment=lambda _, x, answers, __: Sudoku(box=2).augment(x, answers, torch.default_generator)),
            "draws depend on more than their generator",
        ),
        (broken(retarget=lambda drawn, *_: (drawn + 1) % 4), "retarget: a target is none of the known solutions"),
        (broken(align=lambda known, *_: known.roll(1, 2)), "align: an answer has another value than a pin"),
        (
            broken(retarget=lambda _, solutions, *__: solutions[:, 0].long()),
            "retarget: a target is not the solution of which",
        ),
        (
            broken(
                retarget=lambda _, solutions, scores, __: Task.retarget(
                    Sudoku(box=2), solutions, scores, torch.default_generator
                )
            ),
            "draws depend on more than their generator",
        ),
    ],
)
def test_a_broken_task_is_refused_in_a_sentence(task: Task, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_task(task)


def test_the_small_puzzles_are_broken_by_nothing_else() -> None:
    check_task(broken())
    check_task(Silent(n=6))


# Guides


class Insisting(GaussianGuide):
    """Steers problems without an answer, too."""

    def _pyro_sample(self, msg: Any) -> None:
        if self.steered is not None:
            self.steered = torch.ones_like(self.steered)
        super()._pyro_sample(msg)


class Alone(GaussianGuide):
    """Leaves the prior without targets."""

    def _pyro_sample(self, msg: Any) -> None:
        super()._pyro_sample(msg)
        if self.steered is None and mark(msg, "role") == "guidance":
            msg["fn"] = dist.Normal(msg["fn"].base_dist.loc + 1, 1.0).to_event(2)


class Idle(GaussianGuide):
    """Has a layer that it does not use."""

    def __init__(self, spec: Spec, model: Any) -> None:
        super().__init__(spec, model)
        self.spare = nn.Linear(2, 2)


class Sharing(GaussianGuide):
    """Takes a part of the model for its own."""

    def __init__(self, spec: Spec, model: Any) -> None:
        super().__init__(spec, model)
        self.decoder = model.decoder


class Flat(GaussianGuide):
    """Takes positions for a batch."""

    def get_posterior(self, name: str, prior: Any) -> Any:
        return dist.Normal(torch.zeros(prior.batch_shape + prior.event_shape), 1.0).to_event(1)


class Cheap(dist.Normal):
    """A Gaussian with a KL that is too small."""

    kl = -1.0


class Costly(Cheap):
    """A Gaussian with a KL that is too large."""

    kl = torch.inf


@register_kl(Cheap, dist.Normal)
def _kl_cheap(q: Cheap, p: dist.Normal) -> Tensor:
    return torch.full_like(q.loc, q.kl)


class Cheating(GaussianGuide):
    """Pays too little."""

    kind: type[Cheap] = Cheap

    def get_posterior(self, name: str, prior: Any) -> Any:
        normal = super().get_posterior(name, prior).base_dist
        return self.kind(normal.loc, normal.scale).to_event(2)


class Exploding(Cheating):
    """Pays too much."""

    kind = Costly


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda spec, model: model, "the guide is a Gram, not a Guide"),
        (lambda spec: None, "the guide fails: TypeError"),
        (Flat, "the guide fails: the guide Flat answers guidance_1 with 1 dimensions of an event"),
        (Sharing, "the guide owns parameters of the model"),
        (Insisting, "the guide has a KL where a problem has no answer"),
        (Alone, "the guide leaves the prior at guidance_1 without an answer"),
        (Idle, "the guide does not learn spare.weight, spare.bias"),
        (Cheating, "the guide has a KL of -80, below 0"),
        (Exploding, "the guide has a KL that is not finite"),
    ],
)
def test_a_broken_guide_is_refused_in_a_sentence(make: Callable[..., Guide], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_guide(make)


# Models


class Changed(Gram):
    """A GRAM whose outcomes are changed."""

    def change(self, outcome: Any, problems: Problems, targets: Tensor | None) -> Any:
        return outcome

    def forward(self, problems: Problems, targets: Tensor | None = None, **kwargs: Any) -> Any:
        return self.change(super().forward(problems, targets, **kwargs), problems, targets)


def changed(change: Callable[..., Any], kind: type = Changed) -> Callable[[Spec], Any]:
    """Makes a small model; `change` gets outcome, problems and targets."""
    made = type("Broken", (kind,), {"change": lambda self, *args: change(*args)})
    return lambda spec: made(spec, SMALL)


class Leaking(Changed):
    def change(self, outcome: Any, problems: Problems, targets: Tensor | None) -> Any:
        return outcome if targets is None else outcome._replace(logits=outcome.logits + targets[..., None])


class Forgetful(Changed):
    def forward(self, problems: Problems, targets: Tensor | None = None, **kwargs: Any) -> Any:
        return super().forward(problems, targets, **{**kwargs, "state": None})


class Chatty(Changed):
    """Scores the answers once more."""

    def change(self, outcome: Any, problems: Problems, targets: Tensor | None) -> Any:
        if targets is not None:
            with pyro.plate("again", len(targets), dim=-1):
                answer_site("y_again", self.likelihood(outcome.logits), targets)
        return outcome


class Mute(Changed):
    """Never scores the answers."""

    def forward(self, problems: Problems, targets: Tensor | None = None, **kwargs: Any) -> Any:
        return super().forward(problems, targets, **{**kwargs, "supervise": "none"})


class Spare(Looped):
    """Has a layer that it does not use."""

    def __init__(self, spec: Spec, config: Any) -> None:
        super().__init__(spec, config)
        self.spare = nn.Linear(2, 2)


class Infinite(Changed):
    """Gives the targets no chance."""

    def decode(self, high: Tensor) -> Tensor:
        logits = super().decode(high)
        return logits.masked_fill(torch.arange(logits.shape[-1]) == 0, -torch.inf)


def without_draws(spec: Spec) -> Gram:
    model = Gram(spec, SMALL)
    model.draws = False
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda spec: nn.Linear(2, 2), "the model is a Linear, not a Model"),
        (lambda spec: Gram(spec, object()), "the model fails: AttributeError"),
        (lambda spec: type("Broken", (Gram,), {"recursion": "often"})(spec, SMALL), "recursion = 'often'"),
        (changed(lambda o, *_: o._replace(logits=o.logits[:, :2])), r"the model's logits: the shape is \(3, 2, 3\)"),
        (changed(lambda o, *_: o._replace(drawn=o.answers + 1)), "the model's answers: .* to 3, not -1 to 2"),
        (
            changed(lambda o, *_: o._replace(state=State(o.state.high[..., :2], o.state.low))),
            r"the model's last state: the shape is \(3, 5, 2\), not \(3, 5, 16\)",
        ),
        (
            changed(lambda o, *_: o._replace(drawn=torch.full_like(o.answers, next(CALLS) % 3))),
            "the model answers one seed in two ways",
        ),
        (without_draws, "the model has draws = False, and its answers differ"),
        (lambda spec: Leaking(spec, SMALL), "the model has independent = True, and its logits depend"),
        (lambda spec: Forgetful(spec, SMALL), "the model gives other logits after two steps at once"),
        (lambda spec: Chatty(spec, SMALL), "the model scores a target never or more than once"),
        (lambda spec: Mute(spec, SMALL), "the model scores a target never or more than once"),
        (lambda spec: Spare(spec, replace(SMALL, guidance=False)), "the model does not learn spare.weight, spare.bias"),
        (lambda spec: Infinite(spec, SMALL), "a likelihood or a KL that is not finite"),
    ],
)
def test_a_broken_model_is_refused_in_a_sentence(make: Callable[[Spec], Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_model(make)
