"""Batches of problems, and the pool that training examples come from, on tasks made up for the purpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks import Answer, Pool, Problems, Spec, Task
from gram_pyro.tasks.base import choose

PARTS = ("tokens", "relations", "pins", "group")


class Counting(Task):
    """Problem `(number, solutions)`; its i-th solution is `number, i`."""

    spec = Spec(100, (0,) * 1000, relations=1, groups=10)  # type: ignore[assignment]
    max_known = 5

    def generate(self, split: Any, count: int, seed: int) -> list[tuple[int, int]]:
        return []

    def encode(self, problems: Sequence[tuple[int, int]]) -> Problems:
        tokens = torch.tensor([[number, 0] for number, _ in problems])
        relations = (tokens[:, None, None, :1] > 5).float().expand(-1, 1, 2, 2)
        return Problems(tokens, relations, tokens - 1, group=tokens[:, 0])

    def targets(self, problem: tuple[int, int]) -> Tensor:
        number, solutions = problem
        if solutions > 100:
            raise TimeoutError(f"{solutions} solutions")
        return torch.tensor([[number, place] for place in range(solutions)]).reshape(-1, 2)

    def violations(self, problem: tuple[int, int], answer: Answer) -> int:
        return answer[0] != problem[0]


def made(batch: int, relations: str, pins: bool = True, group: bool = True) -> Problems:
    """Problems whose tensors say which row they are."""
    row = torch.arange(batch)
    own = row.float().view(batch, 1, 1, 1).expand(batch, 2, 3, 3)
    related = {"none": None, "own": own, "shared": torch.eye(3).expand(2, 3, 3)}[relations]
    tokens = row[:, None].expand(batch, 3)
    return Problems(tokens, related, tokens - 1 if pins else None, 7, row if group else None, 2)


cases = st.builds(made, st.integers(1, 5), st.sampled_from(["none", "own", "shared"]), st.booleans(), st.booleans())


def test_a_spec_counts_its_classes() -> None:
    assert Spec(5, (0, 1, 1)).classes == 3
    assert Spec(5, (0, 0))[2:] == (0, "none", 0)


def test_problems_have_answers_at_all_positions_or_at_the_first() -> None:
    assert Problems(torch.zeros(1, 4)).answered == 4 and Problems(torch.zeros(1, 4), answer_length=3).answered == 3


@given(cases, st.data())
def test_selected_rows_are_those_of_every_tensor(x: Problems, data: st.DataObject) -> None:
    rows = torch.tensor(data.draw(st.lists(st.integers(0, len(x.tokens) - 1), min_size=1, max_size=7)))
    found = x.select(rows)
    assert (found.values, found.answer_length) == (7, 2)
    for name in PARTS:
        part, old = getattr(found, name), getattr(x, name)
        assert (part is None) == (old is None)
        if old is not None:
            shared = name == "relations" and old.dim() == 3
            assert torch.equal(part, old if shared else old[rows])


@given(cases)
def test_rows_are_the_tensors_with_a_row_for_each_problem(x: Problems) -> None:
    relations = None if x.relations is None or x.relations.dim() == 3 else x.relations
    expected = [part for part in (x.tokens, relations, x.pins, x.group) if part is not None]
    assert all(found is part for found, part in zip(x.rows(), expected, strict=True))


@given(cases)
def test_a_function_maps_shared_tensors_only_with_the_others(x: Problems) -> None:
    own, every = x.map(lambda part: part + 1), x.map(lambda part: part + 1, shared=True)
    for name in PARTS:
        old = getattr(x, name)
        if old is not None:
            shared = name == "relations" and old.dim() == 3
            assert torch.equal(getattr(own, name), old if shared else old + 1)
            assert torch.equal(getattr(every, name), old + 1)
    assert x.relations is None or x.relations.dim() == 4 or own.relations is x.relations


@given(cases)
def test_all_tensors_change_the_device(x: Problems) -> None:
    found = x.to("meta")
    for name in PARTS:
        part = getattr(found, name)
        assert (part is None) == (getattr(x, name) is None) and (part is None or part.device.type == "meta")
    assert (found.values, found.answer_length) == (7, 2)


# The pool


@given(st.lists(st.integers(1, 23), min_size=1, max_size=6), st.integers(0, 100))
def test_solutions_are_listed_evenly_and_at_most_so_many(counts: list[int], seed: int) -> None:
    task = Counting()
    pool = Pool(task, [*enumerate(counts, 1)])
    x, targets, solutions = pool.draw(40, torch.Generator().manual_seed(seed))
    most = max(-(-count // -(-count // task.max_known)) for count in counts)
    assert solutions.shape == (40, most, 2) and most <= task.max_known
    for number, target, listed in zip(x.tokens[:, 0].tolist(), targets.tolist(), solutions.tolist(), strict=True):
        count = counts[number - 1]
        step = -(-count // task.max_known)
        places = [*range(0, count, step)]
        assert listed == [[number, place] for place in places] + [[-1, -1]] * (most - len(places))
        assert target[0] == number and 0 <= target[1] < count
    beside = task.solutions_beside([*enumerate(counts, 1)], torch.zeros(len(counts), 2, dtype=torch.long))
    for number, (count, listed) in enumerate(zip(counts, beside.tolist(), strict=True), 1):
        places = [*range(0, count, -(-count // task.max_known))]
        assert [row for row in listed if row[0] >= 0] == [[number, place] for place in places]


def test_problems_are_drawn_uniformly_and_then_their_solutions() -> None:
    """Also those that are not listed."""
    x, targets, _ = Pool(Counting(), [(1, 2), (2, 20)]).draw(20_000, torch.Generator().manual_seed(0))
    assert abs((x.tokens[:, 0] == 1).float().mean() - 0.5) < 0.02
    for number, count in ((1, 2), (2, 20)):
        shares = targets[targets[:, 0] == number, 1].bincount(minlength=count) / (targets[:, 0] == number).sum()
        torch.testing.assert_close(shares, torch.full((count,), 1 / count), rtol=0, atol=0.02)


def test_examples_of_different_draws_fit_and_all_tensors_are_of_one_problem() -> None:
    """Whichever problems are drawn: a carried batch is written on in place."""
    pool = Pool(Counting(), [(1, 1), (9, 20)])
    shapes = set()
    for seed in range(6):
        x, targets, solutions = pool.draw(2, torch.Generator().manual_seed(seed))
        shapes.add((solutions.shape, solutions.dtype))
        number = targets[:, 0]
        assert x.pins is not None and x.group is not None and x.relations is not None
        assert torch.equal(x.tokens[:, 0], number) and torch.equal(x.group, number)
        assert torch.equal(x.pins[:, 0], number - 1)
        assert x.relations.dtype == torch.float32 and torch.equal(x.relations[:, 0, 0, 0], (number > 5).float())
    assert shapes == {((2, 5, 2), torch.int16)}
    assert pool.problems.relations is not None and pool.problems.relations.dtype == torch.bool


def test_problems_without_a_solution_or_with_too_many_are_refused() -> None:
    with pytest.raises(UserError, match="1 of 2 have none"):
        Pool(Counting(), [(1, 1), (2, 0)])
    with pytest.raises(UserError, match="has too many: 101 solutions"):
        Pool(Counting(), [(1, 101)])


def test_options_are_drawn_by_their_scores() -> None:
    scores = torch.tensor([0.0, 1.0, -torch.inf, 2.0])
    drawn = choose(scores.expand(20_000, -1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.bincount(minlength=4) / 20_000, scores.softmax(0), rtol=0, atol=0.015)
