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

from gram_pyro.tasks.sudoku.box import Box, sides, size_of

AT_ONCE = 1024
FEW = 6  # digits, up to which grids have too few classes to split puzzles by


@lru_cache(maxsize=2)
def units_of(box: Box) -> NDArray[np.int64]:
    """Return row, column and box of each cell: `(3, cells)`."""
    rows, columns = sides(box)
    row, column = np.divmod(np.arange(size_of(box) ** 2), size_of(box))
    return np.stack([row, column, row // rows * rows + column // columns])  # as many boxes in a band as rows


class Symmetries(NamedTuple):
    """Symmetries of grids: digits are renamed, rows, columns, bands and stacks permuted, square boxes transposed.

    `cells` `(count, cells)` says where each new cell comes from, `digits` `(count, size + 1)` what becomes
    of each digit; blanks, which are 0, stay blank.
    """

    cells: Tensor
    digits: Tensor

    def apply(self, grids: Tensor) -> Tensor:
        """Apply each symmetry to its grid `(count, cells)`."""
        return self.digits.gather(1, grids.long().gather(1, self.cells))


def random_symmetries(count: int, box: Box, generator: torch.Generator) -> Symmetries:
    """Draw symmetries uniformly."""
    rows, columns = sides(box)
    size = rows * columns

    def orders(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator).argsort(-1)

    def lines(parts: int, length: int) -> Tensor:
        return (length * orders(parts)[:, :, None] + orders(parts, length)).flatten(1)

    cells = size * lines(columns, rows)[:, :, None] + lines(rows, columns)[:, None, :]
    if rows == columns:
        turned = torch.rand(count, generator=generator) < 0.5
        cells = torch.where(turned[:, None, None], cells.transpose(1, 2), cells)
    cells = cells.flatten(1)
    return Symmetries(cells, torch.cat([torch.zeros(count, 1, dtype=torch.long), 1 + orders(size)], 1))


@lru_cache(maxsize=2)
def cell_symmetries(box: Box) -> NDArray[np.int64]:
    """Return where cells come from under all symmetries that rename no digit: `(symmetries, cells)`; small boxes only.

    128 for boxes of 2 x 2, 3,456 for 2 x 3, and millions for 3 x 3.
    """
    rows, columns = sides(box)
    cells = np.array([[[size_of(box) * r + c for c in across] for r in down] for down in line_orders(columns, rows)
                      for across in line_orders(rows, columns)])  # fmt: skip
    turned = [cells.transpose(0, 2, 1)] if rows == columns else []
    return np.concatenate([cells, *turned]).reshape(-1, size_of(box) ** 2)


def line_orders(parts: int, length: int) -> list[list[int]]:
    """Return all orders of lines that keep `parts` of so many lines each together."""
    inner = list(permutations(range(length)))
    return [
        [length * part + line for part, lines in zip(order, chosen, strict=True) for line in lines]
        for order in permutations(range(parts))
        for chosen in product(inner, repeat=parts)
    ]


def grid_class(grids: NDArray[np.int8], box: Box) -> list[str]:
    """Return 16 hexadecimal digits for each solved grid `(grids, cells)`, the same for all that symmetries relate.

    Two rows make a permutation of the digits, whose cycle lengths no symmetry changes; the same goes for
    columns. Grids that no symmetry relates nearly always differ in them.
    """
    size, (height, width) = size_of(box), sides(box)
    classes: list[str] = []
    for start in range(0, len(grids), AT_ONCE):
        rows = grids[start : start + AT_ONCE].reshape(-1, size, size)
        sides_text = [line_cycles(rows, height), line_cycles(rows.transpose(0, 2, 1), width)]
        classes += map(digest, sorted_text(np.concatenate(sides_text, axis=1))[:, 0].tolist())
    return classes


def line_cycles(grids: NDArray[np.int8], length: int) -> NDArray[np.bytes_]:
    """Return the cycles between the rows of solved grids `(grids, size, size)`, in one text `(grids, 1)`.

    A band has `length` rows.
    """
    count, size, _ = grids.shape
    first, second = np.triu_indices(size, 1)
    places = grids.argsort(2)  # the column of each digit
    follow = np.take_along_axis(grids[:, second] - 1, places[:, first], axis=2)  # (grids, pairs, digit)
    lengths, image = np.zeros(follow.shape, dtype=np.uint8), follow
    starts = np.arange(0, follow.size, size).reshape(count, -1, 1)
    for cycle in range(1, size + 1):
        closed = (image == np.arange(size, dtype=np.int8)) & (lengths == 0)
        lengths += closed.view(np.uint8) * np.uint8(cycle)
        image = follow.take(starts + image)
    # The sum of the squared cycle lengths tells all permutations of up to 9 digits without fixed points apart. It has
    # to fit into 1 to 255, as it does up to 15 digits.
    cycles = np.ones((count, size, size), dtype=np.uint8)
    squares = (lengths.sum(2, dtype=np.uint16) - np.uint16(1)) % np.uint16(255) + np.uint16(1)
    cycles[:, first, second] = cycles[:, second, first] = squares
    band = np.arange(size) // length
    near = band[:, None] == band
    inside = cycles[:, near].reshape(count, size, length)
    outside = cycles[:, ~near].reshape(count, size, size - length)
    rows = np.concatenate([np.sort(inside, axis=2), np.sort(outside, axis=2)], axis=2)
    text = np.ascontiguousarray(rows).view(f"S{size}").reshape(-1, length)
    return sorted_text(sorted_text(text).reshape(count, size // length))


def sorted_text(text: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return texts `(rows, columns)` without a zero byte, sorted within each row and joined: `(rows, 1)`."""
    return np.sort(text, axis=1).view(f"S{text.itemsize * text.shape[1]}")


def orbit(puzzles: NDArray[np.int8], box: Box) -> list[str]:
    """Return 16 hexadecimal digits for each puzzle `(puzzles, cells)`, the same just where symmetries relate them.

    They stand for the least image, found cell by cell: images that are not the least so far are left out.
    """
    moves, size = cell_symmetries(box), size_of(box)
    classes: list[str] = []
    for start in range(0, len(puzzles), AT_ONCE // 4):
        part = puzzles[start : start + AT_ONCE // 4]
        owner, move = np.divmod(np.arange(len(part) * len(moves)), len(moves))
        names, named = np.zeros((len(owner), size + 1), dtype=np.int8), np.zeros(len(owner), dtype=np.int8)
        least = np.full_like(part, size + 1)
        for cell in range(size**2):  # digits are named in the order in which they come
            digit, every = part[owner, moves[move, cell]], np.arange(len(owner))
            new = (digit > 0) & (names[every, digit] == 0)
            named += new
            names[every[new], digit[new]] = named[new]
            name = names[every, digit]
            np.minimum.at(least[:, cell], owner, name)
            kept = name == least[owner, cell]
            owner, move, names, named = owner[kept], move[kept], names[kept], named[kept]
        classes += map(digest, (least + np.int8(1)).view(f"S{size**2}")[:, 0].tolist())
    return classes


def puzzle_class(puzzles: NDArray[np.int8], solutions: Sequence[NDArray[np.int8]], box: Box) -> list[str]:
    """Return what tells puzzles apart that no symmetry relates: the least class of their `solutions`.

    There are too few small grids for that, 2 classes of 4 x 4 and 49 of 6 x 6, of which 12 hold more than half of all
    grids; there each puzzle stands for itself. Grids of 8 x 8 have more than a million classes.
    """
    if size_of(box) <= FEW:
        return orbit(puzzles, box)
    ends = np.cumsum([len(part) for part in solutions]).tolist()
    classes = grid_class(np.concatenate([puzzles[:0], *solutions]), box)
    return [min(classes[end - len(part) : end]) for end, part in zip(ends, solutions, strict=True)]


def digest(text: bytes) -> str:
    """Return 16 hexadecimal digits of a hash."""
    return hashlib.sha256(text).hexdigest()[:16]
