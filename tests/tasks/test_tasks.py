"""What every task promises, over all tasks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro.errors import UserError
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.tasks import TASKS, Arc, Coloring, Countdown, Digits, Grids, NQueens, Pool, Sudoku, Task
from gram_pyro.testing import check_task

VARIANTS: dict[str, Task] = {
    "arc": Arc(rules=("mirror", "tile", "crop", "count-cells")),
    "arc lines": Arc(rules=("reduce", "fall"), relations="lines", view_embeddings=False),
    "arc colors": Arc(rules=("reduce", "fall"), relations="colors"),
    "coloring": Coloring(n=6),
    "coloring tokens": Coloring(n=5, layout="tokens", names="canonical"),
    "coloring positions": Coloring(n=5, k=4, positions=True),
    "countdown": Countdown(numbers=3),
    "countdown characters": Countdown(numbers=4, layout="characters"),
    "digits": Digits(),
    "grids": Grids(),
    "grids small": Grids(box=2),
    "nqueens": NQueens(n=6),
    "nqueens excluded": NQueens(n=6, excluded=3),
    "nqueens excluded tokens": NQueens(n=6, excluded=3, layout="tokens"),
    "nqueens input": NQueens(n=7, split="input", augmented=False),
    "nqueens tokens": NQueens(n=6, layout="tokens"),
    "sudoku": Sudoku(level="easy"),
    "sudoku small": Sudoku(box=2),
    "sudoku many": Sudoku(box=2, max_solutions=8),
}
over_tasks = pytest.mark.parametrize("name", VARIANTS)
HELD = [name for name, task in VARIANTS.items() if not isinstance(task, Arc | Countdown | Digits)]
"""Whose constraints have a likelihood."""
over_constraints = pytest.mark.parametrize("name", HELD)


@cache
def problems(name: str) -> list[object]:
    return VARIANTS[name].generate("train", 12, 3)


def test_every_task_is_tried() -> None:
    assert {type(task) for task in VARIANTS.values()} == {*TASKS.values()}


@over_tasks
def test_the_contract_is_kept(name: str) -> None:
    check_task(VARIANTS[name])


@over_constraints
@given(st.data())
def test_constraints_hold_where_an_answer_is_sure_and_right(name: str, data: st.DataObject) -> None:
    task = VARIANTS[name]
    problem = data.draw(st.sampled_from(problems(name)))
    target = data.draw(st.sampled_from([*task.targets(problem)])).clone()
    x = task.encode([problem])
    place = data.draw(st.integers(0, x.answered - 1))
    target[place] = data.draw(st.integers(0, task.spec.classes - 1))
    sure = torch.nn.functional.one_hot(target.clamp(min=0), task.spec.classes).float()[None]
    (log_prob,) = task.constraint_log_prob(x, sure)
    right = task.violations(problem, task.answer(problem, target.tolist())) == 0
    assert (log_prob > -0.01) == right and (log_prob < -5) == (not right)


@over_tasks
def test_known_solutions_are_solutions(name: str) -> None:
    """Of the task, for problems as they are, and of a pool, for examples as they were moved."""
    task = VARIANTS[name]
    some = problems(name)[:4]
    every = [task.targets(problem) for problem in some]
    targets = torch.stack([each[-1] for each in every])
    for problem, target, all_of_it, known in zip(
        some, targets, every, task.solutions_beside(some, targets), strict=True
    ):
        rows = {tuple(row) for row in known.tolist() if max(row) >= 0}
        assert tuple(target.tolist()) in rows <= {tuple(row) for row in all_of_it.tolist()}
        spelled = {task.canonical(task.answer(problem, row)) for row in rows}
        solutions = {task.canonical(task.answer(problem, row)) for row in all_of_it.tolist()}
        assert len(spelled) == len(rows) == min(len(solutions), task.max_known)
    x, drawn, solutions = Pool(task, some).draw(20, torch.Generator().manual_seed(0))
    known = task.align(solutions, drawn)
    answered = drawn >= 0
    assert torch.equal(answered, (torch.arange(drawn.shape[1]) < x.answered).expand_as(drawn))
    found = ((known == drawn[:, None]) | ~answered[:, None]).all(-1)
    assert (found.sum(1) == 1).all()
    sure = torch.nn.functional.one_hot(known.clamp(min=0), task.spec.classes).float()
    for place in range(known.shape[1] if name in HELD else 0):
        log_probs = task.constraint_log_prob(x, sure[:, place])
        assert (log_probs[(known[:, place] >= 0).any(-1)] > -0.01).all()


@over_constraints
def test_doubt_costs_and_has_a_gradient(name: str) -> None:
    task = VARIANTS[name]
    x = task.encode(problems(name)[:2])
    logits = torch.zeros(*x.tokens.shape, task.spec.classes, requires_grad=True)
    log_probs = task.constraint_log_prob(x, logits.softmax(-1))
    assert log_probs.shape == (2,) and (log_probs < -0.1).all()
    log_probs.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


@over_tasks
def test_all_targets_are_equally_likely(name: str) -> None:
    task = VARIANTS[name]
    for problem in problems(name):
        answers = [task.canonical(task.answer(problem, row)) for row in task.targets(problem).tolist()]
        counts = {answers.count(answer) for answer in set(answers)}
        assert len(counts) == 1


@over_tasks
def test_a_problem_alone_is_answered_as_among_others(name: str) -> None:
    """Also where all problems share their relations."""
    task = VARIANTS[name]
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, guidance=False))
    x = task.encode(problems(name))
    together = model(x, steps=2).logits
    for row in (0, 7):
        torch.testing.assert_close(model(x.select(torch.tensor([row])), steps=2).logits, together[row : row + 1])
        torch.testing.assert_close(model(task.encode([problems(name)[row]]), steps=2).logits, together[row : row + 1])


@over_tasks
def test_pins_hold_in_every_answer_before_and_after_a_move(name: str) -> None:
    task = VARIANTS[name]
    x = task.encode(problems(name))
    if x.pins is None:
        assert isinstance(task, Arc | Coloring | Countdown | Digits | Grids)
        return
    for problem, pins in zip(problems(name), x.pins, strict=True):
        pinned = pins >= 0
        assert pinned.any() and (task.targets(problem)[:, pinned] == pins[pinned]).all()
    drawn, targets, solutions = Pool(task, problems(name)).draw(50, torch.Generator().manual_seed(0))
    assert drawn.pins is not None
    pins = drawn.pins[:, None]
    for rows in (targets[:, None], solutions):
        assert ((rows == pins) | (pins < 0) | (rows < 0)).all()
    assert {*(drawn.pins >= 0).sum(1).tolist()} <= {*(x.pins >= 0).sum(1).tolist()}


@over_tasks
def test_values_are_names_or_kinds(name: str) -> None:
    """Colors and digits are interchangeable; an empty cell and a queen are not, nor are patches or numbers, nor the
    black of ARC and what is around its grids."""
    task, kinds = VARIANTS[name], isinstance(VARIANTS[name], Arc | NQueens | Digits | Countdown)
    classes = task.spec.classes
    expected = (0, 1, 2, *[3] * 9) if isinstance(task, Arc) else tuple(range(classes)) if kinds else (0,) * classes
    assert task.spec.values == expected
    assert task.encode(problems(name)).values == (None if kinds else classes)


@over_tasks
def test_no_file_no_problem(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt"):
        VARIANTS[name].load(str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match=r"takes a"):
        VARIANTS[name].prepare("nothing")
