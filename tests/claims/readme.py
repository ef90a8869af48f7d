"""README.md."""

from tests.claims.sources import COLORING, figure, parameters, published, reached, stored

SETTINGS = ["3.11"]
QUEENS, QUEENS10 = "quality/nqueens-8-orbit", "quality/nqueens-10-orbit"
DRAFTS, GRIDS, EXTREME = "quality/sudoku-medium-drafts", "quality/grids-quality", "quality/sudoku-extreme-drafts-h200"


def theirs(problem: str, first: str, percent: int = 100) -> list[float]:
    """A measure and coverage, of the paper and of the best published."""
    return [
        each for found in published()[problem].values() for each in (found[first] / percent, found["coverage"] / 100)
    ]


def ours(first: str, *names: str) -> list[float]:
    """The same with its ceiling, the mean of runs, all 20 samples of 64 steps."""
    return [reached(names, measure) for measure in (first, "coverage", "ceiling")]


def minutes(*names: str) -> float:
    return sum(stored(name)["minutes"] for name in names)


CLAIMS = {
    "| 2.7 / 0.858 | 0.7 / 0.894 | 1.4 / 0.921 of 0.927 | 172,435 | 5 |": [
        *(*theirs("coloring 8", "conflicts", 1), *ours("conflicts", *COLORING)),
        *(parameters("coloring_gram"), minutes(*COLORING) / 3),
    ],
    "| 3.3 / 0.513 | 1.0 / 0.552 | 0.2 / 0.967 of 0.968 | 172,435 | 32 |": [
        *(*theirs("coloring 10", "conflicts", 1), *ours("conflicts", "quality/coloring-n10")),
        *(parameters("coloring_gram"), minutes("quality/coloring-n10")),
    ],
    "| 0.997 / 0.903 | 0.999 / 0.914 | 0.990 / 0.989 of 0.996 | 172,610 | 26 |": [
        *(*theirs("nqueens 8", "validity"), *ours("validity", QUEENS), parameters("nqueens"), minutes(QUEENS)),
    ],
    "| 0.897 / 0.575 | 0.944 / 0.615 | 0.902 / 0.971 of 0.985 | 172,610 | 62 |": [
        *(*theirs("nqueens 10", "validity"), *ours("validity", QUEENS10)),
        *(parameters("nqueens10"), minutes(QUEENS, QUEENS10)),
    ],
    "| 0.995, with drafts | 12,545 | 33 |": [
        *(figure(DRAFTS, "singles.rows", "validity", steps=64), parameters("sudoku"), minutes(DRAFTS)),
    ],
    "| 0.991, 16 steps | - | 1.000, with drafts | 12,545 | 60 |": [
        *(published()["grids"]["GRAM"]["validity"] / 100, 16),
        figure(GRIDS, "samples", "valid", steps=256),
        *(parameters("grids"), stored(GRIDS)["training"]["minutes"]),
    ],
    "| 0.97, 20 samples | 0.999, 10,000 steps | 0.99, with drafts | 49,665 | 5 |": [
        *(published()["sudoku-extreme"]["GRAM"]["validity"] / 100, 20),
        *(published()["sudoku-extreme"]["diffusion curriculum"]["validity"] / 100, 10_000),
        figure(EXTREME, "fold_9.rows", "validity", steps=4096),
        *(parameters("sudoku_extreme"), minutes(EXTREME)),
    ],
    "a network with 49,665 parameters": [parameters("sudoku_extreme")],
}
