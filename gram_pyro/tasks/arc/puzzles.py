"""Puzzles of pairs of grids, and what tells them apart whatever their name and the order of their pairs."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from numpy.typing import ArrayLike

from gram_pyro.tasks.arc.views import IDENTITY, Grid, View, grid_of

MAX_SIDE = 30
COLORS = 10


class Pair(NamedTuple):
    """An input and its output; None where nobody says."""

    input: Grid
    output: Grid | None


class ArcPuzzle(NamedTuple):
    """Demonstrations of one rule, and inputs to apply it to."""

    id: str
    demonstrations: tuple[Pair, ...]
    tests: tuple[Pair, ...]

    @property
    def key(self) -> str:
        """Return a hash of the demonstrations in any order: what a puzzle embedding belongs to."""
        return digest(self.demonstrations)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return demonstrations and tests."""
        return self.demonstrations + self.tests

    def __str__(self) -> str:
        return f"{self.id}: {len(self.demonstrations)} demonstrations, {len(self.tests)} tests"


class ArcProblem(NamedTuple):
    """One pair of a puzzle under a view: the network sees the input and the puzzle's embedding."""

    puzzle: str
    """The id of the puzzle."""
    embedding: int
    """The number of its embedding, among those of the puzzles."""
    pair: Pair
    view: View = IDENTITY
    test: int | None = None
    """Which test of its puzzle it is, from 0; None for a demonstration."""

    def __str__(self) -> str:
        kind = "a demonstration" if self.test is None else f"test {self.test + 1}"
        return f"{self.puzzle}, {kind}"


def pair_of(input_: ArrayLike, output: ArrayLike | None) -> Pair:
    """Return a pair of arrays `(rows, columns)`."""
    return Pair(grid_of(input_), None if output is None else grid_of(output))


def digest(parts: Iterable[object]) -> str:
    """Return a hash of parts in any order: 16 hexadecimal digits."""
    return blake2b("\n".join(sorted(map(repr, parts))).encode(), digest_size=8).hexdigest()


def largest_side(puzzles: Sequence[ArcPuzzle]) -> int:
    """Return the most rows or columns of any grid."""
    grids = (grid for puzzle in puzzles for pair in puzzle.pairs for grid in pair if grid is not None)
    return max(max(len(grid), len(grid[0])) for grid in grids)
