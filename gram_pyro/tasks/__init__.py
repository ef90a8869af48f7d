"""Families of problems: data, relations, checker, exact solutions and picture, one a file."""

from gram_pyro.registry import Registry
from gram_pyro.tasks.base import Answer, Examples, Problems, Task, TrainingSet
from gram_pyro.tasks.coloring import Coloring
from gram_pyro.tasks.nqueens import NQueens
from gram_pyro.tasks.nqueens_boards import Board
from gram_pyro.tasks.sudoku import Sudoku
from gram_pyro.tasks.sudoku_checker import Puzzle

TASKS = Registry("task", Task, coloring=Coloring, nqueens=NQueens, sudoku=Sudoku)

__all__ = [
    "TASKS",
    "Answer",
    "Board",
    "Coloring",
    "Examples",
    "NQueens",
    "Problems",
    "Puzzle",
    "Sudoku",
    "Task",
    "TrainingSet",
]
