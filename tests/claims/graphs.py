"""docs/graphs.md."""

from __future__ import annotations

from gram_pyro.runs.store import load_run, parameters_of
from tests.claims.sources import figure, rows

SIZES, KINDS, LARGE = (f"quality/graphs-{name}" for name in ("sizes", "kinds", "large"))


def by_steps(n: int) -> list[float]:
    """Size, colors and the validity of one sample at 64 and 256 steps."""
    return [n, 3, *(figure(SIZES, "rows", "validity", n=n, steps=steps) for steps in (64, 256))]


def solved(name: str, graphs: str, n: int, k: int) -> list[float]:
    """Size, colors, the validity of one sample, graphs that one of 20 solves, and how many there are."""
    (row,) = rows(name, "rows", graphs=graphs, n=n, k=k)
    return [n, k, row["validity"], row["solved"], row["count"]]


SETTINGS = ["4.4", "0.5"]
CHROMATIC = "random, chromatic number"
CLAIMS: dict[str, list[float]] = {
    "has 18,817 numbers": [parameters_of(load_run("graphs").model)],
    "| 8 | 3 | 0.953 | 0.993 |": by_steps(8),
    "| 16 | 3 | 0.877 | 0.965 |": by_steps(16),
    "| 20 | 3 | 0.828 | 0.922 |": by_steps(20),
    "| 30 | 3 | 0.613 | 0.777 |": by_steps(30),
    "| 20 | 4 | 0.721 | 40 of 40 |": solved(KINDS, CHROMATIC, 20, 4),
    "| 20 | 5 | 0.549 | 40 of 40 |": solved(KINDS, CHROMATIC, 20, 5),
    "| 20 | 6 | 0.424 | 38 of 40 |": solved(KINDS, CHROMATIC, 20, 6),
    "| up to 20 | 3 | 0.921 | 71 of 71 |": solved(KINDS, "structured", 20, 3),
    "| 50 | 3 | 0.458 | 20 of 20 |": solved(LARGE, "planted, degree 4.4", 50, 3),
    "| 100 | 3 | 0.168 | 17 of 20 |": solved(LARGE, "planted, degree 4.4", 100, 3),
}
