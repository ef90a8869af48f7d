"""Exact search: places are filled one after the other, and a value is taken back where no other place can follow."""

from collections.abc import Callable, Iterator


def fillings(
    values: list[int],
    choose: Callable[[set[int]], int],
    options: Callable[[int], list[int]],
    move: Callable[[int, int, int], None],
    limit: int,
) -> Iterator[tuple[int, ...]]:
    """Yield every way to fill the places of `values` that are -1; `values` changes meanwhile.

    `choose` returns which of the empty places to fill next, `options` the values possible there, the last of them to
    be tried first; `move(place, value, change)` takes note of a value that is put there (+1) or taken back (-1).
    Raises `TimeoutError` after `limit` branches."""
    empty = {place for place, value in enumerate(values) if value < 0}
    stack: list[tuple[int, list[int]]] = []  # (place, values still to try there)
    branches = 0
    while True:
        if empty:
            place = choose(empty)
            empty.discard(place)
            stack.append((place, options(place)))
        else:
            yield tuple(values)
        while stack:
            place, untried = stack[-1]
            if values[place] >= 0:
                move(place, values[place], -1)
                values[place] = -1
            if untried:
                break
            empty.add(place)
            stack.pop()
        if not stack:
            return
        branches += 1
        if branches > limit:
            raise TimeoutError(f"undecided after {limit} branches")
        values[place] = untried.pop()
        move(place, values[place], +1)
