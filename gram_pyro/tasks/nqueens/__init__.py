"""N-Queens: the task, its solver, checker, files and split."""

from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.task import NQueens

__all__ = ["Board", "NQueens"]
