"""Families of problems: data, relations, checker, exact solutions and picture, one a folder."""

from gram_pyro.registry import Registry
from gram_pyro.tasks.base import Answer, Examples, Problems, Task, TrainingSet
from gram_pyro.tasks.coloring import Coloring
from gram_pyro.tasks.nqueens import Board, NQueens
from gram_pyro.tasks.sudoku import Puzzle, Sudoku

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
