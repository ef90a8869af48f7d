"""What every task promises, over all tasks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from gram_pyro.errors import UserError
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.tasks import TASKS, Coloring, NQueens, Sudoku, Task
from gram_pyro.tasks.pool import Pool

torch.set_num_threads(1)
VARIANTS: dict[str, Task] = {
    "coloring": Coloring(n=6),
    "coloring tokens": Coloring(n=5, layout="tokens", names="canonical"),
    "coloring positions": Coloring(n=5, k=4, positions=True),
    "nqueens": NQueens(n=6),
    "nqueens excluded": NQueens(n=6, excluded=3),
    "nqueens input": NQueens(n=7, split="input", augmented=False),
    "sudoku": Sudoku(level="easy"),
    "sudoku small": Sudoku(box=2),
    "sudoku many": Sudoku(box=2, max_solutions=8),
}
over_tasks = pytest.mark.parametrize("name", VARIANTS)


@cache
def problems(name: str) -> list[object]:
    return VARIANTS[name].generate("train", 12, 3)


def test_every_task_is_tried() -> None:
    assert {type(task) for task in VARIANTS.values()} == {*TASKS.values()}


@over_tasks
@given(st.data())
def test_solutions_pass_and_corrupted_ones_do_not(name: str, data: st.DataObject) -> None:
    task = VARIANTS[name]
    problem = data.draw(st.sampled_from(problems(name)))
    solutions = task.solutions(problem)
    assert solutions and len(set(solutions)) == len(solutions) and task.solvable(problem) is True
    solution = data.draw(st.sampled_from(solutions))
    assert task.violations(problem, solution) == 0 and task.canonical(solution) == solution
    assert all(type(number) is int for number in task.to_json(solution))
    place, value = data.draw(st.integers(0, len(solution) - 1)), data.draw(st.integers(0, task.spec.classes - 1))
    changed = (*solution[:place], value, *solution[place + 1 :])
    assert (task.violations(problem, changed) == 0) == (task.canonical(changed) in solutions)


@over_tasks
@given(st.data())
def test_constraints_hold_where_an_answer_is_sure_and_right(name: str, data: st.DataObject) -> None:
    task = VARIANTS[name]
    problem = data.draw(st.sampled_from(problems(name)))
    target = data.draw(st.sampled_from([*task.targets(problem)])).clone()
    place = data.draw(st.integers(0, task.asked(len(target)) - 1))
    target[place] = data.draw(st.integers(0, task.spec.classes - 1))
    sure = torch.nn.functional.one_hot(target.clamp(min=0), task.spec.classes).float()[None]
    (held,) = task.constraint_log_prob(task.encode([problem]), sure)
    right = task.violations(problem, task.answer(problem, target.tolist())) == 0
    assert (held > -0.01) == right and (held < -5) == (not right)


@over_tasks
def test_what_is_known_are_solutions(name: str) -> None:
    """Of the task, for problems as they are, and of a training set, for examples as they were moved about."""
    task = VARIANTS[name]
    some = problems(name)[:4]
    every = [task.targets(problem) for problem in some]
    targets = torch.stack([each[-1] for each in every])
    for problem, all_of_it, shown in zip(some, every, task.known(some, targets), strict=True):
        rows = {tuple(row) for row in shown.tolist() if max(row) >= 0}
        assert rows <= {tuple(row) for row in all_of_it.tolist()}
        spelled = {task.canonical(task.answer(problem, row)) for row in rows}
        assert len(spelled) == len(rows) == min(len(task.solutions(problem)), task.max_known)
    training_set = Pool(task, some)
    x, drawn, solutions = training_set.draw(20, torch.Generator().manual_seed(0))
    known = training_set.known(solutions, drawn)
    asked = drawn >= 0
    found = ((known == drawn[:, None]) | ~asked[:, None]).all(-1)
    assert found.any(1).all() and (found.sum(1) == 1).all()
    sure = torch.nn.functional.one_hot(known.clamp(min=0), task.spec.classes).float()
    for place in range(known.shape[1]):
        held = task.constraint_log_prob(x, sure[:, place])
        assert (held[(known[:, place] >= 0).any(-1)] > -0.01).all()


@over_tasks
def test_doubt_costs_and_has_a_gradient(name: str) -> None:
    task = VARIANTS[name]
    x = task.encode(problems(name)[:2])
    logits = torch.zeros(*x.tokens.shape, task.spec.classes, requires_grad=True)
    held = task.constraint_log_prob(x, logits.softmax(-1))
    assert held.shape == (2,) and (held < -0.1).all()
    held.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


@over_tasks
def test_targets_are_the_solutions(name: str) -> None:
    task = VARIANTS[name]
    for problem in problems(name):
        answers = [task.canonical(task.answer(problem, row)) for row in task.targets(problem).tolist()]
        assert sorted(set(answers)) == sorted(task.solutions(problem))
        counts = {answers.count(answer) for answer in set(answers)}
        assert len(counts) == 1 or isinstance(task, Coloring)  # fewer colors have fewer names


@over_tasks
def test_tensors_fit_the_network(name: str) -> None:
    task = VARIANTS[name]
    x = task.encode(problems(name))
    batch, length = x.tokens.shape
    assert batch == 12 and x.tokens.min() >= 0 and x.tokens.max() < task.spec.vocabulary
    assert (x.relations is None) == (task.spec.relations == 0)
    if x.relations is not None:
        assert x.relations.shape[-3:] == (task.spec.relations, length, length) and x.relations.dim() in (3, 4)
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16))
    assert model(x).logits.shape == (12, length, task.spec.classes)


@over_tasks
def test_a_problem_alone_is_answered_as_among_others(name: str) -> None:
    """Also where all problems share their relations."""
    task = VARIANTS[name]
    model = Gram(task.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, guidance=False))
    x = task.encode(problems(name))
    together = model(x, steps=2).logits
    for row in (0, 7):
        torch.testing.assert_close(model(x.select(torch.tensor([row])), steps=2).logits, together[row : row + 1])


@over_tasks
def test_drawn_examples_fit_each_other(name: str) -> None:
    """A target is among what `retarget` may draw, which depends on nothing but its generator."""
    task = VARIANTS[name]
    training_set = Pool(task, problems(name))
    x, targets, solutions = training_set.draw(40, torch.Generator().manual_seed(0))
    assert targets.shape == x.tokens.shape and len(solutions) == 40
    sure = 50 * torch.nn.functional.one_hot(targets.clamp(min=0), task.spec.classes).float()
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 1)]
    again = [training_set.retarget(solutions, sure.log_softmax(-1), generator) for generator in generators]
    assert torch.equal(again[0], targets) and torch.equal(*again)


@over_tasks
def test_the_same_seed_gives_the_same_problems_in_disjoint_splits(name: str) -> None:
    task = VARIANTS[name]
    train, test = (task.encode(task.generate(split, 12, 3)) for split in ("train", "test"))  # type: ignore[arg-type]
    assert torch.equal(train.tokens, task.encode(problems(name)).tokens)
    rows = [{*zip(*(map(repr, part.tolist()) for part in x.rows()), strict=True)} for x in (train, test)]
    assert not rows[0] & rows[1]


@over_tasks
@given(st.data())
def test_beliefs_coincide_where_answers_count_as_the_same(name: str, data: st.DataObject) -> None:
    """Two sure answers have coincidence 1 if they are canonically equal, and 0 if not."""
    task = VARIANTS[name]
    problem = data.draw(st.sampled_from(problems(name)))
    targets = task.targets(problem)
    rows = targets[[data.draw(st.integers(0, len(targets) - 1)) for _ in range(2)]]
    one_hot = torch.nn.functional.one_hot(rows.clamp(min=0), task.spec.classes).float()
    first, second = task.equivalence_probs(one_hot)
    answers = [task.canonical(task.answer(problem, row)) for row in rows.tolist()]
    assert (first * second).sum(-1).prod().item() == (answers[0] == answers[1])


@over_tasks
def test_pictures_are_drawn_with_and_without_an_answer(name: str) -> None:
    task, problem = VARIANTS[name], problems(name)[0]
    for answer in (None, task.solutions(problem)[0]):
        axes = Figure().subplots()
        task.draw(problem, answer, axes)
        assert axes.get_children()


@over_tasks
def test_no_file_no_problem(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt"):
        VARIANTS[name].load(str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match=r"takes a"):
        VARIANTS[name].prepare("nothing")
