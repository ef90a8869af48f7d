"""How all results of some numbers come from those of fewer, and in which orders their equations can be written."""

from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = tuple[int, ...]
OPERATIONS = 4


class Plan(NamedTuple):
    """A table with a place for each result of each subset of the numbers: the numbers first, then larger subsets."""

    joins: list[tuple[slice, slice]]
    """Places of both halves, for each way to halve each subset but the whole."""
    ends: list[tuple[slice, slice]]
    """The same for the whole."""
    operations: NDArray[np.int64]
    """`(places, 3)`: the places of both operands of a result, and the operation; -1 for a number."""
    pairs: NDArray[np.int64]
    """`(pairs, 2)`: the places of both operands, for all pairs in `ends`."""
    orders: NDArray[np.int64]
    """`(pairs, orders, equations - 1)`: the equations before the last, by the place of their result, in every order in
    which operands come first; orders repeat where a pair has fewer than another."""


@lru_cache(maxsize=3)
def plan_of(count: int) -> Plan:
    """Return the plan for so many numbers."""
    whole = (1 << count) - 1
    places = {1 << number: slice(number, number + 1) for number in range(count)}
    joins: list[tuple[slice, slice]] = []
    operations: list[Places] = [(-1, -1, -1)] * count
    orders: list[list[Places]] = [[()]] * count
    for subset in sorted(range(1, whole), key=int.bit_count)[count:]:
        start = len(operations)
        for halves in halvings(places, subset):
            joins.append(halves)
            for operation, (left, right) in product(range(OPERATIONS), pairs_of(*halves)):
                both = merged(orders[left], orders[right])
                orders.append([(*order, len(operations)) for order in both])
                operations.append((left, right, operation))
        places[subset] = slice(start, len(operations))
    ends = halvings(places, whole)
    pairs = [pair for halves in ends for pair in pairs_of(*halves)]
    before = [merged(orders[left], orders[right]) for left, right in pairs]
    most = max(map(len, before))
    filled = [(each * most)[:most] for each in before]
    return Plan(joins, ends, np.array(operations), np.array(pairs), np.array(filled))


def halvings(places: dict[int, slice], subset: int) -> list[tuple[slice, slice]]:
    """Return the places of both halves for each way to halve a subset of numbers, given as bits."""
    lowest = subset & -subset
    lefts = [left for left in range(1, subset) if left & subset == left and left & lowest]
    return [(places[left], places[subset - left]) for left in lefts]


def pairs_of(left: slice, right: slice) -> list[tuple[int, int]]:
    """Return all pairs of a place of one and a place of another part of the table."""
    return [*product(range(left.start, left.stop), range(right.start, right.stop))]


def merged(firsts: list[Places], seconds: list[Places]) -> list[Places]:
    """Return all sequences that merge one of `firsts` and one of `seconds`, each in its own order."""
    found: list[Places] = []
    for first, second in product(firsts, seconds):
        length = len(first) + len(second)
        for chosen in combinations(range(length), len(first)):
            one, other = iter(first), iter(second)
            found.append(tuple(next(one if place in chosen else other) for place in range(length)))
    return found
