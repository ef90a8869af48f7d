"""Types of bands: small grids by listing them all, 9x9 grids by counting them anew, draws by the chi-square test."""

from __future__ import annotations

from itertools import combinations, permutations, product
from math import erfc

import numpy as np
import pytest
from numpy.typing import NDArray

from gram_pyro.tasks.grids.bands import NUMBER_OF_GRIDS, TYPE_COUNTS, TYPE_SHARES, TYPES, band_chi_square, band_types
from gram_pyro.tasks.grids.generator import uniform_grids
from gram_pyro.tasks.sudoku.generator import solved_grids
from gram_pyro.tasks.sudoku.solver import Grids, candidates_of, search

Ints = NDArray[np.int64]
IN_ORDER = np.arange(9) // 3


def grids(count: int, box: int) -> Grids:
    return uniform_grids(count, box, np.random.default_rng(0))


def plain_type(rows: list[list[int]]) -> str:
    """The type of a band, by sets."""
    box = len(rows)
    blocks = [[row[start : start + box] for row in rows] for start in range(0, box * box, box)]
    pure = len({frozenset(map(frozenset, block)) for block in blocks}) == 1
    columns = [{*map(frozenset, zip(*block, strict=True))} for block in blocks]
    repeats = sum(len(one & other) for one, other in combinations(columns, 2))
    return f"{'pure' if pure else 'mixed'}, {repeats if repeats < 2 else '2 or more'}"


@pytest.mark.parametrize("box", [2, 3])
def test_types_of_bands_and_stacks(box: int) -> None:
    drawn = grids(500, box)
    for grid, types in zip(drawn.reshape(-1, box * box, box * box), band_types(drawn), strict=True):
        lines = [side[start : start + box].tolist() for side in (grid, grid.T) for start in range(0, box * box, box)]
        assert [TYPES[each] for each in types] == [*map(plain_type, lines)]


def test_counts_of_small_grids() -> None:
    every = search(candidates_of(np.zeros((1, 16), dtype=np.int8)), 1000).solutions[0]
    for line in band_types(every).T:
        assert tuple(np.bincount(line, minlength=len(TYPES)).tolist()) == TYPE_COUNTS[2]


def test_counts_of_grids() -> None:
    """All grids, by the columns of their first band: 44 cases, as Felgenhauer and Jarvis found."""
    bands = band_counts()
    second, third = bands.sum(0).nonzero()
    tables = (9 * IN_ORDER + 3 * PARTS[second] + PARTS[third])[..., None] == np.arange(27)  # digits that share columns
    tables, inverse = np.unique(tables.sum(1), axis=0, return_inverse=True)
    cases = np.min([tables[:, places] @ 4 ** np.arange(27) for places in table_symmetries()], axis=0)
    repeats = sum((tables.reshape(-1, 3, 3, 3).sum(axis) == 3).sum((1, 2)) for axis in (1, 2, 3))
    completions = {
        case: completions_of(PARTS[second[first]], PARTS[third[first]], bands.sum(0))
        for case, first in zip(*np.unique(cases[inverse], return_index=True), strict=True)
    }
    counts = [0] * len(TYPES)
    for pure, each in enumerate(bands[:, second, third]):
        for number, table in zip(each.tolist(), inverse.tolist(), strict=True):
            counts[3 * pure + min(int(repeats[table]), 2)] += 1680 * 36 * number * completions[cases[table]]
    assert len(completions) == 44 and max(completions.values()) == 72 * 108_374_976
    assert tuple(counts) == TYPE_COUNTS[3] and sum(counts) == NUMBER_OF_GRIDS[3] == 6_670_903_752_021_072_936_960


def code(labels: Ints) -> Ints:
    """A number for each way to part the digits into three sets, by labels `(..., digits)` in whatever order."""
    first, second = np.triu_indices(9, 1)
    return (labels[..., first] == labels[..., second]) @ 2 ** np.arange(36)


LABELS = np.array([labels for labels in product(range(3), repeat=9) if sorted(labels) == [*IN_ORDER]])
CODES, FIRST = np.unique(code(LABELS), return_index=True)
PARTS = LABELS[FIRST]
SHIFTS = np.array([*product((1, 2), repeat=9)])


def place(labels: Ints) -> Ints:
    return np.searchsorted(CODES, code(labels))


def beside(labels: Ints) -> tuple[Ints, Ints]:
    """The 56 ways to label the digits in the second and in the third box of a line, each time anew."""
    second, third = (labels + SHIFTS) % 3, (labels + 2 * SHIFTS) % 3
    fits = (np.sort(second, axis=1) == IN_ORDER).all(1)
    return second[fits], third[fits]


def band_counts() -> Ints:
    """Mixed and pure bands, by the columns of the second and third box; those of the first are in order."""
    first, second = np.triu_indices(9, 1)
    same = (PARTS[:, first] == PARTS[:, second]).astype(np.int64)
    crosses = (same @ same.T == 0).astype(np.int64)  # each row meets each column in one digit
    counts = np.zeros((2, 280, 280), dtype=np.int64)
    for rows in PARTS[crosses[place(IN_ORDER)] > 0]:
        others = [place(labels) for labels in beside(rows)]
        pure = others[0] == place(rows)
        for kind, chosen in enumerate((~pure, pure)):
            counts[kind] += 6 * crosses[others[0][chosen]].T @ crosses[others[1][chosen]]
    return counts


def completions_of(second: Ints, third: Ints, bands: Ints) -> int:
    """In how many ways two more bands can follow one with these columns."""
    (second, second_last), (third, third_last) = beside(second), beside(third)

    def ways(first: Ints, second: Ints, third: Ints) -> Ints:
        order = np.argsort(first, kind="stable")  # the names of the digits with which its columns are in order
        return bands[place(second[:, order])][:, place(third[:, order])]

    pairs = zip(*beside(IN_ORDER), strict=True)
    return sum(int((ways(one, second, third) * ways(last, second_last, third_last)).sum()) for one, last in pairs)


def table_symmetries() -> list[Ints]:
    """Boxes and columns change places."""
    orders, cells = [*permutations(range(3))], np.arange(27).reshape(3, 3, 3)
    return [
        cells[np.ix_(*columns)].transpose(boxes).ravel() for columns in product(orders, repeat=3) for boxes in orders
    ]


@pytest.mark.parametrize("box", [2, 3])
def test_uniform_grids_have_the_shares(box: int) -> None:
    assert TYPE_SHARES[box].sum() == pytest.approx(1)
    drawn = grids(3000, box)
    assert 1e-3 < band_chi_square(drawn).p < 0.999
    pure = (band_types(drawn) >= 3).mean(1)
    assert abs(pure.mean() - TYPE_SHARES[box][3:].sum()) <= 4 * pure.std() / len(pure) ** 0.5


def test_grids_completed_from_a_diagonal_have_not() -> None:
    """Though each is moved by a random symmetry: they are uniform only among those that symmetries relate."""
    drawn = solved_grids(1000, 3, np.random.default_rng(0))
    assert band_chi_square(drawn).p < 1e-4 and (band_types(drawn) >= 3).mean() > 0.06


def test_chi_square_by_hand() -> None:
    """A grid of one type alone: `n (1 - s)^2 / s + n (1 - s) = n (1 - s) / s`."""
    one = grids(1, 2)
    (share,) = TYPE_SHARES[2][band_types(one)[0, :1]]
    statistic, freedom, p = band_chi_square(one)
    assert (freedom, statistic) == (1, pytest.approx((1 - share) / share))
    assert p == pytest.approx(erfc((statistic / 2) ** 0.5))
