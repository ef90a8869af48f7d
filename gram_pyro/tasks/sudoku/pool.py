"""Training examples for sudoku: puzzles with all their solutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Examples, TrainingSet
from gram_pyro.tasks.sudoku.checker import Puzzle
from gram_pyro.tasks.sudoku.symmetry import Symmetries, identity, random_symmetries

if TYPE_CHECKING:
    from gram_pyro.tasks.sudoku.task import Sudoku


class SudokuPool(TrainingSet):
    """Puzzles of one size and their solutions.

    A draw takes a puzzle uniformly and one of its solutions uniformly; if the task augments, one random
    symmetry is applied to both.
    """

    task: Sudoku

    def __init__(self, task: Sudoku, puzzles: Sequence[Puzzle]) -> None:
        self.task = task
        self.puzzles = torch.tensor([puzzle.cells for puzzle in puzzles], dtype=torch.int8)
        try:
            solutions = task.all_solutions(puzzles)
        except TimeoutError as error:
            raise UserError(f"training lists all solutions of a puzzle, and one has too many: {error}") from None
        self.counts = torch.tensor([len(answers) for answers in solutions])
        self.offsets = self.counts.cumsum(0) - self.counts
        self.answers = torch.from_numpy(np.concatenate(solutions))

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """`count` puzzles and solutions.

        `solutions` `(count, 1 + cells + size + 1)`: which puzzle it is, and the cells and the digits of the
        symmetry that was applied; so all solutions are known without moving them about.
        """
        puzzle = torch.randint(len(self.counts), (count,), generator=generator)
        choice = (torch.rand(count, generator=generator, dtype=torch.double) * self.counts[puzzle]).long()
        if self.task.augment:
            symmetries = random_symmetries(count, self.task.box, generator)
        else:
            symmetries = identity(count, self.task.box)
        problems = self.task.problems(symmetries.apply(self.puzzles[puzzle]))
        targets = symmetries.apply(self.answers[self.offsets[puzzle] + choice]) - 1
        return Examples(problems, targets, torch.cat([puzzle[:, None], *symmetries], 1).int())

    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """A solution drawn by its probability at the decoder, among the listed ones."""
        listed = self.listed(solutions)
        scores = log_probs.gather(2, listed.clamp(min=0).transpose(1, 2)).sum(1)
        scores = scores.masked_fill(listed[..., 0] < 0, -torch.inf)
        chosen = torch.multinomial(scores.softmax(1), 1, generator=generator)[:, 0]
        return listed[torch.arange(len(listed)), chosen]

    def known(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """The listed solutions."""
        return self.listed(solutions)

    def listed(self, solutions: Tensor) -> Tensor:
        """At most `listed` evenly spaced solutions as targets `(batch, listed, cells)`, -1 where there are fewer."""
        puzzle, cells, digits = solutions.long().tensor_split((1, 1 + self.puzzles.shape[1]), 1)
        counts = self.counts[puzzle]
        most = self.task.listed
        step = (counts + most - 1) // most
        place = torch.arange(int(counts.max().clamp(max=most))) * step
        found = self.answers[(self.offsets[puzzle] + place.minimum(counts - 1)).flatten()]
        symmetries = Symmetries(*(part.repeat_interleave(place.shape[1], 0) for part in (cells, digits)))
        targets = symmetries.apply(found).view(len(solutions), -1, cells.shape[1]) - 1
        return targets.where((place < counts)[..., None], -1)
