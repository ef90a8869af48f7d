"""Families of problems: data, relations, checker, exact solutions and picture, one a file."""

from gram_pyro.registry import Registry
from gram_pyro.tasks.base import Answer, Examples, Problems, Task, TrainingSet
from gram_pyro.tasks.coloring import Coloring
from gram_pyro.tasks.nqueens import NQueens

TASKS = Registry("task", Task, coloring=Coloring, nqueens=NQueens)

__all__ = ["TASKS", "Answer", "Coloring", "Examples", "NQueens", "Problems", "Task", "TrainingSet"]
