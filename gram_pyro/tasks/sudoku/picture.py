"""The picture of a grid of digits."""

from gram_pyro.tasks.abilities import Answer, Axes
from gram_pyro.tasks.sudoku.box import sides, size_of
from gram_pyro.tasks.sudoku.checker import Puzzle, rule


def draw_grid(puzzle: Puzzle, answer: Answer | None, axes: Axes) -> None:
    """Draw the grid: givens bold and black, others blue; digits in conflict, and in place of another given, red."""
    box, cells = puzzle
    (rows, columns), size = sides(box), size_of(box)
    shown = cells if answer is None else answer
    clash = {cell for edge in rule(box) if shown[edge[0]] == shown[edge[1]] != 0 for cell in edge}
    for line in range(size + 1):
        down, across = (2.0 if line % side == 0 else 0.5 for side in (rows, columns))
        axes.plot([0, size], [line, line], color="black", linewidth=down)
        axes.plot([line, line], [0, size], color="black", linewidth=across)
    for cell, digit in enumerate(shown):
        if digit:
            y, x = divmod(cell, size)
            given = cells[cell] == digit
            wrong = cell in clash or cells[cell] not in (0, digit)
            color = "#d62728" if wrong else "black" if given else "#4e79a7"
            weight = "bold" if given else "normal"
            text = axes.text(x + 0.5, y + 0.5, str(digit), ha="center", va="center", color=color)
            text.set(fontweight=weight, fontsize=100 / size)
    axes.set(xlim=(-0.1, size + 0.1), ylim=(size + 0.1, -0.1), aspect="equal")
    axes.set_axis_off()
