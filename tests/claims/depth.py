"""docs/depth.md."""

from __future__ import annotations

from tests.claims.sources import figure, rows

TIMES = "quality/graphs-times"
EVEN = {"late": "quality/graphs-evenness-late", "own": "quality/graphs-evenness"}
SETTINGS = ["0.01", "0.99", "0.1", "0.3", "0.6", "4.4"]


def by_times(first: float, last: float, steps: int) -> list[float]:
    """Times, steps and the validity of one sample of random graphs, and of planted ones of 20 and 30 vertices."""
    return [first, last, steps, *validity(first, last, steps, "random, p = 0.5", 8), *planted(first, last, steps)]


def planted(first: float, last: float, steps: int) -> list[float]:
    """The validity of one sample of planted graphs of 20 and of 30 vertices."""
    return validity(first, last, steps, "planted, degree 4.4", 20, 30)


def validity(first: float, last: float, steps: int, graphs: str, *sizes: int) -> list[float]:
    """The validity of one sample by size."""
    return [figure(TIMES, "rows", "validity", times=[first, last], steps=steps, graphs=graphs, n=n) for n in sizes]


def thin(first: float, last: float, steps: int) -> list[float]:
    """Times, steps and the validity of one sample of strips of 20 and 30 vertices, and of the square of a cycle."""
    strips = validity(first, last, steps, "strip of triangles", 20, 30)
    return [first, last, steps, *strips, *validity(first, last, steps, "square of a cycle", 30)]


def even(kind: str, n: int) -> list[float]:
    """Size, validity, distinct samples and spread beside uniform ones, energy distance to them, and of two chains."""
    (row,) = rows(EVEN[kind], "rows", n=n)
    return [n, *(row[name] for name in ("valid", "distinct", "within", "energy", "floor"))]


CLAIMS: dict[str, list[float]] = {
    "| 0.01 to 0.99 | 16 | 0.964 | 0.919 | 0.748 |": by_times(0.01, 0.99, 16),
    "| 0.01 to 0.99 | 64 | 0.998 | 0.956 | 0.822 |": by_times(0.01, 0.99, 64),
    "| 0.01 to 0.99 | 256 | 1.000 | 0.998 | 0.908 |": by_times(0.01, 0.99, 256),
    "| 0.1 to 0.6 | 16 | 0.938 | 0.911 | 0.747 |": by_times(0.1, 0.6, 16),
    "| 0.1 to 0.6 | 64 | 1.000 | 0.969 | 0.841 |": by_times(0.1, 0.6, 64),
    "| 0.1 to 0.6 | 256 | 1.000 | 0.992 | 0.944 |": by_times(0.1, 0.6, 256),
    "| 0.1 to 0.3 | 16 | 0.823 | 0.795 | 0.622 |": by_times(0.1, 0.3, 16),
    "| 0.1 to 0.3 | 64 | 0.998 | 0.989 | 0.927 |": by_times(0.1, 0.3, 64),
    "| 0.1 to 0.3 | 256 | 1.000 | 1.000 | 0.964 |": by_times(0.1, 0.3, 256),
    "| 0.1 to 0.1 | 16 | 0.695 | 0.548 | 0.342 |": by_times(0.1, 0.1, 16),
    "| 0.1 to 0.1 | 64 | 0.848 | 0.881 | 0.811 |": by_times(0.1, 0.1, 64),
    "| 0.1 to 0.1 | 256 | 0.848 | 0.912 | 0.880 |": by_times(0.1, 0.1, 256),
    "| 0.01 to 0.99 | 16 | 0.25 | 0.12 | 0.25 |": thin(0.01, 0.99, 16),
    "| 0.01 to 0.99 | 64 | 0.69 | 0.25 | 0.38 |": thin(0.01, 0.99, 64),
    "| 0.01 to 0.99 | 256 | 0.88 | 0.62 | 0.94 |": thin(0.01, 0.99, 256),
    "| 0.1 to 0.6 | 16 | 0.25 | 0.06 | 0.25 |": thin(0.1, 0.6, 16),
    "| 0.1 to 0.6 | 64 | 0.62 | 0.44 | 0.75 |": thin(0.1, 0.6, 64),
    "| 0.1 to 0.6 | 256 | 0.94 | 0.50 | 1.00 |": thin(0.1, 0.6, 256),
    "| 0.1 to 0.3 | 16 | 0.19 | 0.00 | 0.06 |": thin(0.1, 0.3, 16),
    "| 0.1 to 0.3 | 64 | 0.81 | 0.25 | 0.94 |": thin(0.1, 0.3, 64),
    "| 0.1 to 0.3 | 256 | 1.00 | 0.94 | 1.00 |": thin(0.1, 0.3, 256),
    "| 0.1 to 0.1 | 16 | 0.00 | 0.00 | 0.00 |": thin(0.1, 0.1, 16),
    "| 0.1 to 0.1 | 64 | 0.69 | 0.50 | 0.81 |": thin(0.1, 0.1, 64),
    "| 0.1 to 0.1 | 256 | 0.88 | 0.62 | 0.94 |": thin(0.1, 0.1, 256),
    "| 20 | 0.942 | 1.013 | 1.008 | 0.0020 | 0.0010 |": even("late", 20),
    "| 30 | 0.827 | 1.003 | 1.097 | 0.0163 | -0.0010 |": even("late", 30),
    "| 20 | 0.983 | 1.000 | 0.995 | 0.0012 | 0.0010 |": even("own", 20),
    "| 30 | 0.908 | 0.974 | 1.124 | 0.0192 | -0.0010 |": even("own", 30),
}
