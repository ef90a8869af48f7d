"""docs/appendix-sudoku-extreme.md."""

from __future__ import annotations

from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.runs.store import parameters_of
from gram_pyro.tasks import TASKS
from tests.claims.sources import extremes, figure, published, rows, stored

SETTINGS: list[str] = []
SMALL, H200, LONGER = (f"quality/sudoku-extreme{kind}" for kind in ("", "-h200", "-h200-longer"))
MEDIUM = "quality/sudoku-medium-h200"
FOLD_9, HARD = "fold_9.rows", "hard_test.rows"


def solved(name: str, puzzles: str, steps: int) -> list[float]:
    """A row of the table, without its label."""
    best = [(5, "value"), (20, "value"), (20, "checker")]
    return [
        steps,
        figure(name, puzzles, "validity", samples=20, steps=steps),
        *(figure(name, puzzles, f"accuracy.{select}", samples=samples, steps=steps) for samples, select in best),
    ]


def widest(name: str) -> list[float]:
    """What the best of 20 solves in 64 steps by value, of fold 9 and of the hard test."""
    return [figure(name, puzzles, "accuracy.value", samples=20, steps=64) for puzzles in (FOLD_9, HARD)]


def millions(name: str) -> float:
    """Parameters of a run's network."""
    spec = TASKS.find("sudoku")().spec
    return parameters_of(Gram(spec, GramConfig(**stored(name)["config"]["model"]))) / 1e6


def medium(steps: int) -> float:
    return figure(MEDIUM, "evaluation.rows", "validity", samples=20, steps=steps)


def target(key: str) -> float:
    return float(stored(LONGER)["config"]["training"][key])


def training(name: str, measure: str, last: int = 10**6) -> list[float]:
    """A measure in a training's log up to an update."""
    return [row[measure] for row in stored(name)["log"] if measure in row and row["update"] <= last]


def at_update(name: str, update: int, *measures: str) -> list[float]:
    (row,) = (row for row in rows(name, "log", update=update) if "kl" in row)
    return [row[measure] for measure in measures]


EARLY = 2451
"""The last update of the first training on an H200 at which it was evaluated while KL was above a nat."""

CLAIMS = {
    "| 16 | 0.041 | 0.15 | 0.25 | 0.25 |": solved(SMALL, FOLD_9, 16),
    "| 32 | 0.077 | 0.21 | 0.32 | 0.33 |": solved(SMALL, FOLD_9, 32),
    "| 64 | 0.120 | 0.24 | 0.41 | 0.41 |": solved(SMALL, FOLD_9, 64),
    "| 64 | 0.011 | 0.06 | 0.18 | 0.18 |": solved(SMALL, HARD, 64),
    "| 16 | 0.139 | 0.20 | 0.29 | 0.29 |": solved(H200, FOLD_9, 16),
    "| 32 | 0.179 | 0.29 | 0.35 | 0.35 |": solved(H200, FOLD_9, 32),
    "| 64 | 0.216 | 0.34 | 0.44 | 0.44 |": solved(H200, FOLD_9, 64),
    "| 64 | 0.096 | 0.22 | 0.36 | 0.36 |": solved(H200, HARD, 64),
    "| 16 | 0.136 | 0.23 | 0.40 | 0.40 |": solved(LONGER, FOLD_9, 16),
    "| 32 | 0.182 | 0.35 | 0.53 | 0.53 |": solved(LONGER, FOLD_9, 32),
    "| 64 | 0.237 | 0.46 | 0.61 | 0.61 |": solved(LONGER, FOLD_9, 64),
    "| 64 | 0.101 | 0.27 | 0.53 | 0.53 |": solved(LONGER, HARD, 64),
    "on the 100 of fold": [stored(SMALL)["fold_9"]["problems"]],
    "on 200 of `sudoku_hard_test`": [stored(SMALL)["hard_test"]["problems"]],
    "(D = 64, 0.17 M parameters)": [stored(SMALL)["config"]["model"]["width"], millions(SMALL)],
    "took 20 minutes of one core": [stored(SMALL)["minutes"]],
    "2.8 M parameters: 94 seconds of medium puzzles": [millions(H200), 60 * stored(MEDIUM)["minutes"]],
    "(validity 0.93 at 16 and 0.96 at 64 steps)": [medium(16), 16, medium(64), 64],
    "and 8.4 minutes of these": [stored(H200)["minutes"]],
    "for 6.9 minutes": [stored(LONGER)["minutes"]],
    "falls from 1.0 to 0.5 over": [target("kl_target_start"), target("kl_target")],
    "0.61 and 0.53 of the puzzles instead of 0.41 and 0.18": [*widest(LONGER), *widest(SMALL)],
    "The paper has 0.97.": [published()["sudoku-extreme"]["GRAM"]["validity"] / 100],
    "fell to 1.2 nats, the posterior became right for 0.90 of the puzzles, and a sample for 0.05 to 0.08": [
        *at_update(H200, EARLY, "kl"),
        max(training(H200, "posterior_accuracy", EARLY)),
        *extremes(training(H200, "validity", EARLY)),
    ],
    "the posterior fell to 0.04. Samples rose to 0.21 as it found back to 0.35": [
        *at_update(H200, 3768, "posterior_accuracy"),
        training(H200, "validity")[-1],
        training(H200, "posterior_accuracy")[-1],
    ],
    "at a nat, it is right for 0.85": at_update(LONGER, 500, "posterior_accuracy"),
    "(0.16 at 0.75 nats)": at_update(LONGER, 2438, "posterior_accuracy", "kl"),
    "at 0.39 by 0.6": at_update(LONGER, 5714, "posterior_accuracy", "kl"),
}
