"""Whether decoded values solve a problem, by the checker of its task."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gram_pyro.tasks import Answer, Task

ViolationCache = dict[tuple[int, Answer], tuple[int, Answer]]
"""Violations and canonical form by the identity of a problem and the answer; the problems must outlive it."""


class Judged(NamedTuple):
    """Answers to one problem, how many constraints each breaks, and `Task.canonical` of each."""

    answers: list[Answer]
    violations: list[int]
    canonical: list[Answer]

    @property
    def valid(self) -> list[Answer]:
        """Canonical forms of the answers that break no constraint, as often as they were given."""
        return [answer for answer, count in zip(self.canonical, self.violations, strict=True) if not count]


def judge(task: Task, problem: Any, rows: Iterable[Sequence[int]], seen: ViolationCache | None = None) -> Judged:
    """Judge rows of decoded values `(length,)` of one problem; each answer in `seen` only once."""
    seen = {} if seen is None else seen
    answers = [task.answer(problem, row) for row in rows]
    for answer in answers:
        if (id(problem), answer) not in seen:
            seen[id(problem), answer] = task.violations(problem, answer), task.canonical(answer)
    verdicts = [seen[id(problem), answer] for answer in answers]
    return Judged(answers, [count for count, _ in verdicts], [form for _, form in verdicts])
