"""Grids in the ten colors that everybody knows them in."""

import numpy as np

from gram_pyro.tasks.abilities import Axes
from gram_pyro.tasks.arc.views import Grid

PALETTE = np.array(
    [
        (0, 0, 0), (0, 116, 217), (255, 65, 54), (46, 204, 64), (255, 220, 0),
        (170, 170, 170), (240, 18, 190), (255, 133, 27), (127, 219, 255), (135, 12, 37),
    ],
    np.uint8,
)  # fmt: skip
"""Red, green and blue of each color."""
LINE, WRONG = "#555555", "#ffffff"
MAX_RULED = 20  # sides up to which there are lines between cells


def draw_pair(left: Grid, right: Grid, output: Grid | None, axes: Axes) -> None:
    """Draw an input, and to its right an answer, or nothing; cells in which it differs from the output are crossed."""
    axes.set_aspect("equal")
    axes.set_axis_off()
    end = draw_grid(left, 0, axes)
    if right:
        middle = (len(left) - 1) / 2
        axes.annotate("", (end + 0.4, middle), (end - 0.4, middle), arrowprops={"arrowstyle": "->"})
        if output is not None:
            cross_out(right, output, end + 1, axes)
        end = draw_grid(right, end + 1, axes)
    axes.set(xlim=(-1, end), ylim=(max(len(left), len(right)), -1))


def draw_grid(grid: Grid, left: int, axes: Axes) -> int:
    """Draw a grid from a column on, and return the column after it."""
    rows, columns = len(grid), len(grid[0])
    extent = (left - 0.5, left + columns - 0.5, rows - 0.5, -0.5)
    axes.imshow(PALETTE[np.array(grid)], extent=extent, interpolation="nearest")
    if max(rows, columns) <= MAX_RULED:
        axes.hlines(np.arange(rows + 1) - 0.5, extent[0], extent[1], color=LINE, linewidth=0.5)
        axes.vlines(left + np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, color=LINE, linewidth=0.5)
    return left + columns


def cross_out(answer: Grid, output: Grid, left: int, axes: Axes) -> None:
    """Cross the cells of an answer that are not those of the output."""
    wrong = [
        (left + column, row)
        for row, line in enumerate(answer)
        for column, color in enumerate(line)
        if row >= len(output) or column >= len(output[0]) or output[row][column] != color
    ]
    if wrong:
        columns, rows = zip(*wrong, strict=True)
        axes.scatter(columns, rows, marker="x", color=WRONG, linewidths=1, s=16)
