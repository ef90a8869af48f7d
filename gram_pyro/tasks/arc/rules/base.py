"""What a rule of the embedded puzzles is: parameters to draw, inputs to draw for them, and what it makes of a grid."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.random import Generator

from gram_pyro.tasks.arc.views import Cells

Parameters = Any
"""What a puzzle draws once: a direction, a map of colors ..."""


class Rule(NamedTuple):
    """A family of puzzles: `apply` is exact and draws nothing."""

    apply: Callable[[Cells, Parameters], Cells]
    """From an input `(rows, columns)` and parameters to the output, for any grid."""
    inputs: Callable[[Generator, Parameters], Cells]
    """Draw an input."""
    parameters: Callable[[Generator], Parameters] = lambda rng: None
    """Draw what the demonstrations must tell."""


def one_of(*options: Parameters) -> Callable[[Generator], Parameters]:
    """Return a function that draws one of some parameters."""
    return lambda rng: options[rng.integers(len(options))]
