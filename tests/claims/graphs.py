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


DIMACS = "quality/graphs-dimacs"
SETTINGS = ["4.4", "0.5"]


def public(name: str) -> list[float]:
    """A row of the table of DIMACS graphs, without its name."""
    (row,) = rows(DIMACS, "rows", graph=name)
    cost = [row["seconds"], row["dsatur_seconds"], row["sat_seconds"]]
    return [row["n"], row["colors"], row["valid"], 20, row["dsatur"], *cost]


def right() -> list[float]:
    """Graphs that one of the samples solves, of how many, and those that DSATUR does."""
    found = [*rows(DIMACS, "rows")]
    greedy = sum(row["dsatur"] == row["colors"] for row in found)
    return [sum(row["valid"] > 0 for row in found), len(found), greedy]


CHROMATIC = "random, chromatic number"
CLAIMS: dict[str, list[float]] = {
    "has 18,817 numbers": [parameters_of(load_run("coloring").model)],
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
    "| 30 | 4 | 19 of 20 | 4 | 3.4 | 0.001 | 0.001 |": public("1-FullIns_3"),
    "| 93 | 5 | 2 of 20 | 5 | 53.3 | 0.004 | 0.002 |": public("1-FullIns_4"),
    "| 67 | 5 | 19 of 20 | 5 | 29.8 | 0.002 | 0.006 |": public("1-Insertions_4"),
    "| 80 | 6 | 14 of 20 | 6 | 49.1 | 0.008 | 0.002 |": public("3-FullIns_3"),
    "| 56 | 4 | 20 of 20 | 4 | 13.3 | 0.001 | 0.005 |": public("3-Insertions_3"),
    "| 79 | 4 | 20 of 20 | 4 | 15.8 | 0.002 | 0.001 |": public("4-Insertions_3"),
    "| 74 | 11 | 0 of 20 | 11 | 89.1 | 0.003 | 0.002 |": public("huck"),
    "| 80 | 10 | 7 of 20 | 10 | 56.9 | 0.007 | 0.002 |": public("jean"),
    "| 100 | 4 | 20 of 20 | 4 | 12.8 | 0.003 | 0.001 |": public("mug100_1"),
    "| 100 | 4 | 20 of 20 | 4 | 13.3 | 0.003 | 0.001 |": public("mug100_25"),
    "| 88 | 4 | 20 of 20 | 4 | 11.2 | 0.003 | 0.001 |": public("mug88_1"),
    "| 11 | 4 | 20 of 20 | 4 | 1.5 | 0.000 | 0.000 |": public("myciel3"),
    "| 23 | 5 | 20 of 20 | 5 | 3.7 | 0.000 | 0.003 |": public("myciel4"),
    "| 25 | 5 | 20 of 20 | 5 | 3.1 | 0.000 | 0.001 |": public("queen5_5"),
    "| 36 | 7 | 0 of 20 | 9 | 6.5 | 0.001 | 0.002 |": public("queen6_6"),
    "| 96 | 12 | 0 of 20 | 14 | 42.8 | 0.006 | 0.106 |": public("queen8_12"),
    "| 64 | 9 | 0 of 20 | 12 | 17.4 | 0.003 | 0.217 |": public("queen8_8"),
    "right for 13 of 17 graphs, DSATUR for 14": right(),
}
