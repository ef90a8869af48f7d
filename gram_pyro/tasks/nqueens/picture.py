"""The picture of a board of queens."""

import numpy as np

from gram_pyro.tasks.abilities import Answer, Axes
from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.checker import attacks, excluded_at


def draw_board(board: Board, answer: Answer | None, axes: Axes) -> None:
    """Draw the board, excluded diagonals hatched: given queens black, others blue; attacks and misplaced queens red."""
    from matplotlib.patches import Rectangle  # here: most programs draw nothing

    size = board.size
    axes.imshow(np.indices((size, size)).sum(0) % 2, cmap="Greys", vmin=-0.2, vmax=3)
    queens = board.queens if answer is None else [cell for cell, value in enumerate(answer) if value]
    for cell in range(size * size):
        if hatch := "".join(("\\\\\\", "///")[kind] for _, kind in excluded_at(board, cell)):
            corner = (cell % size - 0.5, cell // size - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, hatch=hatch, edgecolor="#a0522d", linewidth=0))
    for first, second in attacks(size).subgraph(queens).edges:
        (y1, x1), (y2, x2) = divmod(first, size), divmod(second, size)
        axes.plot([x1, x2], [y1, y2], color="#d62728", linewidth=2)
    for cell in {*queens, *board.queens}:
        row, column = divmod(cell, size)
        color = "#d62728" if excluded_at(board, cell) else "black" if cell in board.queens else "#4e79a7"
        axes.text(column, row, "\u265b", ha="center", va="center", fontsize=150 / size, color=color)
    axes.set_axis_off()
