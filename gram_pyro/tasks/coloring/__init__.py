"""Graph coloring: the task, its solver, checker, files and split."""

from gram_pyro.tasks.coloring.task import Coloring

__all__ = ["Coloring"]
