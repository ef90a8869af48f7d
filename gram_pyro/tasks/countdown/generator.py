"""Random Countdown problems."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gram_pyro.tasks.countdown.checker import MAX_NUMBER
from gram_pyro.tasks.countdown.equations import CountdownProblem

AT_ONCE = 1024  # numbers that are drawn together, at least
Integers = NDArray[np.int64]
Wanted = Callable[[Integers, Integers], NDArray[np.bool_]]


def random_problems(
    count: int, numbers: int, targets: Integers, wanted: Wanted, rng: Generator
) -> list[CountdownProblem]:
    """Draw at most `count` different problems: fewer once hardly any new one is drawn.

    A target is uniform over `targets`, and the numbers are uniform from 1 to 99, given that the problem is `wanted`:
    a function of numbers `(problems, numbers)` and targets `(problems,)`.
    """
    chosen: dict[CountdownProblem, None] = {}
    while (missing := count - len(chosen)) > 0:
        drawn = rng.choice(targets, max(missing, 64))
        reached = np.sort(numbers_for(drawn, numbers, wanted, rng), 1)
        before = len(chosen)
        problems = map(CountdownProblem, map(tuple, reached.tolist()), drawn.tolist())
        chosen |= dict.fromkeys(problems)
        if len(chosen) == before:
            break
    return [*chosen][:count]


def numbers_for(targets: Integers, numbers: int, wanted: Wanted, rng: Generator) -> Integers:
    """Draw numbers for each of the targets until the problem is wanted: `(problems, numbers)`."""
    found = np.zeros((len(targets), numbers), dtype=np.int64)
    open_rows = np.arange(len(targets))
    while len(open_rows):
        tries = 1 + AT_ONCE // len(open_rows)
        drawn = rng.integers(1, MAX_NUMBER + 1, (tries, len(open_rows), numbers))
        fits = wanted(drawn.reshape(-1, numbers), np.tile(targets[open_rows], tries)).reshape(tries, -1)
        done = fits.any(0)
        found[open_rows[done]] = drawn[fits.argmax(0)[done], np.flatnonzero(done)]
        open_rows = open_rows[~done]
    return found
