"""What may be done to a sudoku grid so that it stays one, and what does not change by it."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

AT_ONCE = 1024


@lru_cache(maxsize=2)
def units_of(box: int) -> NDArray[np.int64]:
    """Return row, column and box of each cell: `(3, cells)`."""
    row, column = np.divmod(np.arange(box**4), box * box)
    return np.stack([row, column, row // box * box + column // box])


class Symmetries(NamedTuple):
    """Symmetries of grids: digits are renamed, rows, columns, bands and stacks permuted, or the grid transposed.

    `cells` `(count, cells)` says where each new cell comes from, `digits` `(count, size + 1)` what becomes
    of each digit; blanks, which are 0, stay blank.
    """

    cells: Tensor
    digits: Tensor

    def apply(self, grids: Tensor) -> Tensor:
        """Apply each symmetry to its grid `(count, cells)`."""
        return self.digits.gather(1, grids.long().gather(1, self.cells))


def random_symmetries(count: int, box: int, generator: torch.Generator) -> Symmetries:
    """Draw symmetries uniformly."""
    size = box * box

    def orders(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator).argsort(-1)

    def lines() -> Tensor:
        return (box * orders(box)[:, :, None] + orders(box, box)).flatten(1)

    cells = size * lines()[:, :, None] + lines()[:, None, :]
    turned = torch.rand(count, generator=generator) < 0.5
    cells = torch.where(turned[:, None, None], cells.transpose(1, 2), cells).flatten(1)
    return Symmetries(cells, torch.cat([torch.zeros(count, 1, dtype=torch.long), 1 + orders(size)], 1))


@lru_cache(maxsize=2)
def cell_symmetries(box: int) -> NDArray[np.int64]:
    """Return where cells come from under all symmetries that rename no digit: `(symmetries, cells)`; box 2 only."""
    orders = list(permutations(range(box)))
    lines = [
        [box * band + row for band, rows in zip(bands, inner, strict=True) for row in rows]
        for bands in orders
        for inner in product(orders, repeat=box)
    ]
    cells = np.array([[[box * box * r + c for c in columns] for r in rows] for rows in lines for columns in lines])
    return np.concatenate([cells, cells.transpose(0, 2, 1)]).reshape(-1, box**4)


def grid_class(grids: NDArray[np.int8]) -> list[str]:
    """Return 16 hexadecimal digits for each solved grid `(grids, cells)`, the same for all that symmetries relate.

    Two rows make a permutation of the digits, whose cycle lengths no symmetry changes; the same goes for
    columns. Grids that no symmetry relates nearly always differ in them.
    """
    size = round(grids.shape[1] ** 0.5)
    classes: list[str] = []
    for start in range(0, len(grids), AT_ONCE):
        rows = grids[start : start + AT_ONCE].reshape(-1, size, size)
        sides = np.concatenate([line_cycles(rows), line_cycles(rows.transpose(0, 2, 1))], axis=1)
        classes += map(digest, sorted_text(sides)[:, 0].tolist())
    return classes


def line_cycles(grids: NDArray[np.int8]) -> NDArray[np.bytes_]:
    """Return the cycles between the rows of solved grids `(grids, size, size)`, in one text `(grids, 1)`."""
    count, size, _ = grids.shape
    box = round(size**0.5)
    first, second = np.triu_indices(size, 1)
    places = grids.argsort(2)  # the column of each digit
    follow = np.take_along_axis(grids[:, second] - 1, places[:, first], axis=2)  # (grids, pairs, digit)
    lengths, image = np.zeros(follow.shape, dtype=np.uint8), follow
    starts = np.arange(0, follow.size, size).reshape(count, -1, 1)
    for length in range(1, size + 1):
        closed = (image == np.arange(size, dtype=np.int8)) & (lengths == 0)
        lengths += closed.view(np.uint8) * np.uint8(length)
        image = follow.take(starts + image)
    # The sum of the squared cycle lengths tells all permutations of up to 9 digits without fixed points apart.
    cycles = np.ones((count, size, size), dtype=np.uint8)
    cycles[:, first, second] = cycles[:, second, first] = lengths.sum(2, dtype=np.uint8)
    band = np.arange(size) // box
    near = band[:, None] == band
    inside = cycles[:, near].reshape(count, size, box)
    outside = cycles[:, ~near].reshape(count, size, size - box)
    rows = np.concatenate([np.sort(inside, axis=2), np.sort(outside, axis=2)], axis=2)
    text = np.ascontiguousarray(rows).view(f"S{size}").reshape(count * box, box)
    return sorted_text(sorted_text(text).reshape(count, box))


def sorted_text(text: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return texts `(rows, columns)` without a zero byte, sorted within each row and joined: `(rows, 1)`."""
    return np.sort(text, axis=1).view(f"S{text.itemsize * text.shape[1]}")


def orbit(puzzles: NDArray[np.int8], box: int) -> list[str]:
    """Return 16 hexadecimal digits for each puzzle `(puzzles, cells)`, the same just where symmetries relate them."""
    moves = cell_symmetries(box)
    images = puzzles[:, moves].reshape(-1, box**4)
    every = np.arange(len(images))
    names, named = np.zeros((len(images), box * box + 1), dtype=np.int8), np.zeros(len(images), dtype=np.int8)
    for digits in images.T:  # by first occurrence
        new = (digits > 0) & (names[every, digits] == 0)
        named += new
        names[every[new], digits[new]] = named[new]
    renamed = np.take_along_axis(names, images.astype(np.int64), axis=1) + np.int8(1)
    text = renamed.view(f"S{box**4}").reshape(len(puzzles), len(moves))
    return [digest(least) for least in np.sort(text, axis=1)[:, 0].tolist()]


def puzzle_class(puzzles: NDArray[np.int8], solutions: Sequence[NDArray[np.int8]]) -> list[str]:
    """Return what tells puzzles apart that no symmetry relates: the least class of their `solutions`.

    There are too few 4x4 grids for that, only two classes of them, so that there each puzzle stands for itself.
    """
    box = round(puzzles.shape[1] ** 0.25)
    if box == 2:
        return orbit(puzzles, box)
    ends = np.cumsum([len(part) for part in solutions]).tolist()
    classes = grid_class(np.concatenate([puzzles[:0], *solutions]))
    return [min(classes[end - len(part) : end]) for end, part in zip(ends, solutions, strict=True)]


def digest(text: bytes) -> str:
    """Return 16 hexadecimal digits of a hash."""
    return hashlib.sha256(text).hexdigest()[:16]
