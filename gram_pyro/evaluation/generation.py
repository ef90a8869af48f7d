"""How good samples of a task without input are, where every answer is valid."""

from collections.abc import Sequence
from typing import Any

from gram_pyro.inference.sampling import Draws
from gram_pyro.tasks.base import Task


def quality_rows(
    task: Task, problems: Sequence[Any], drawn: Sequence[Draws], at: int, samples: int, steps: int
) -> list[dict[str, Any]]:
    """Return `Task.quality` of the first `samples` of each problem at depth number `at`, and of real answers.

    A row each, the real ones without steps; no rows where the task has no such scores, or takes an input.
    """
    if task.blank is None:
        return []
    pairs = zip(problems, drawn, strict=True)
    answers = [task.answer(problem, row) for problem, each in pairs for row in each.decoded[at][:samples].tolist()]
    return [
        {"of": name, "steps": None if name == "real" else steps, **scores}
        for name, scores in task.quality(answers).items()
    ]


def quality_report(task: Task, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what `--json` prints of all rows: samples first, then real answers once for each number of them."""
    if not rows:
        return {}
    samples, real = ([row for row in rows if row["of"] == name] for name in ("samples", "real"))
    once = {row["images"]: row for row in real}
    ordered = sorted(samples, key=lambda row: (row["steps"], row["images"]))
    return {"quality": [*ordered, *once.values()], "quality_note": task.quality_note}
