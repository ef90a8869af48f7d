"""Training examples: problems with their known solutions."""

from collections.abc import Sequence
from typing import Any

import torch

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Examples, Task


class Pool:
    """Problems of one size and their solutions to draw from. Raises `UserError` if one has none, or too many."""

    def __init__(self, task: Task, problems: Sequence[Any]) -> None:
        self.task = task
        x = task.encode_for_pool(problems)
        self.problems = x._replace(relations=None if x.relations is None else x.relations.bool())
        solutions = task.known_solutions(problems)
        self.counts = torch.tensor([len(rows) for rows in solutions])
        if missing := int((self.counts == 0).sum()):
            raise UserError(f"training takes problems with a solution; {missing} of {len(problems)} have none")
        self.offsets = self.counts.cumsum(0) - self.counts
        listed = torch.cat([*solutions])
        self.solutions = listed.to(torch.int16) if listed.max() < 2**15 else listed
        self.steps = (self.counts + task.max_known - 1) // task.max_known
        self.width = int(((self.counts + self.steps - 1) // self.steps).max())

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """Draw `count` augmented examples: a problem uniformly, then one of its solutions uniformly.

        At most `Task.max_known` evenly spaced solutions of each problem come with it.
        """
        row = torch.randint(len(self.counts), (count,), generator=generator)
        counts, offsets, steps = (part[row][:, None] for part in (self.counts, self.offsets, self.steps))
        target = (torch.rand(count, 1, generator=generator, dtype=torch.double) * counts).long()
        listed = torch.arange(self.width) * steps
        places = torch.cat((target, listed.minimum(counts - 1)), 1)
        missing = torch.cat((torch.zeros_like(target, dtype=torch.bool), listed >= counts), 1)
        problems = self.problems.select(row)
        if problems.relations is not None:
            problems = problems._replace(relations=problems.relations.float())
        problems, answers = self.task.augment(problems, self.solutions[offsets + places].long(), generator)
        answers = answers.masked_fill(missing[..., None], -1)
        return Examples(problems, answers[:, 0], answers[:, 1:].to(torch.int16))
