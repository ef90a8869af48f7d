"""Choosing one of many answers to a problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.base import Task


def first(answers: Sequence[Answer], values: Sequence[float] | None, violations: Sequence[int]) -> int:
    """The first sample: no selection."""
    return 0


def majority(answers: Sequence[Answer], values: Sequence[float] | None, violations: Sequence[int]) -> int:
    """The answer given most often, the earliest of equals."""
    votes = Counter(answers)
    return max(range(len(answers)), key=lambda i: (votes[answers[i]], -i))


def value(answers: Sequence[Answer], values: Sequence[float] | None, violations: Sequence[int]) -> int:
    """The answer that the value head thinks best of (best of N by the Latent Process Reward Model)."""
    assert values is not None
    return max(range(len(answers)), key=lambda i: values[i])


def checker(answers: Sequence[Answer], values: Sequence[float] | None, violations: Sequence[int]) -> int:
    """The answer that breaks the fewest constraints: what the task itself can verify."""
    return min(range(len(answers)), key=lambda i: violations[i])


Selection = Callable[[Sequence[Answer], Sequence[float] | None, Sequence[int]], int]
SELECTIONS: dict[str, Selection] = {"first": first, "majority": majority, "value": value, "checker": checker}


def possible(has_values: bool) -> list[str]:
    """The ways to choose: all of them, but by value only where there is a value head."""
    return [name for name in SELECTIONS if name != "value" or has_values]


def check_selection(name: str, has_values: bool) -> None:
    """Raises `UserError` for an unknown way to choose, or by value where there is no value head."""
    if name not in SELECTIONS:
        raise UserError(f"unknown selection {name!r}; known are {', '.join(SELECTIONS)}")
    if name == "value" and not has_values:
        raise UserError(
            "selection by value needs a value head, and this checkpoint has none; "
            "python -m gram_pyro.train_heads RUN trains one"
        )


def select(
    name: str,
    task: Task,
    answers: Sequence[Answer],
    values: Sequence[float] | None,
    violations: Sequence[int],
) -> int:
    """Place of the chosen sample. `answers` of one problem, `values` v(z) of each or None, `violations` of each.

    Answers that count as the same (`Task.canonical`) vote together.
    Raises `UserError` for an unknown way to choose, or by value without values.
    """
    check_selection(name, values is not None)
    return SELECTIONS[name]([task.canonical(answer) for answer in answers], values, violations)
