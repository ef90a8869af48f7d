"""Exact solution of many sudoku puzzles at once: candidates as bit masks, singles, and a search with branches."""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gram_pyro.tasks.sudoku.box import Box, sides, square_box

AT_ONCE = 1024  # states that are taken from the stack together, at least, if there are so many
UNIT_AXES = ((2, 3), (0, 1), (1, 3))  # axes of (band, row, stack, column) that run within a row, a column and a box
ONE = np.uint16(1)
BITS = np.array([mask.bit_count() for mask in range(1 << 16)], dtype=np.uint8)

Grids = NDArray[np.int8]
Masks = NDArray[np.unsignedinteger[Any]]
"""A bit for each digit: 16 bits, or 32 where there are more digits."""


class SearchResult(NamedTuple):
    """What a search found of each puzzle."""

    solutions: list[Grids]
    """`(at most limit, cells)`, in lexicographic order."""
    guesses: NDArray[np.int64]
    """`(puzzles,)`, at how many states it had to branch: how hard the puzzle is."""
    undecided: NDArray[np.bool_]
    """`(puzzles,)`, whether it gave up before it had either tried everything or found enough."""


def candidates_of(puzzles: Grids) -> Masks:
    """Return a bit for each digit that a cell may have: all where a puzzle `(puzzles, cells)` has 0, else one."""
    size = round(puzzles.shape[1] ** 0.5)
    digits = puzzles.astype(np.int64)
    masks = np.where(digits > 0, 1 << np.maximum(digits - 1, 0), (1 << size) - 1)
    return masks.astype(np.uint16 if size <= 16 else np.uint32)


def search(
    candidates: Masks,
    limit: int,
    branches: int = 1_000_000,
    rng: Generator | None = None,
    box: Box | None = None,
) -> SearchResult:
    """Find up to `limit` solutions of each puzzle, given as `candidates` `(puzzles, cells)`; square boxes by default.

    A puzzle with fewer solutions has no others, unless it is undecided: it is given up once it has branched more than
    `branches` times. Branches on a cell with the fewest candidates, in the order of the digits or, with a generator, in
    random order. The guesses of a puzzle that has fewer solutions than `limit` do not depend on the order.
    """
    count, cells = candidates.shape
    rows, columns = sides(square_box(cells) if box is None else box)
    guesses, found = np.zeros((2, count), dtype=np.int64)
    grids, owners = [np.zeros((0, cells), dtype=np.int8)], [np.zeros(0, dtype=np.int64)]
    stack = blocks(np.ascontiguousarray(candidates.T), np.arange(count))
    while stack:
        popped = [stack.pop()]
        while stack and sum(len(block[1]) for block in popped) < AT_ONCE:
            popped.append(stack.pop())
        states = np.concatenate([block[0] for block in popped], axis=1)
        owner = np.concatenate([block[1] for block in popped])
        states, owner = select(states, owner, (found[owner] < limit) & (guesses[owner] <= branches))
        states = propagate(states, rows, columns)
        states, owner = select(states, owner, states[0] > 0)
        solved = (states & (states - ONE) == 0).all(0)
        grids.append(bits(states[:, solved].T - ONE).view(np.int8) + np.int8(1))
        owners.append(owner[solved])
        found += np.bincount(owner[solved], minlength=count)
        states, owner = select(states, owner, ~solved)
        guesses += np.bincount(owner, minlength=count)
        stack += blocks(*children(states, owner, rng))
    every, owner = np.concatenate(grids), np.concatenate(owners)
    text = np.ascontiguousarray(every).view(f"S{cells}")[:, 0]  # no digit is 0, so this is the lexicographic order
    parts = np.split(every[np.lexsort((text, owner))], np.bincount(owner, minlength=count).cumsum())[:-1]
    return SearchResult([part[:limit] for part in parts], guesses, (guesses > branches) & (found < limit))


def blocks(states: Masks, owner: NDArray[np.int64]) -> list[tuple[Masks, NDArray[np.int64]]]:
    """Return states `(cells, states)` and the puzzles they belong to, in pieces small enough for the cache."""
    starts = range(0, len(owner), AT_ONCE)
    return [(states[:, start : start + AT_ONCE], owner[start : start + AT_ONCE]) for start in starts]


def select(states: Masks, owner: NDArray[np.int64], chosen: NDArray[np.bool_]) -> tuple[Masks, NDArray[np.int64]]:
    """Return the chosen states and their owners, contiguous, which indexing would not give."""
    return states.compress(chosen, axis=1), owner[chosen]


def children(states: Masks, owner: NDArray[np.int64], rng: Generator | None) -> tuple[Masks, NDArray[np.int64]]:
    """Return every state with each candidate of a cell with the fewest put there; first choices come last."""
    size, parents = round(len(states) ** 0.5), np.arange(len(owner))
    choices = bits(states)
    cell = np.where(choices > 1, choices, size + 1).argmin(0)
    possible = states[cell, parents][:, None] >> np.arange(size) & 1 == 1
    keys = np.broadcast_to(np.arange(size), possible.shape) if rng is None else rng.random(possible.shape)
    order = np.where(possible, keys, np.inf).argsort(1)
    number = possible.sum(1)
    chosen = [(parents[number > rank], order[number > rank, rank]) for rank in reversed(range(size))]
    parent, digit = (np.concatenate(part) for part in zip(*chosen, strict=True))
    made = states.take(parent, axis=1)
    made[cell[parent], np.arange(len(parent))] = 1 << digit
    return made, owner[parent]


def bits(masks: Masks) -> NDArray[np.uint8]:
    """Return how many digits each mask has."""
    return BITS[masks] if masks.dtype == np.uint16 else BITS[masks & 0xFFFF] + BITS[masks >> 16]


def propagate(states: Masks, rows: int, columns: int) -> Masks:
    """Apply naked and hidden singles to `(cells, states)` until nothing changes; all 0 at a contradiction."""
    result = states.copy()
    active = np.arange(states.shape[1])
    while len(active):
        before = result.take(active, axis=1)
        after, dead = singles(before, rows, columns)
        after[:, dead] = 0
        result[:, active] = after
        active = active[(after != before).any(0) & ~dead]
    return result


def singles(states: Masks, rows: int, columns: int) -> tuple[Masks, NDArray[np.bool_]]:
    """Apply naked, then hidden singles once; also return which states `(states,)` that led to a contradiction.

    A box has `rows` and `columns`.
    """
    cells, count = states.shape
    size = rows * columns
    full = (1 << size) - 1
    grid = states.reshape(columns, rows, rows, columns, count)
    single = where(grid & (grid - ONE) == 0, grid)
    fixed, taken = grid & single, np.zeros_like(grid)
    for axes in UNIT_AXES:
        taken |= np.bitwise_or.reduce(fixed, axis=axes, keepdims=True)
    grid = grid & (single | ~taken)  # two equal fixed digits show later, as another digit finds no place
    only, present = np.zeros_like(grid), np.full(count, full, dtype=grid.dtype)
    dead = grid.reshape(cells, count).min(0) == 0
    for axes in UNIT_AXES:
        once, twice = tally(grid, axes)
        only |= once & ~twice
        present &= np.bitwise_and.reduce(once.reshape(size, count), axis=0)
    forced = grid & only
    dead |= (present != full) | (forced & (forced - ONE)).reshape(cells, count).any(0)
    return (forced | grid & where(forced == 0, grid)).reshape(cells, count), dead


def where(condition: NDArray[np.bool_], like: Masks) -> Masks:
    """Return all bits where the condition holds, none elsewhere; numpy is much faster on masks than with `np.where`."""
    return np.negative(condition.view(np.uint8), dtype=like.dtype)


def tally(grid: Masks, axes: tuple[int, int]) -> tuple[Masks, Masks]:
    """Return the candidates that occur at least once, and at least twice, in each unit that runs along `axes`."""
    unit = grid.transpose(*axes, *(axis for axis in range(grid.ndim) if axis not in axes))
    once, twice = np.zeros((2, *unit.shape[2:]), dtype=grid.dtype)
    for line in unit:
        for cell in line:
            twice |= once & cell
            once |= cell
    return np.expand_dims(once, axes), np.expand_dims(twice, axes)
