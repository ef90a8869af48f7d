"""Families of problems: data, relations, checker, exact solutions and picture, one a folder."""

from gram_pyro.registry import Registry
from gram_pyro.tasks.abilities import Answer, Wording
from gram_pyro.tasks.arc.puzzles import ArcProblem, ArcPuzzle
from gram_pyro.tasks.arc.task import Arc
from gram_pyro.tasks.base import Examples, Problems, Spec, Split, Task
from gram_pyro.tasks.coloring.task import Coloring
from gram_pyro.tasks.countdown.equations import CountdownProblem
from gram_pyro.tasks.countdown.task import Countdown
from gram_pyro.tasks.digits.images import Image
from gram_pyro.tasks.digits.task import Digits
from gram_pyro.tasks.grids.task import Grids
from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.task import NQueens
from gram_pyro.tasks.pool import Pool
from gram_pyro.tasks.sudoku.checker import Puzzle
from gram_pyro.tasks.sudoku.task import Sudoku

TASKS = Registry(
    "task",
    Task,
    arc=Arc,
    coloring=Coloring,
    countdown=Countdown,
    digits=Digits,
    grids=Grids,
    nqueens=NQueens,
    sudoku=Sudoku,
)

__all__ = [
    "TASKS", "Answer", "Arc", "ArcProblem", "ArcPuzzle", "Board", "Coloring", "Countdown", "CountdownProblem", "Digits",
    "Examples", "Grids", "Image", "NQueens", "Pool", "Problems", "Puzzle", "Spec", "Split", "Sudoku", "Task", "Wording",
]  # fmt: skip
