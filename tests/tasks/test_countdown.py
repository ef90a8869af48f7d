"""Countdown: solver and checker against every expression tree, one form for equal answers, layouts, split, files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gram_pyro import sample
from gram_pyro.errors import UserError
from gram_pyro.runs import store
from gram_pyro.tasks import Countdown, CountdownProblem
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.base import Split
from gram_pyro.tasks.countdown.generator import random_problems
from gram_pyro.tasks.countdown.picture import Node, trees_of
from gram_pyro.tasks.countdown.solver import reachable, solve
from gram_pyro.tasks.countdown.split import targets_of
from tests.commands.test_sample import tiny_run

PLUS, MINUS, TIMES, OVER = -4, -3, -2, -1
SPLITS: tuple[Split, ...] = get_args(Split)
LAYOUTS = [Countdown(numbers=n, layout=layout) for n in (3, 4, 5) for layout in ("numbers", "characters")]  # type: ignore[arg-type]
over_layouts = pytest.mark.parametrize("task", LAYOUTS, ids=lambda task: f"{task.numbers} {task.layout}")

Pool = tuple[Fraction, ...]
Equation = tuple[Fraction, str, Fraction, Fraction]


def steps(pool: Pool) -> Iterator[tuple[Pool, Equation]]:
    """Every way to replace two numbers by a positive integer, operands in both orders."""
    for i, j in permutations(range(len(pool)), 2):
        a, b = pool[i], pool[j]
        for operator, result in (("+", a + b), ("-", a - b), ("*", a * b), ("/", a / b)):
            if result > 0 and result.denominator == 1:
                rest = [number for place, number in enumerate(pool) if place not in (i, j)]
                yield tuple(sorted([*rest, result])), (a, operator, b, result)


@cache
def trees(pool: Pool, target: int) -> frozenset[tuple[Equation, ...]]:
    """The equations of every expression tree, sorted, with the operands of + and * sorted."""
    if len(pool) == 1:
        return frozenset({()} if pool == (target,) else ())
    found = set()
    for smaller, (a, operator, b, result) in steps(pool):
        a, b = (max(a, b), min(a, b)) if operator in "+*" else (a, b)
        found |= {tuple(sorted([*later, (a, operator, b, result)])) for later in trees(smaller, target)}
    return frozenset(found)


def values_of(pool: Pool) -> set[Fraction]:
    """Everything that the numbers can reach."""
    return {*pool} if len(pool) == 1 else {value for smaller, _ in steps(pool) for value in values_of(smaller)}


def orders(pool: Pool, target: int) -> set[Answer]:
    """Every right answer, as it may be written: in all orders, of operands too."""
    if len(pool) == 1:
        return {()} if pool == (target,) else set()
    return {
        (int(a), "+-*/".index(operator) - 4, int(b), int(result), *later)
        for smaller, (a, operator, b, result) in steps(pool)
        for later in orders(smaller, target)
    }


def exact(numbers: Any) -> Pool:
    return tuple(sorted(map(Fraction, numbers)))


def equations(answer: Answer) -> tuple[Equation, ...]:
    """The equations of an answer, sorted."""
    fours = [answer[place : place + 4] for place in range(0, len(answer), 4)]
    return tuple(sorted((Fraction(a), "+-*/"[code], Fraction(b), Fraction(c)) for a, code, b, c in fours))


def solved(*numbers: int, target: int) -> list[Answer]:
    return Countdown(numbers=len(numbers)).solutions(CountdownProblem(tuple(sorted(numbers)), target))


small_or_large = st.one_of(st.integers(1, 9), st.integers(1, 99))


@given(st.lists(small_or_large, min_size=3, max_size=3), st.data())
def test_three_numbers_by_brute_force(numbers: list[int], data: st.DataObject) -> None:
    pool = exact(numbers)
    for target in (int(data.draw(st.sampled_from(sorted(values_of(pool))))), data.draw(st.integers(1, 120))):
        solutions, expected = solved(*numbers, target=target), trees(pool, target)
        assert {equations(answer) for answer in solutions} == expected and len(solutions) == len(expected)
        assert reachable(np.array([numbers]), np.array([target])) == [bool(expected)]


@pytest.mark.parametrize(
    ("numbers", "target"),
    [
        ((3, 7, 4, 6), 40), ((2, 2, 4, 4), 12), ((5, 5, 5, 5), 26), ((1, 1, 1, 1), 3), ((99, 98, 97, 96), 10),
        ((7, 14, 7, 2), 35), ((60, 80, 50, 1), 96), ((3, 4, 7, 2), 7), ((99, 99, 99, 99), 96_059_601),
        ((1, 2, 3, 4, 6), 24), ((99, 99, 99, 99, 99), 99), ((2, 3, 4, 7, 14), 23), ((99, 97, 95, 93, 91), 100),
    ],
)  # fmt: skip
def test_four_and_five_numbers_by_brute_force(numbers: tuple[int, ...], target: int) -> None:
    solutions, expected = solved(*numbers, target=target), trees(exact(numbers), target)
    assert {equations(answer) for answer in solutions} == expected and len(solutions) == len(expected)


def test_many_problems_are_solved_as_each_alone() -> None:
    """Among more than are solved at once, in any order of their numbers."""
    rng = np.random.default_rng(0)
    numbers, targets = rng.integers(1, 20, (1030, 4)), rng.integers(10, 101, 1030)
    together = solve(numbers, targets)
    assert len(together) == 1030 and (reachable(numbers, targets) == [len(rows) > 0 for rows in together]).all()
    for place in (0, 1, 511, 512, 1023, 1024, 1029):
        assert sorted(map(tuple, together[place].tolist())) == solved(*numbers[place].tolist(), target=targets[place])


def test_targets_past_everything_are_not_reached() -> None:
    for target in (99**5 + 1, 2**53, 10**18 - 1):
        assert solved(99, 99, 99, 99, 99, target=target) == []
    assert solved(99, 99, 99, 99, 99, target=99**5)


def test_canonical_form_of_the_solver_is_that_of_an_answer() -> None:
    for task in LAYOUTS[::2]:
        for problem in task.generate("train", 20, 1):
            for answer in task.solutions(problem):
                assert task.canonical(answer) == answer and task.violations(problem, answer) == 0


@pytest.mark.parametrize(("numbers", "target"), [((3, 7, 4, 6), 40), ((2, 2, 4, 4), 12), ((1, 2, 2, 3), 10)])
def test_all_ways_to_write_a_solution_have_one_form(numbers: tuple[int, ...], target: int) -> None:
    """And no two solutions share it."""
    written, task = orders(exact(numbers), target), Countdown()
    forms: dict[tuple[Equation, ...], set[Answer]] = {}
    for answer in written:
        form = task.canonical(answer)
        assert form in written and task.canonical(form) == form
        forms.setdefault(equations(form), set()).add(form)
    assert all(len(each) == 1 for each in forms.values()) and forms.keys() == trees(exact(numbers), target)


def test_grouping_is_not_commuting() -> None:
    """(6 + 3) + 1 and 6 + (3 + 1) are two of the solutions; (3 + 6) + 1 is none."""
    sums = [answer for answer in solved(1, 3, 6, target=10) if {answer[1], answer[5]} == {PLUS}]
    assert sums == [
        (3, PLUS, 1, 4, 6, PLUS, 4, 10), (6, PLUS, 1, 7, 7, PLUS, 3, 10), (6, PLUS, 3, 9, 9, PLUS, 1, 10),
    ]  # fmt: skip


def test_the_least_order_may_lead_nowhere() -> None:
    """2 + 2 comes before 4 - 2, and would leave no 2 for it."""
    late = (4, MINUS, 2, 2, 2, PLUS, 2, 4)
    assert late in solved(2, 2, 4, target=4) and Countdown(numbers=3).canonical(late) == late


CODES = st.one_of(st.integers(-4, -1), st.integers(1, 12))


@given(st.sampled_from(sorted(orders(exact((1, 2, 4, 5)), 10))), st.integers(0, 11), CODES, st.permutations(range(3)))
def test_checker_by_brute_force(answer: Answer, place: int, code: int, order: list[int]) -> None:
    """One symbol is another, and equations come in any order; no form makes a wrong answer right."""
    task, problem = Countdown(), CountdownProblem((1, 2, 4, 5), 10)
    changed = (*answer[:place], code, *answer[place + 1 :])
    for tried in (changed, tuple(code for four in order for code in answer[4 * four : 4 * four + 4])):
        right = tried in orders(exact(problem.numbers), problem.target)
        assert (task.violations(problem, tried) == 0) == right
        form = task.canonical(tried)
        assert task.canonical(form) == form and Counter(form) == Counter(tried)
        assert (task.violations(problem, form) == 0) == right


def test_violations_are_counted() -> None:
    task, problem = Countdown(numbers=3), CountdownProblem((3, 4, 7), 40)
    for answer, violations in {
        (7, PLUS, 3, 10, 10, TIMES, 4, 40): 0,
        (7, PLUS, 3, 11, 10, TIMES, 4, 40): 3,  # a wrong sum, a 10 that is not there, an 11 left over
        (7, PLUS, 3, 10, 10, TIMES, 4, 41): 2,
        (10, TIMES, 4, 40, 7, PLUS, 3, 10): 2,  # the 10 is not there yet, and one is left
        (7, PLUS, 3, 10): 2,
        (): 3,
        (PLUS, 7, 3, 10, 10, TIMES, 4, 40): 4,
        (7, PLUS, 3): 4,
    }.items():
        assert task.violations(problem, answer) == violations
    inexact = (7, OVER, 2, 3, 10, TIMES, 3, 30)
    assert task.violations(CountdownProblem((2, 7, 10), 30), inexact) == 1


@over_layouts
def test_layouts_spell_what_they_read(task: Countdown) -> None:
    for problem in task.generate("test", 12, 0):
        solutions = task.solutions(problem)
        rows = task.targets(problem)
        assert sorted(task.answer(problem, row) for row in rows.tolist()) == solutions
        x = task.encode([problem])
        assert (rows[:, x.answered :] == -1).all() and rows.shape[1] == x.tokens.shape[1]


@over_layouts
def test_problems_look_different_up_to_a_target_of_100(task: Countdown) -> None:
    numbers = (*[7] * (task.numbers - 1), 98)
    others = [CountdownProblem((*numbers[:-1], last), 50) for last in range(7, 98)]
    seen = task.encode([*others, *(CountdownProblem(numbers, target) for target in range(1, 102))]).tokens
    assert len(torch.unique(seen, dim=0)) == len(seen)
    above = task.encode([CountdownProblem(numbers, target) for target in (101, 102, 10**18 - 1)]).tokens
    assert (above == seen[-1]).all()


def test_an_end_fills_what_follows() -> None:
    task, problem = Countdown(numbers=3, layout="characters"), CountdownProblem((3, 4, 7), 40)
    row = next(row for row in task.targets(problem) if task.answer(problem, row)[:4] == (7, PLUS, 3, 10))
    assert row.tolist()[14:] == [0] * 12 + [-1] * 12
    changed = row.clone()
    changed[20] = 5
    assert task.answer(problem, changed) == task.answer(problem, row) == (7, PLUS, 3, 10, 10, TIMES, 4, 40)
    changed[0] = 0
    assert task.answer(problem, changed) == ()
    for place, value, text in ((1, 5, "743=10;10*4=40"), (0, 1, "0+3=10;10*4=40"), (6, 1, "7+3=10010*4=40")):
        changed = row.clone()
        changed[place] = value
        answer = task.answer(problem, changed)
        assert task.to_json(answer) == text and task.violations(problem, answer) == 4
        assert task.canonical(answer) == answer


def test_all_solutions_fit_into_the_characters() -> None:
    """Of numbers whose products are long, and of the longest known."""
    rng = np.random.default_rng(0)
    for count, most in ((3, 200), (4, 200), (5, 40)):
        task = Countdown(numbers=count, layout="characters")
        drawn = [*rng.integers(90, 100, (most, count)), [99] * count]
        for numbers in drawn:
            problem = task.prepare(CountdownProblem(tuple(numbers), 99))
            assert len(task.targets(problem)) == len(task.solutions(problem))


def test_results_beyond_the_largest_are_solutions_and_no_targets() -> None:
    problem = CountdownProblem((50, 60, 80), 96)
    for largest, spelled in ((999, 0), (4799, 0), (4800, 1)):
        task = Countdown(numbers=3, largest=largest)
        assert task.solutions(problem) == [(80, TIMES, 60, 4800, 4800, OVER, 50, 96)] and task.solvable(problem)
        assert len(task.targets(problem)) == spelled
    task = Countdown(largest=100)
    drawn = task.generate("train", 200, 0)
    assert max(max(answer) for problem in drawn for answer in task.solutions(problem)) == 100


def test_a_tenth_of_the_targets_is_held_out() -> None:
    train, validation, test = (targets_of(split).tolist() for split in SPLITS)
    assert sorted([*train, *validation, *test]) == [*range(10, 101)] and len(test) == 9 and 100 in train
    assert test == [13, 22, 41, 45, 47, 59, 62, 67, 83]  # published results rest on it
    for split, targets in zip(SPLITS, (train, validation, test), strict=True):
        for task in (Countdown(numbers=3), Countdown(layout="characters")):
            drawn = task.generate(split, 600, 2) + task.unsolvable(split, 600, 2)
            assert {problem.target for problem in drawn} == {*targets} and len({*drawn}) == 1200
            assert all(list(problem.numbers) == sorted(problem.numbers) for problem in drawn)


def test_targets_are_uniform_and_numbers_are_those_that_reach_them() -> None:
    """By counting all sorted triples of numbers, each as often as it has orders."""
    drawn = Countdown(numbers=3, layout="characters").generate("validation", 3000, 0)
    counts = Counter(problem.target for problem in drawn)
    assert all(abs(count - 600) < 100 for count in counts.values())
    triples = np.array([t for t in product(range(1, 100), repeat=3) if t[0] <= t[1] <= t[2]])
    ways = np.array([6, 3, 1])[(np.diff(triples, axis=1) == 0).sum(1)]
    weights = ways * reachable(triples, np.full(len(triples), 69))
    expected = (weights * triples.sum(1)).sum() / weights.sum()
    sums = [sum(problem.numbers) for problem in drawn if problem.target == 69]
    assert abs(np.mean(sums) - expected) < 4 * np.std(sums) / len(sums) ** 0.5


def test_few_problems_are_all_found() -> None:
    """Where more are asked for than there are, also of numbers that are hardly ever drawn."""
    drawn = random_problems(50, 3, np.array([10]), lambda numbers, _: numbers.sum(1) >= 295, np.random.default_rng(0))
    assert sorted(problem.numbers for problem in drawn) == [(97, 99, 99), (98, 98, 99), (98, 99, 99), (99, 99, 99)]


@pytest.mark.parametrize("text", ["3 7 4 6 -> 40", "3,7,4,6->40", "  3, 7 4  6 ->  40 "])
def test_a_problem_written_out(text: str) -> None:
    task, problem = Countdown(), CountdownProblem((3, 4, 6, 7), 40)
    assert task.read(text) == [problem] == [task.prepare(text)] == task.read(str(problem))
    assert task.prepare(CountdownProblem((np.int64(3), 7, 4, 6), 40)) == problem  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("3 7 4 6 8 9 -> 40", "the problem has 6 numbers, but this task takes 4"),
        ("3 7 -> 40", "the problem has 2 numbers, but this task takes 4"),
        ("3 7 0 6 -> 40", "the number 0 does not lie between 1 and 99"),
        ("3 7 -4 6 -> 40", "the number -4 does not"), ("3 7 100 6 -> 40", "the number 100 does not"),
        ("3 7 4 6 -> 0", "the target 0 does not lie"), ("three 7 4 6 -> 40", "'three' is no whole number"),
        ("3 7 4 6 -> forty", "'forty' is no whole number"), ("3 7 4.5 6 -> 40", "'4.5' is no whole number"),
        ("3 7 4 6", "'3 7 4 6' has no target; write a problem as 3 7 4 6 -> 40"),
        ("3 7 4 6 ->", "0 targets after ->"), ("3 7 4 6 -> 40 41", "2 targets after ->"),
        ("3 7 4 6 -> 40 -> 41", "'->' is no whole number"), ("3 7 4 \u0666 -> 40", "is no whole number"),
        ("3 7 4 6 -> 9999999999999999999", "of at most 18 digits"),
        ("words", "'words': no such file; a problem is written as 3 7 4 6 -> 40"), ("", "no such file"),
    ],
)  # fmt: skip
def test_what_is_no_problem_is_refused(text: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=error):
        Countdown().prepare(Countdown().read(text)[0])


@pytest.mark.parametrize("problem", [None, 40, (3, 4, 6, 7), "hello", CountdownProblem((3, 4, 6, True), 40)])
def test_what_is_no_problem_in_python_is_refused(problem: Any) -> None:
    with pytest.raises(UserError, match=r"takes a problem as Count|True is no whole number"):
        Countdown().prepare(problem)


@pytest.mark.parametrize("options", [{"numbers": 2}, {"numbers": 6}, {"largest": 99}, {"largest": 10_000}])
def test_what_is_no_task_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"3, 4 or 5 numbers|between 100 and 9,999"):
        Countdown(**options)  # type: ignore[arg-type]


def test_files_have_a_problem_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, path = Countdown(), tmp_path / "some.txt"
    path.write_text("# mine\n3 7 4 6 -> 40  # easy\n\n1 2 3 4 -> 24\r\n")
    expected = [CountdownProblem((3, 4, 6, 7), 40), CountdownProblem((1, 2, 3, 4), 24)]
    assert task.read(str(path)) == expected
    (tmp_path / "more.countdown").write_text("words\n1 2 3 4 -> 10\n")
    (tmp_path / "none.md").write_text("words")
    with pytest.raises(UserError, match=r"more\.countdown: line 1: 'words' has no target"):
        task.load(str(tmp_path))
    assert task.load(str(tmp_path), skip_bad=True) == [CountdownProblem((1, 2, 3, 4), 10), *expected]
    assert "1 of 2 problems in" in capsys.readouterr().err
    path.write_text("# nothing\n")
    for name, error in (("some.txt", "no problem in this file"), ("none.md", "unknown ending '.md'")):
        with pytest.raises(UserError, match=error):
            task.load(str(tmp_path / name))


def nodes_of(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from nodes_of([*node.children])


def test_the_picture_is_a_tree_and_what_is_wrong_is_red() -> None:
    problem = CountdownProblem((3, 4, 7), 40)
    for answer, labels, wrong in (
        ((7, PLUS, 3, 10, 10, TIMES, 4, 40), {"10 * 4 = 40": 2, "7 + 3 = 10": 1, "3": 0, "4": 0, "7": 0}, set()),
        ((7, PLUS, 3, 11, 11, TIMES, 4, 44), {"11 * 4 = 44": 2, "7 + 3 = 11": 1}, {"7 + 3 = 11", "11 * 4 = 44"}),
        ((7, PLUS, 3, 10, 5, TIMES, 8, 40), {"5 * 8 = 40": 1, "7 + 3 = 10": 1}, {"5", "8", "7 + 3 = 10", "4"}),
        ((PLUS,), {"3": 0, "4": 0, "7": 0}, {"3", "4", "7"}),
    ):
        nodes = [*nodes_of(trees_of(problem, answer))]
        assert labels.items() <= {node.label: node.height for node in nodes}.items()
        assert {node.label for node in nodes if not node.right} == wrong


@pytest.mark.parametrize("layout", ["numbers", "characters"])
def test_sampling_a_problem(
    layout: Any, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(task=Countdown(numbers=3, layout=layout))
    monkeypatch.setattr(store, "load_run", lambda *_: run)
    for target, solvable in ((40, True), (41, False), (10**6, False)):
        sample.main(["tiny", "--problem", f"3 7 4 -> {target}", "--samples", "3", "--json"])
        result = json.loads(capsys.readouterr().out)
        assert result["solvable"] is solvable and len(result["answers"]) == 3
        assert all(isinstance(answer, str) for answer in result["answers"])
        assert (result["message"] == "no solution exists: the problem is not solvable") is not solvable
    sample.main(["tiny", "--problem", "3 7 4 -> 40", "--samples", "2"])
    assert (folder / "problem-solutions.png").is_file()
    with pytest.raises(UserError, match="missing: --problem FILE"):
        sample.main(["tiny"])
