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
    "| 8 | 3 | 0.995 | 1.000 |": by_steps(8),
    "| 16 | 3 | 0.993 | 1.000 |": by_steps(16),
    "| 20 | 3 | 0.988 | 0.998 |": by_steps(20),
    "| 30 | 3 | 0.910 | 0.958 |": by_steps(30),
    "| 20 | 4 | 0.919 | 40 of 40 |": solved(KINDS, CHROMATIC, 20, 4),
    "| 20 | 5 | 0.786 | 40 of 40 |": solved(KINDS, CHROMATIC, 20, 5),
    "| 20 | 6 | 0.630 | 40 of 40 |": solved(KINDS, CHROMATIC, 20, 6),
    "| up to 20 | 3 | 0.989 | 71 of 71 |": solved(KINDS, "structured", 20, 3),
    "| 50 | 3 | 0.767 | 20 of 20 |": solved(LARGE, "planted, degree 4.4", 50, 3),
    "| 100 | 3 | 0.432 | 20 of 20 |": solved(LARGE, "planted, degree 4.4", 100, 3),
    "| 30 | 4 | 20 of 20 | 4 | 5.8 | 0.001 | 0.001 |": public("1-FullIns_3"),
    "| 93 | 5 | 1 of 20 | 5 | 25.0 | 0.004 | 0.002 |": public("1-FullIns_4"),
    "| 67 | 5 | 19 of 20 | 5 | 17.4 | 0.002 | 0.001 |": public("1-Insertions_4"),
    "| 80 | 6 | 13 of 20 | 6 | 28.3 | 0.003 | 0.002 |": public("3-FullIns_3"),
    "| 56 | 4 | 19 of 20 | 4 | 7.1 | 0.001 | 0.001 |": public("3-Insertions_3"),
    "| 79 | 4 | 20 of 20 | 4 | 17.4 | 0.002 | 0.001 |": public("4-Insertions_3"),
    "| 74 | 11 | 0 of 20 | 11 | 51.2 | 0.002 | 0.002 |": public("huck"),
    "| 80 | 10 | 3 of 20 | 10 | 43.2 | 0.003 | 0.002 |": public("jean"),
    "| 100 | 4 | 20 of 20 | 4 | 14.7 | 0.003 | 0.001 |": public("mug100_1"),
    "| 100 | 4 | 20 of 20 | 4 | 14.5 | 0.003 | 0.001 |": public("mug100_25"),
    "| 88 | 4 | 20 of 20 | 4 | 11.4 | 0.003 | 0.001 |": public("mug88_1"),
    "| 11 | 4 | 20 of 20 | 4 | 1.1 | 0.000 | 0.000 |": public("myciel3"),
    "| 23 | 5 | 20 of 20 | 5 | 2.7 | 0.000 | 0.000 |": public("myciel4"),
    "| 25 | 5 | 20 of 20 | 5 | 3.1 | 0.000 | 0.001 |": public("queen5_5"),
    "| 36 | 7 | 2 of 20 | 9 | 5.8 | 0.001 | 0.002 |": public("queen6_6"),
    "| 96 | 12 | 1 of 20 | 14 | 76.8 | 0.006 | 0.098 |": public("queen8_12"),
    "| 64 | 9 | 1 of 20 | 12 | 23.0 | 0.003 | 0.216 |": public("queen8_8"),
    "right for 16 of 17 graphs, DSATUR for 14": right(),
}
