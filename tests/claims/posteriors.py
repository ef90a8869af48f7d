"""docs/posteriors.md."""

import math

from tests.claims.sources import compared, deeper, figure, logged, rows, stored

SETTINGS: list[str] = []
COLORING, QUEENS, SUDOKU = "posteriors-coloring-drafts", "posteriors-nqueens-drafts", "posteriors-sudoku"
GUIDANCE, DRAFTS = "Gaussian, horizon 1", "noisy drafts alone"


def looks(schedule: str, receiver: str) -> list[float]:
    """Nats of a cell by the number of looks."""
    return [row["nats"] for row in rows("drafts/receivers", "rows", schedule=schedule, receiver=receiver)]


def errors() -> list[float]:
    """Standard errors of these nats, in order of size."""
    return sorted(row["standard_error"] for row in rows("drafts/receivers", "rows"))


def said(model: str, begin: int, end: int) -> float:
    """Percents of the nats of a trajectory that these steps carry, on coloring."""
    (kl,) = (row["kl"] for row in stored(f"comparison/{COLORING}") if row["model"] == model and row["kl"])
    return 100 * sum(kl[begin:end]) / sum(kl)


def schedules(measure: str, most: int) -> list[float]:
    """Of annealed looks and in noise, on puzzles with at most so many solutions."""
    return [
        figure("drafts/schedules", "rows", measure, schedule=schedule, max_solutions=most)
        for schedule in ("cosine", "constant")
    ]


CLAIMS = {
    "(at least log 9 = 2.20)": [9, math.log(9)],
    "| 12.00 | 2.84 | 2.24 | 2.26 |": looks("flow", "mean"),
    "| 2.20 | 2.20 | 2.19 | 2.19 |": looks("flow", "mixture"),
    "| 2.20 | 9.6 | 2.32 | 2.28 |": looks("cosine", "mean"),
    "| 2.20 | 2.18 | 2.22 | 2.20 |": looks("cosine", "mixture"),
    "9,000 cells": [stored("drafts/receivers")["options"]["cells"]],
    "at most 0.03, but for the 9.6, whose is 1.2": [errors()[-2], looks("cosine", "mean")[1], errors()[-1]],
    "says 76 % of its nats": [said(GUIDANCE, 0, 1)],
    "say 7 % in the first eighth and 90 % from there to half-time": [
        *(said(f"fields, {DRAFTS}", 0, 8), said(f"fields, {DRAFTS}", 8, 32)),
    ],
    "0.993, 0.994 and 0.997": deeper(COLORING, "validity"),
    "validity is 0.969 and 0.959, the ratio 0.974 and 0.988": [
        *(*deeper(QUEENS, "validity"), *deeper(QUEENS, "ratio")),
    ],
    "uniform 0.118 at": [compared(QUEENS, DRAFTS, "distance", 256)],
    "guidance 0.136 at": [compared(QUEENS, GUIDANCE, "distance", 64)],
    "0.969 against 0.906": [compared(QUEENS, model, "validity", 64) for model in (GUIDANCE, DRAFTS)],
    "validity is 0.415 and 0.997, the ratio 0.176 and 0.970": [
        each
        for measure in ("validity", "ratio")
        for each in (deeper(SUDOKU, measure)[0], *deeper(f"{SUDOKU}-drafts", measure))
    ],
    "100 puzzles, 1 sample | 0.990 | 0.990 |": [*schedules("problems", 1)[:1], 1, *schedules("validity", 1)],
    "12 puzzles, 20 samples | 1.000 | 1.000 |": [*schedules("problems", 64)[:1], 20, *schedules("validity", 64)],
    "ceiling there | 0.577 | 0.560 |": schedules("ratio", 64),
    "0.983 of the samples are right": [logged(139, "0.983")],
    "and 0.606 with": [logged(139, "0.606")],
}
