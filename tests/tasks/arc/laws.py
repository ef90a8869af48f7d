"""The rules again, in plain Python on lists: for each its possible parameters, and what it makes of an input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import permutations, product
from typing import Any

Rows = list[list[int]]
Cell = tuple[int, int]
COLORS = range(1, 10)
SIDES = range(4)


def mirrored(g: Rows) -> Rows:
    return [row[::-1] for row in g]


def flipped(g: Rows) -> Rows:
    return g[::-1]


def transposed(g: Rows) -> Rows:
    return [list(column) for column in zip(*g, strict=True)]


def turned(g: Rows, times: int = 1) -> Rows:
    """Counterclockwise."""
    for _ in range(times % 4):
        g = flipped(transposed(g))
    return g


def aligned(step: Callable[[Rows], Rows]) -> Callable[[Rows, int], Rows]:
    """A rule for one side, for all four."""
    return lambda g, side: turned(step(turned(g, side)), -side)


def cells(g: Rows) -> dict[Cell, int]:
    return {(i, j): color for i, row in enumerate(g) for j, color in enumerate(row)}


def colored(g: Rows) -> dict[Cell, int]:
    return {cell: color for cell, color in cells(g).items() if color}


def made(g: Rows, function: Callable[[int, int, int], int]) -> Rows:
    return [[function(i, j, color) for j, color in enumerate(row)] for i, row in enumerate(g)]


def near(cell: Cell) -> list[Cell]:
    i, j = cell
    return [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]


def reached(start: Iterable[Cell], allowed: Iterable[Cell]) -> set[Cell]:
    found, todo, free = set[Cell](), [*start], {*allowed}
    while todo:
        cell = todo.pop()
        if cell in free and cell not in found:
            found.add(cell)
            todo += near(cell)
    return found


def objects(g: Rows) -> list[set[Cell]]:
    left, found = {*colored(g)}, []
    while left:
        found.append(reached([min(left)], left))
        left -= found[-1]
    return found


def only(g: Rows, kept: Iterable[Cell]) -> Rows:
    chosen = {*kept}
    return made(g, lambda i, j, color: color if (i, j) in chosen else 0)


def box(g: Rows, chosen: Iterable[Cell]) -> Rows:
    rows, columns = zip(*chosen, strict=True)
    return [row[min(columns) : max(columns) + 1] for row in g[min(rows) : max(rows) + 1]]


def counts(g: Rows) -> Counter[int]:
    return Counter(colored(g).values())


def beside(g: Rows, side: int) -> Rows:
    if side % 2:
        return [row[::-1] + row if side >= 2 else row + row[::-1] for row in g]
    return g[::-1] + g if side >= 2 else g + g[::-1]


def pinwheel(g: Rows, sense: int) -> Rows:
    a, b, c, d = (turned(g, sense * number) for number in range(4))
    return [x + y for x, y in zip(a, b, strict=True)] + [x + y for x, y in zip(d, c, strict=True)]


def symmetric(g: Rows, axis: int) -> Rows:
    other = mirrored(g) if axis else flipped(g)
    return made(g, lambda i, j, color: color or other[i][j])


def repeated(g: Rows, times: Cell) -> Rows:
    return [row * times[1] for row in g] * times[0]


def rolled(g: Rows, by: Cell) -> Rows:
    return made(g, lambda i, j, _: g[(i - by[0]) % len(g)][(j - by[1]) % len(g[0])])


def enlarged(g: Rows, by: int) -> Rows:
    return [[color for color in row for _ in range(by)] for row in g for _ in range(by)]


def fractal(g: Rows, _: None) -> Rows:
    return [[g[i % 3][j % 3] if g[i // 3][j // 3] else 0 for j in range(9)] for i in range(9)]


def renamed(g: Rows, names: dict[int, int]) -> Rows:
    return made(g, lambda i, j, color: names.get(color, color))


def by_key(g: Rows, _: None) -> Rows:
    names = {row[0]: row[1] for row in g}
    return [row[:2] + [names.get(color, color) for color in row[2:]] for row in g]


def by_size(g: Rows, names: tuple[int, ...]) -> Rows:
    sizes = {cell: len(each) for each in objects(g) for cell in each}
    return made(g, lambda i, j, color: names[min(sizes[i, j], 4) - 1] if color else 0)


def most(g: Rows, first: int) -> Rows:
    (name, _) = counts(g).most_common()[0 if first else -1]
    return made(g, lambda i, j, color: color * (color == name))


def kept(g: Rows, largest: int) -> Rows:
    return only(g, sorted(objects(g), key=len)[-1 if largest else 0])


def inside(g: Rows) -> set[Cell]:
    black = {cell for cell, color in cells(g).items() if not color}
    border = {(i, j) for i, j in black if i in (0, len(g) - 1) or j in (0, len(g[0]) - 1)}
    return black - reached(border, black)


def hollow(g: Rows, _: None) -> Rows:
    full = colored(g)
    return only(g, (cell for cell in full if not all(each in full for each in near(cell))))


def spread(g: Rows, name: int) -> Rows:
    full = colored(g)
    return made(g, lambda i, j, color: color or name * any(each in full for each in near((i, j))))


def slide(g: Rows) -> Rows:
    while not any(g[-1]):
        g = [g[-1], *g[:-1]]
    return g


def fall(g: Rows) -> Rows:
    columns = [[color for color in column if color] for column in transposed(g)]
    return transposed([[0] * (len(g) - len(column)) + column for column in columns])


def at_wall(g: Rows, wanted: int) -> Rows:
    last = len(g) - 1, len(g[0]) - 1
    chosen = [
        each
        for each in objects(g)
        if any(0 in cell or i == last[0] or j == last[1] for cell in each for i, j in [cell])
    ]
    return only(g, {cell for each in objects(g) if (each in chosen) == bool(wanted) for cell in each})


def framed(g: Rows, parameters: Cell) -> Rows:
    name, thickness = parameters
    for _ in range(thickness):
        width = len(g[0]) + 2
        g = [[name] * width, *([name, *row, name] for row in g), [name] * width]
    return g


def corners(g: Rows, name: int) -> Rows:
    found = [row[:] for row in g]
    for each in objects(g):
        rows, columns = zip(*each, strict=True)
        for i, j in product((min(rows), max(rows)), (min(columns), max(columns))):
            found[i][j] = name
    return found


def rays(g: Rows) -> Rows:
    found = []
    for row in g:
        last, line = 0, []
        for color in row:
            last = color or last
            line.append(last)
        found.append(line)
    return found


def connected(g: Rows) -> Rows:
    found = [row[:] for row in g]
    for row, line in zip(g, found, strict=True):
        for name in {*row} - {0}:
            places = [j for j, color in enumerate(row) if color == name]
            for j in range(places[0], places[-1]):
                line[j] = name
    return found


def cross(g: Rows, name: int) -> Rows:
    ((row, column),) = colored(g)
    return made(g, lambda i, j, color: color or name * (i == row or j == column))


def diagonal(g: Rows, rising: int) -> Rows:
    (((row, column), name),) = colored(g).items()
    return made(g, lambda i, j, _: name * ((i + j == row + column) if rising else (i - j == row - column)))


def border(g: Rows, name: int) -> Rows:
    return made(g, lambda i, j, color: name if i in (0, len(g) - 1) or j in (0, len(g[0]) - 1) else color)


def filled(g: Rows, parameters: Cell) -> Rows:
    axis, name = parameters
    if axis:
        return transposed(filled(transposed(g), (0, name)))
    return [[name] * len(row) if name in row else row for row in g]


def gone_on(g: Rows) -> Rows:
    """Of columns from the left."""
    lines = transposed(g)
    given = [line for line in lines if any(line)]
    by = next(by for by in range(1, len(given) + 1) if given[by:] == given[:-by])
    return transposed([given[j % by] for j in range(len(lines))])


def stairs(g: Rows, _: None) -> Rows:
    (row,), found = g, []
    for length in range(sum(map(bool, row)), len(row) + 1):
        found.append([row[0]] * length + [0] * (len(row) - length))
    return found


def crosswise(g: Rows, _: None) -> Rows:
    (name,) = {*colored(g).values()}
    return [[*row[: len(row) // 2], name, *row[len(row) // 2 + 1 :]] for row in g]


def bars(g: Rows, _: None) -> Rows:
    rows = [[name] * count for name, count in counts(g).most_common()]
    return [row + [0] * (len(rows[0]) - len(row)) for row in rows]


def by_number(g: Rows, descending: int) -> Rows:
    return sorted(g, key=lambda row: sum(map(bool, row)), reverse=bool(descending))


def row_marked(g: Rows, parameters: Cell) -> Rows:
    longest, name = parameters
    wanted = (max if longest else min)(sum(map(bool, row)) for row in g)
    return [[name * bool(color) for color in row] if sum(map(bool, row)) == wanted else row for row in g]


def halves(g: Rows) -> tuple[Rows, Rows]:
    (wall,) = (j for j, column in enumerate(transposed(g)) if {*column} == {5} and 2 * j + 1 == len(g[0]))
    return [row[:wall] for row in g], [row[wall + 1 :] for row in g]


def combined(g: Rows, parameters: tuple[str, int]) -> Rows:
    operation, name = parameters
    truth = {"and": (3,), "or": (1, 2, 3), "xor": (1, 2), "nor": (0,)}[operation]
    return [
        [name * (2 * bool(a) + bool(b) in truth) for a, b in zip(*rows, strict=True)]
        for rows in zip(*halves(g), strict=True)
    ]


def overlaid(g: Rows, first: int) -> Rows:
    above, below = halves(g) if first else halves(g)[::-1]
    return made(above, lambda i, j, color: color or below[i][j])


def odd_one(g: Rows, _: None) -> Rows:
    side = len(g) // 3
    parts = [g[:side], g[side : 2 * side], g[2 * side :]]
    (odd,) = (part for part in parts if parts.count(part) == 1)
    return odd


def distinct(g: Rows, _: None) -> Rows:
    return [row for i, row in enumerate(g) if i == 0 or row != g[i - 1]]


def even(number: int, names: Cell) -> int:
    return names[number % 2]


PAIRS = [*permutations(COLORS, 2)]
LAWS: dict[str, tuple[Iterable[Any], Callable[[Rows, Any], Rows]]] = {
    "mirror": ((0, 1), lambda g, axis: mirrored(g) if axis else flipped(g)),
    "turn": ((1, 2, 3), turned),
    "transpose": ((0, 2), lambda g, times: turned(transposed(g), times)),
    "mirror-beside": (SIDES, beside),
    "four-fold": (SIDES, lambda g, corner: beside(beside(g, 2 * (corner % 2)), 1 + 2 * (corner // 2))),
    "pinwheel": ((1, 3), pinwheel),
    "complete-symmetry": ((0, 1), symmetric),
    "tile": ([*product((1, 2, 3), (1, 2, 3))], repeated),
    "roll": ([*product((-1, 0, 1), (-1, 0, 1))], rolled),
    "swap-halves": ((0, 1), lambda g, axis: rolled(g, (0, len(g[0]) // 2) if axis else (len(g) // 2, 0))),
    "enlarge": ((2, 3), enlarged),
    "reduce": ((2, 3), lambda g, by: [row[::by] for row in g[::by]]),
    "fractal": ((None,), fractal),
    "swap-colors": (PAIRS, lambda g, pair: renamed(g, dict([pair, pair[::-1]]))),
    "keep-color": (COLORS, lambda g, name: made(g, lambda i, j, color: color * (color == name))),
    "remove-color": (COLORS, lambda g, name: renamed(g, {name: 0})),
    "invert": ((None,), lambda g, _: renamed(g, {0: max(map(max, g)), max(map(max, g)): 0})),
    "legend": ((None,), lambda g, _: [[row[0] if color == 5 else color for color in row] for row in g]),
    "key": ((None,), by_key),
    "parity": (
        [(axis, *pair) for axis in (0, 1) for pair in PAIRS],
        lambda g, p: made(g, lambda i, j, color: even((i, j)[p[0]], p[1:]) if color else 0),
    ),
    "color-by-size": ([*permutations(COLORS, 4)], by_size),
    "mark-most": ((0, 1), most),
    "fill-black": (COLORS, lambda g, name: renamed(g, {0: name})),
    "one-color": (COLORS, lambda g, name: made(g, lambda i, j, color: name * bool(color))),
    "keep-by-size": ((0, 1), kept),
    "crop": ((None,), lambda g, _: box(g, colored(g))),
    "crop-largest": ((0, 1), lambda g, largest: box(g, colored(kept(g, largest)))),
    "crop-color": (
        COLORS,
        lambda g, name: box(g, [cell for cell, color in cells(g).items() if color == name] or [(0, 0)]),
    ),
    "denoise": ((None,), lambda g, _: only(g, {cell for each in objects(g) if len(each) > 1 for cell in each})),
    "fill-inside": (COLORS, lambda g, name: made(g, lambda i, j, color: name if (i, j) in inside(g) else color)),
    "hollow": ((None,), hollow),
    "spread": (COLORS, spread),
    "slide": (SIDES, aligned(slide)),
    "fall": (SIDES, aligned(fall)),
    "at-wall": ((0, 1), at_wall),
    "frame": ([*product(COLORS, (1, 2))], framed),
    "trim": ((None,), lambda g, _: [row[1:-1] for row in g[1:-1]]),
    "mark-corners": (COLORS, corners),
    "rays": (SIDES, aligned(rays)),
    "connect": ((0, 1), lambda g, axis: transposed(connected(transposed(g))) if axis else connected(g)),
    "cross": (COLORS, cross),
    "diagonal": ((0, 1), diagonal),
    "stripes": (SIDES, aligned(lambda g: [g[0]] * len(g))),
    "border": (COLORS, border),
    "fill-lines": ([*product((0, 1), COLORS)], filled),
    "go-on": ((0, 1), lambda g, down: transposed(gone_on(transposed(g))) if down else gone_on(g)),
    "stairs": ((None,), stairs),
    "crosswise": ((None,), crosswise),
    "count-cells": ((0, 1), lambda g, down: [[c] for c in colored(g).values()] if down else [[*colored(g).values()]]),
    "count-objects": (
        COLORS,
        lambda g, name: [[name * (i == j) for j in range(len(objects(g)))] for i in range(len(objects(g)))],
    ),
    "most-frequent": ((0, 1), lambda g, first: [[counts(g).most_common()[0 if first else -1][0]]]),
    "bars": ((None,), bars),
    "sort-rows": ((0, 1), by_number),
    "mark-row": ([*product((0, 1), COLORS)], row_marked),
    "combine": ([*product(("and", "or", "xor", "nor"), COLORS)], combined),
    "overlay": ((0, 1), overlaid),
    "odd-one-out": ((None,), odd_one),
    "distinct-rows": ((None,), distinct),
    "palette": ((None,), lambda g, _: [[name for name, _ in counts(g).most_common()]]),
    "half": ((0, 1), lambda g, side: halves(g)[side]),
}
"""All rules but `recolor`, whose parameters are too many."""
