"""Training examples for N-Queens: boards with all their completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gram_pyro.tasks.base import Examples, TrainingSet
from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.solver import diagonal_symmetries, symmetries

if TYPE_CHECKING:
    from gram_pyro.tasks.nqueens.task import NQueens


class NQueensPool(TrainingSet):
    """Boards of one size and their completions.

    A draw takes a board uniformly and one of its completions uniformly; if the task augments, both are
    turned or mirrored at random, and excluded diagonals with them.
    """

    task: NQueens

    def __init__(self, task: NQueens, boards: Sequence[Board]) -> None:
        self.task = task
        solutions = [task.completed(board) for board in boards]
        self.tokens, self.excluded = task.tokens(boards), task.marks(boards)
        self.counts = torch.tensor([len(answers) for answers in solutions])
        self.offsets = self.counts.cumsum(0) - self.counts
        self.answers = torch.from_numpy(np.concatenate(solutions))
        self.moves = torch.from_numpy(symmetries(task.n))
        self.diagonal_moves = torch.from_numpy(diagonal_symmetries(task.n))
        width = min(task.listed, int(self.counts.max()))
        self.listed = torch.full((len(boards), width, task.n), -1, dtype=torch.int16)
        for row, answers in zip(self.listed, solutions, strict=True):
            shown = answers[:: -(-len(answers) // width)]
            row[: len(shown)] = torch.from_numpy(shown.nonzero()[1].reshape(len(shown), task.n))

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """`count` boards and completions; `solutions` `(count, listed, n)` are cells of queens, -1 where none."""
        board = torch.randint(len(self.counts), (count,), generator=generator)
        choice = (torch.rand(count, generator=generator, dtype=torch.double) * self.counts[board]).long()
        tokens, answers = self.tokens[board], self.answers[self.offsets[board] + choice].long()
        excluded, listed = self.excluded[board], self.listed[board]
        if self.task.augment:
            turn = torch.randint(len(self.moves), (count,), generator=generator)
            move = self.moves[turn]
            tokens, answers = (torch.empty_like(part).scatter_(1, move, part) for part in (tokens, answers))
            excluded = torch.empty_like(excluded).scatter_(1, self.diagonal_moves[turn], excluded)
            cells = listed.long().clamp(min=0).flatten(1)
            listed = torch.where(listed < 0, -1, move.gather(1, cells).view(listed.shape)).to(listed.dtype)
        return Examples(self.task.problems(tokens, excluded), answers, listed)

    def known(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """The listed completions."""
        listed = solutions.long()
        boards = torch.zeros(*listed.shape[:2], targets.shape[1], dtype=torch.long)
        boards.scatter_(2, listed.clamp(min=0), 1)
        return boards.where(listed[..., :1] >= 0, -1)

    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """A completion drawn by its probability at the decoder, among the listed ones."""
        batch, listed, n = solutions.shape
        cells = solutions.long().clamp(min=0).flatten(1)
        odds = (log_probs[..., 1] - log_probs[..., 0]).gather(1, cells).view(batch, listed, n)
        scores = odds.sum(-1).masked_fill(solutions[..., 0] < 0, -torch.inf)
        chosen = torch.multinomial(scores.softmax(1), 1, generator=generator)
        queens = solutions.long().gather(1, chosen[..., None].expand(-1, -1, n))[:, 0]
        return torch.zeros(batch, n * n, dtype=torch.long).scatter_(1, queens, 1)
