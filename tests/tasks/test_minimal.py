"""A task that says its five things and nothing else can do all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.guides import GaussianGuide, SolutionSetGuide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Answer, Pool, Problems, Spec, Task
from gram_pyro.testing import check_task
from gram_pyro.training.trainer import Trainer

ROWS = permutations(permutations(range(3)), 3)
SQUARES = [sum(rows, ()) for rows in ROWS if all(len({*column}) == 3 for column in zip(*rows, strict=True))]


@dataclass(frozen=True)
class Latin(Task):
    """Squares of three symbols, none twice in a row or a column; the first cell and two more are given."""

    @property
    def spec(self) -> Spec:
        return Spec(vocabulary=4, values=(0, 0, 0), relations=1)

    def generate(self, split: Any, count: int, seed: int) -> list[Answer]:
        first = ("train", "validation", "test").index(split)
        given = [(0, 1, 5), (0, 4, 5), (0, 2, 4)]
        boards = [
            tuple(symbol if cell in cells else -1 for cell, symbol in enumerate(square))
            for square in SQUARES
            if square[0] == first
            for cells in given
        ]
        order = torch.randperm(len(boards), generator=torch.Generator().manual_seed(seed)).tolist()
        return list(dict.fromkeys(boards[place] for place in order))[:count]

    def encode(self, problems: Sequence[Answer]) -> Problems:
        row, column = torch.arange(9) // 3, torch.arange(9) % 3
        meet = (row[:, None] == row) ^ (column[:, None] == column)
        pins = torch.tensor(problems)
        return Problems(pins + 1, meet.float()[None], pins)

    def targets(self, problem: Answer) -> Tensor:
        fits = [square for square in SQUARES if all(p in (-1, s) for p, s in zip(problem, square, strict=True))]
        return torch.tensor(fits).reshape(-1, 9)

    def violations(self, problem: Answer, answer: Answer) -> int:
        lines = [*(answer[3 * i : 3 * i + 3] for i in range(3)), *(answer[i::3] for i in range(3))]
        moved = sum(given not in (-1, symbol) for given, symbol in zip(problem, answer, strict=True))
        return moved + sum(3 - len({*line}) for line in lines)


TASK = Latin()
PROBLEMS = TASK.generate("train", 4, 0)


def test_there_are_twelve_squares() -> None:
    assert len(SQUARES) == 12


def test_it_keeps_the_contract() -> None:
    check_task(TASK, 4)


def test_solutions_follow_from_targets() -> None:
    for problem in PROBLEMS:
        assert TASK.solutions(problem) == sorted(map(tuple, TASK.targets(problem).tolist()))
        assert TASK.solvable(problem) is True
    clash = (0, 0, *[-1] * 7)
    assert TASK.solutions(clash) == [] and TASK.solvable(clash) is False


def test_what_takes_too_long_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_many(task: Task, problem: Answer) -> Tensor:
        raise TimeoutError("billions")

    monkeypatch.setattr(Latin, "targets", too_many)
    assert TASK.solvable(PROBLEMS[0]) is None
    with pytest.raises(TimeoutError):
        TASK.solutions(PROBLEMS[0])
    with pytest.raises(UserError, match="one has too many: billions; take smaller"):
        Pool(TASK, PROBLEMS)


def test_one_target_will_do_where_solutions_cannot_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = [TASK.targets(problem)[:1] for problem in PROBLEMS]
    monkeypatch.setattr(Latin, "known_solutions", lambda task, problems: one)
    _, targets, solutions = Pool(TASK, PROBLEMS).draw(20, torch.Generator().manual_seed(0))
    assert torch.equal(solutions.long(), targets[:, None])
    log_probs = torch.randn(20, 9, 3).log_softmax(-1)
    assert torch.equal(TASK.retarget(solutions, log_probs, torch.Generator()), targets)


def test_answers_are_the_values_and_each_counts_as_different() -> None:
    values = torch.tensor([2, 0, 1])
    assert TASK.answer(PROBLEMS[0], values.tolist()) == (2, 0, 1) == TASK.canonical((2, 0, 1))
    assert TASK.to_json((2, 0, 1)) == [2, 0, 1] and TASK.text(PROBLEMS[0], (2, 0, 1)) == "2 0 1"
    assert torch.equal(TASK.equivalence_probs(values), values)
    for answer, shown in (((2, 0, 1), "2 0 1"), (None, str(PROBLEMS[0]))):
        axes = Figure().subplots()
        TASK.draw(PROBLEMS[0], answer, axes)
        assert [text.get_text() for text in axes.texts] == [shown]


def test_what_it_lacks_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"my\.csv: the task task reads no files"):
        TASK.read("my.csv")
    with pytest.raises(UserError, match="no likelihood of its constraints"):
        TASK.constraint_log_prob(TASK.encode(PROBLEMS), torch.zeros(4, 9, 3))
    assert TASK.prepare(PROBLEMS[0]) == PROBLEMS[0] and TASK.unsolvable("train", 3, 0) == []
    assert (TASK.feasible, TASK.wording.singular) == ("solvable", "problem")


def test_nothing_moves() -> None:
    x, answers = TASK.encode(PROBLEMS), torch.zeros(4, 1, 9)
    assert TASK.augment(x, answers, torch.Generator()) == (x, answers)
    drawn, targets, solutions = Pool(TASK, PROBLEMS).draw(50, torch.Generator().manual_seed(0))
    assert {*map(tuple, (drawn.tokens - 1).tolist())} == {*PROBLEMS}
    for tokens, target, known in zip(drawn.tokens, targets.tolist(), solutions.tolist(), strict=True):
        expected = TASK.targets(tuple((tokens - 1).tolist())).tolist()
        assert target in expected and [row for row in known if row[0] >= 0] == expected
    assert torch.equal(TASK.align(solutions, targets), solutions.long())


def test_a_new_target_is_drawn_as_the_decoder_weighs_the_solutions() -> None:
    problem = (0, *[-1] * 8)
    solutions = Pool(TASK, [problem, PROBLEMS[0]]).draw(1, torch.Generator().manual_seed(1)).solutions
    listed = solutions[0][solutions[0, :, 0] >= 0].long()
    log_probs = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    many = solutions.expand(20_000, -1, -1), log_probs.expand(20_000, -1, -1)
    drawn = TASK.retarget(*many, torch.Generator().manual_seed(0))
    shares = (drawn[:, None] == listed).all(-1).float().mean(0)
    weights = log_probs.gather(1, listed.T).sum(0).softmax(0)
    torch.testing.assert_close(shares, weights, rtol=0, atol=0.015)


@pytest.mark.parametrize("kind", [GaussianGuide, SolutionSetGuide])
def test_gram_trains_on_it(kind: Any) -> None:
    torch.manual_seed(0)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    guide = kind(TASK.spec, model)
    config = TrainingConfig(batch=8, depth=4, updates=3, warmup=0)
    trainer = Trainer(model, guide, Pool(TASK, PROBLEMS), config, 3)
    before = [part.detach().clone() for part in model.parameters()]
    assert all(trainer.update().loss.isfinite() for _ in range(3))
    assert all(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
