"""All solutions of many Countdown problems at once.

The results of every subset of the numbers are tabled, small subsets first; two halves of all numbers are then joined
wherever that gives the target. What cannot be computed is NaN. Floating-point numbers are exact here: no result is
above 99^5, far below 2^53.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.countdown.plan import OPERATIONS, plan_of

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

AT_ONCE = {3: 1024, 4: 512, 5: 64}
"""Problems that are solved together, few enough for the cache, by how many numbers they have."""
OPERAND_BITS = 27  # an operand is at most 99^4


class Hits(NamedTuple):
    """Where two operands give the target of their problem, each `(hits,)`."""

    problem: Integers
    pair: Integers
    operation: Integers


def solve(numbers: Integers, targets: Integers) -> list[Integers]:
    """Return all solutions of each problem in canonical form, as answers: `(solutions, 4 * (numbers - 1))`.

    `numbers` `(problems, numbers)`, 3 to 5 of them from 1 to 99; `targets` `(problems,)`.
    """
    solved: list[Integers] = []
    count = numbers.shape[1]
    size = AT_ONCE[count]
    for start in range(0, len(numbers), size):
        some, goals = numbers[start : start + size], targets[start : start + size]
        values = results(some)
        problem, equations = distinct(*written(values, goals, find_hits(values, goals, count), count))
        solved += np.split(equations, np.searchsorted(problem, np.arange(1, len(goals))))
    return solved


def reachable(numbers: Integers, targets: Integers) -> NDArray[np.bool_]:
    """Return whether each problem has a solution `(problems,)`; `numbers` and `targets` as in `solve`."""
    reached = np.zeros(len(numbers), dtype=bool)
    count = numbers.shape[1]
    size = AT_ONCE[count]
    for start in range(0, len(numbers), size):
        some, goals = numbers[start : start + size], targets[start : start + size]
        for met in meetings(results(some), goals, count):
            reached[start : start + size] |= met.any((0, 1))
    return reached


def results(numbers: Integers) -> Floats:
    """Return the results of all subsets but the whole, in the places of `plan_of`: `(places, problems)`."""
    plan, place = plan_of(numbers.shape[1]), numbers.shape[1]
    values = np.empty((len(plan.operations), len(numbers)))
    values[:place] = numbers.T
    for left, right in plan.joins:
        first, second = values[left, None], values[None, right]
        greater, lesser = np.maximum(first, second), np.minimum(first, second)
        end = place + OPERATIONS * greater.shape[0] * greater.shape[1]
        added, subtracted, multiplied, divided = values[place:end].reshape(OPERATIONS, *greater.shape)
        np.add(first, second, out=added)
        np.subtract(greater, lesser, out=subtracted)
        np.multiply(first, second, out=multiplied)
        np.divide(greater, lesser, out=divided)
        subtracted[subtracted == 0] = np.nan
        divided[divided != np.floor(divided)] = np.nan
        place = end
    return values


def meetings(values: Floats, targets: Integers, count: int) -> Iterator[NDArray[np.bool_]]:
    """Yield where two operands give the target, `(left, right, problems)`: a plan's ends with all four operations."""
    for left, right in plan_of(count).ends:
        first, second = values[left, None], values[None, right]
        yield first + second == targets
        yield np.abs(first - second) == targets
        yield first * second == targets
        yield (first == second * targets) | (second == first * targets)


def find_hits(values: Floats, targets: Integers, count: int) -> Hits:
    """Return where the target is met."""
    parts: list[Hits] = []
    pairs = 0
    for number, met in enumerate(meetings(values, targets, count)):
        pair, problem = met.reshape(-1, len(targets)).nonzero()
        operation = number % OPERATIONS
        parts.append(Hits(problem, pairs + pair, np.full_like(pair, operation)))
        if operation == OPERATIONS - 1:
            pairs += met.shape[0] * met.shape[1]
    return Hits(*map(np.concatenate, zip(*parts, strict=True)))


def written(values: Floats, targets: Integers, hits: Hits, count: int) -> tuple[Integers, Integers]:
    """Return the problem `(rows,)` and the equations `(rows, equations, 4)` of each hit, in every order."""
    plan = plan_of(count)
    places = plan.orders[hits.pair]  # (hits, orders, equations - 1)
    last = np.concatenate([plan.pairs[hits.pair], hits.operation[:, None]], 1)[:, None, None]
    made = np.concatenate([plan.operations[places], np.broadcast_to(last, (*places.shape[:2], 1, 3))], 2)
    problem = np.broadcast_to(hits.problem[:, None, None], made.shape[:3])
    first, second = values[made[..., 0], problem], values[made[..., 1], problem]
    reached = np.concatenate([values[places, problem[..., :-1]], targets[problem[..., -1:]]], 2)
    parts = [np.maximum(first, second), made[..., 2] - OPERATIONS, np.minimum(first, second), reached]
    equations = np.stack(parts, -1).astype(np.int64)
    return problem[..., 0].ravel(), equations.reshape(-1, count - 1, 4)


def distinct(problem: Integers, equations: Integers) -> tuple[Integers, Integers]:
    """Return each set of equations of a problem once, in its least order: `(rows,)` and `(rows, 4 * equations)`.

    Rows are sorted by problem.
    """
    greater, operation, lesser = equations[..., 0], equations[..., 1] + OPERATIONS, equations[..., 2]
    keys = ((greater * OPERATIONS + operation) << OPERAND_BITS) + lesser
    same = np.concatenate([problem[:, None], np.sort(keys, 1)], 1)
    order = np.lexsort(np.concatenate([same, keys], 1).T[::-1])
    same = same[order]
    new = np.ones(len(same), dtype=bool)
    new[1:] = (same[1:] != same[:-1]).any(1)
    chosen = order[new]
    return problem[chosen], equations[chosen].reshape(len(chosen), equations.shape[1] * 4)
