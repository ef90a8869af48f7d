"""Sudoku: the task, its solver, checker, files and split."""

from gram_pyro.tasks.sudoku.checker import Puzzle
from gram_pyro.tasks.sudoku.task import Sudoku

__all__ = ["Puzzle", "Sudoku"]
