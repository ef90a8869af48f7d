"""docs/inference.md."""

from __future__ import annotations

from collections.abc import Iterable

from tests.claims.sources import at, extremes, figure, logged, stored

SETTINGS = ["0.5", "0.9", "0.95", "0.99"]
TASKS = ("coloring", "nqueens", "nqueens10", "sudoku")
METHODS = ("never", "simple 0.5", "simple 0.9", "simple 0.99", "q", "auto")
EXTREME = "quality/sudoku-extreme"


def halting(task: str, method: str, measure: str) -> float:
    return figure(f"inference/halting-{task}", "halt", f"{measure}.mean", method=method)


def evaluations(task: str) -> list[float]:
    """A row of the first table, without its label."""
    return [halting(task, method, "evaluations") for method in METHODS]


def quality(task: str) -> list[float]:
    """A row of the second table."""
    return [halting(task, method, measure) for method in METHODS for measure in ("validity", "coverage")]


def share(task: str, method: str) -> float:
    """The share of the evaluations that a rule takes, in percent."""
    return 100 * halting(task, method, "evaluations") / halting(task, "never", "evaluations")


def loss(task: str, method: str) -> float:
    """What a rule takes from validity."""
    return halting(task, "never", "validity") - halting(task, method, "validity")


def heads(task: str, kind: str) -> list[float]:
    """A row of the table of heads."""
    measures = ("right", "value", "halt", "proceed")
    return [figure(f"inference/halting-{task}", f"heads.{kind}", each, step=31) for each in measures]


def calibration(tasks: Iterable[str]) -> list[float]:
    return [float(at(stored(f"inference/halting-{task}"), "calibration.value")) for task in tasks]


def solved(task: str, samples: int, steps: int, select: str = "value") -> float:
    """Percent of the problems of the grid."""
    return 100 * figure(f"inference/{task}", "grid.rows", f"accuracy.{select}", samples=samples, steps=steps)


def mix(samples: int, steps: int) -> list[float]:
    """A row of the last table."""
    return [samples, steps, samples * steps, solved("coloring", samples, steps), solved("nqueens", samples, steps)]


def chosen(task: str, select: str) -> float:
    """What a selection solves with 20 independent samples of 4 steps."""
    return figure(f"inference/{task}", "resample", f"{select}.mean", method="independent", steps=4)


def found(task: str) -> float:
    """Coverage of 20 independent samples."""
    return figure(f"inference/{task}", "repel", "coverage.mean", method="independent")


def extreme(samples: int, steps: int, select: str = "value") -> list[float]:
    """Samples, steps and the percentage of extreme puzzles solved."""
    where = {"samples": samples, "steps": steps}
    return [samples, steps, 100 * figure(EXTREME, "fold_9.rows", f"accuracy.{select}", **where)]


CLAIMS = {
    "| 1280 | 79 | 88 | 98 | 117 | 235 |": evaluations("coloring"),
    "| 640 | 115 | 125 | 140 | 120 | 278 |": evaluations("nqueens"),
    "| 640 | 326 | 327 | 324 | 312 | 437 |": evaluations("nqueens10"),
    "| 640 | 96 | 118 | 640 | 176 | 272 |": evaluations("sudoku"),
    "| 0.998 / 0.934 | 0.898 / 0.923 | 0.982 / 0.931 | 0.996 / 0.931 | 0.997 / 0.932 | 0.998 / 0.932 |": quality(
        "coloring"
    ),
    "| 0.959 / 0.983 | 0.940 / 0.985 | 0.957 / 0.989 | 0.969 / 0.973 | 0.954 / 0.991 | 0.960 / 0.983 |": quality(
        "nqueens"
    ),
    "| 0.801 / 0.978 | 0.776 / 0.984 | 0.801 / 0.957 | 0.797 / 0.962 | 0.820 / 0.978 | 0.785 / 0.967 |": quality(
        "nqueens10"
    ),
    "| 0.976 / 1.000 | 0.924 / 0.979 | 0.978 / 1.000 | 0.977 / 1.000 | 0.970 / 1.000 | 0.972 / 1.000 |": quality(
        "sudoku"
    ),
    "within 0.001 of running on": [max(abs(loss(task, "auto")) for task in ("coloring", "nqueens"))],
    "0.004 and 0.016 below it": [loss("sudoku", "auto"), loss("nqueens10", "auto")],
    "takes 18, 43, 68 and 43 % of the evaluations": [share(task, "auto") for task in TASKS],
    "takes 9 to 49 %": extremes(share(task, "q") for task in TASKS),
    "at most 0.006 of validity": [max(loss(task, "q") for task in TASKS)],
    "| coloring, solvable | 0.985 | 0.989 | 0.986 | 0.989 |": heads("coloring", "solvable"),
    "| coloring, unsolvable | 0.000 | 0.025 | 0.001 | 0.025 |": heads("coloring", "unsolvable"),
    "| 0.950 | 0.957 | 0.943 | 0.957 |": heads("nqueens", "solvable"),
    "| 0.000 | 0.176 | 0.078 | 0.176 |": heads("nqueens", "unsolvable"),
    "| 0.675 | 0.773 | 0.678 | 0.774 |": heads("nqueens10", "solvable"),
    "| 0.000 | 0.321 | 0.019 | 0.323 |": heads("nqueens10", "unsolvable"),
    "| Sudoku, solvable | 0.979 | 0.942 | 0.941 | 0.942 |": heads("sudoku", "solvable"),
    "| Sudoku, unsolvable | 0.000 | 0.260 | 0.202 | 0.262 |": heads("sudoku", "unsolvable"),
    "(0.792 against 0.833)": [chosen("sudoku", "value"), chosen("sudoku", "checker")],
    "within 2.5 points of it (92.5 against 95.0 on N-Queens, where majority has 85.0)": [
        max(solved(task, 5, 4, "checker") - solved(task, 5, 4) for task in ("coloring", "nqueens")),
        *(solved("nqueens", 5, 4, select) for select in ("value", "checker", "majority")),
    ],
    "value solves 0.998 of the graphs": [halting("coloring", "simple 0.5", "value")],
    "0.008 for coloring, 0.043 for N-Queens, 0.046 for Sudoku and 0.124 for": calibration(
        ("coloring", "nqueens", "sudoku", "nqueens10")
    ),
    "(validity 0.50, LOG": [logged(35, "0.50")],
    "on 100 graphs and 40 boards": [stored(f"inference/{task}")["grid_problems"] for task in ("coloring", "nqueens")],
    "| 1 x 4 | 4 | 77.0 | 77.5 |": mix(1, 4),
    "| 1 x 8 | 8 | 95.0 | 92.5 |": mix(1, 8),
    "| 1 x 16 | 16 | 100.0 | 95.0 |": mix(1, 16),
    "| 5 x 4 | 20 | 100.0 | 92.5 |": mix(5, 4),
    "| 1 x 32 | 32 | 100.0 | 100.0 |": mix(1, 32),
    "| 5 x 8 | 40 | 100.0 | 100.0 |": mix(5, 8),
    "| 20 x 4 | 80 | 100.0 | 100.0 |": mix(20, 4),
    "find 0.93 of the colorings and 0.98 of the completions": [found("coloring"), found("nqueens")],
    "solves 12 % with one": extreme(1, 64)[2:],
    "20 samples of 16 steps solve 25 % and 5 of 64 steps 24 %": [*extreme(20, 16), *extreme(5, 64)],
    "20 of 32 steps solve 32 %": extreme(20, 32),
    "20 of 64 steps 41 %": extreme(20, 64),
    "(28 %)": extreme(20, 64, "majority")[2:],
}
