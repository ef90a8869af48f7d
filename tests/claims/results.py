"""docs/results.md."""

from collections.abc import Iterable
from statistics import mean

from tests.claims.sources import COLORING, bound, figure, parameters, published, reached, stored

TEN = ["quality/coloring-n10"]
DRAFTS, GRIDS, SHORT = (f"quality/{each}" for each in ("sudoku-medium-drafts", "grids-quality", "grids-h200"))
CARD, CORE, ANNEALED = (f"quality/sudoku-extreme-{each}" for each in ("drafts-h200", "fields", "annealed"))
CARRIED = "N-Queens 10 x 10, trained on 8 x 8"
SETTINGS: list[str] = []


def row(names: Iterable[str], steps: int, *measures: str) -> list[float]:
    return [steps, *(reached(names, measure, steps) for measure in measures)]


def minutes(names: Iterable[str]) -> float:
    return mean(stored(name)["minutes"] for name in names)


def board(name: str, *measures: str) -> list[float]:
    name = f"quality/{name}"
    found = [reached([name], measure) for measure in measures]
    return [stored(name)["evaluation"]["problems"], *found, minutes([name])]


def extreme(name: str, part: str, *depths: int) -> list[float]:
    return [figure(name, f"{part}.rows", "validity", steps=steps) for steps in depths]


def theirs(problem: str, measure: str) -> list[float]:
    return [found[measure] / 100 for found in published()[problem].values()]


def grids(name: str, measure: str, *depths: int) -> list[float]:
    return [figure(name, "samples", measure, steps=steps) for steps in depths]


def apart(graphs: str) -> float:
    return figure("quality/coloring-apart", "rows", "problems", graphs=graphs, steps=16)


def apart_validity(graphs: str) -> list[float]:
    return [figure("quality/coloring-apart", "rows", "validity", graphs=graphs, steps=steps) for steps in (16, 64)]


WHOLE, ALL = ("validity", "coverage", "ceiling", "conflicts"), ("validity", "coverage", "ceiling")
CLAIMS = {
    "| 16 | 0.972 | 0.925 | 0.927 | 7.4 | 5 |": [*row(COLORING, 16, *WHOLE), minutes(COLORING)],
    "| 64 | 0.995 | 0.921 | 0.927 | 1.4 | |": row(COLORING, 64, *WHOLE),
    "| 16 | 0.990 | 0.967 | 0.968 | 2.4 | 32 |": [*row(TEN, 16, *WHOLE), minutes(TEN)],
    "| 64 | 0.999 | 0.967 | 0.968 | 0.2 | |": row(TEN, 64, *WHOLE),
    "Posterior validity is 1.00, that of one prior sample 0.97 at the training depth and 0.995": [
        mean(stored(name)["evaluation"]["posterior_validity"] for name in COLORING),
        *(reached(COLORING, "validity", steps) for steps in (16, 64)),
    ],
    "2.7 conflicts and a coverage of 0.858": [
        published()["coloring 8"]["GRAM"]["conflicts"],
        theirs("coloring 8", "coverage")[0],
    ],
    "Looped Flows 0.7 and 0.894,": [
        published()["coloring 8"]["Looped Flows"]["conflicts"],
        theirs("coloring 8", "coverage")[1],
    ],
    "0.17 million": [parameters("coloring_gram") / 1e6],
    "2.5 nats from perfect**: the trajectory carries 5.6 nats where H is 3.1.": [
        *(bound("excess"), bound("nll"), bound("entropy")),
    ],
    "the paper has 2.7 and 3.3, Looped Flows 0.7 and 1.0,": [
        published()[f"coloring {n}"][who]["conflicts"] for who in ("GRAM", "Looped Flows") for n in (8, 10)
    ],
    "(the shipped ones 0.81 at": [figure("inference/answers", "answers", "argmax.validity", label=CARRIED, steps=64)],
    "of the 255 here, of seed 11, 63 are the same": [apart("all"), 11, apart("all") - apart("apart")],
    "On the other 192": [apart("apart")],
    "in 0.981 and 0.997 of the samples at 16 and 64 steps": [*apart_validity("apart"), 16, 64],
    "on all in 0.980 and 0.997": apart_validity("all"),
    "0.01 of the samples are right": [reached(["quality/coloring-tokens"], "validity")],
    "right for 0.81 of them": [reached(["quality/coloring-deterministic"], "validity")],
    "0.886 of the samples at n = 12 and in 0.688 at": [
        each for larger in stored(COLORING[0])["transfer"] for each in (larger["rows"][-1]["validity"], larger["n"])
    ][:3],
    "| 150 | 0.990 | 0.989 | 0.996 | 26 |": board("nqueens-8-orbit", *ALL),
    "| 60 | 0.902 | 0.971 | 0.985 | 36 |": board("nqueens-10-orbit", *ALL),
    "| 100 | 0.964 | - | - | 54 |": board("sudoku-medium", "validity"),
    "| 1,000 | 0.995 | - | - | 33 |": [
        stored(DRAFTS)["singles"]["problems"],
        figure(DRAFTS, "singles.rows", "validity", steps=64),
        minutes([DRAFTS]),
    ],
    "| 100 | 0.855 | 0.526 | 0.799 | 19 |": board("sudoku-many", *ALL),
    "0.914 by Looped Flows, 0.903 by GRAM;": theirs("nqueens 8", "coverage")[::-1],
    "0.615 and 0.575)": theirs("nqueens 10", "coverage")[::-1],
    "(0.999 and 0.997)": theirs("nqueens 8", "validity")[::-1],
    "(0.944 and 0.897)": theirs("nqueens 10", "validity")[::-1],
    "0.994 of 1,000 puzzles are solved by one sample of 16.": [
        *(figure(DRAFTS, "singles.rows", "validity", steps=16), stored(DRAFTS)["singles"]["problems"], 16),
    ],
    "0.988 against 0.285 after": [
        figure("comparison/posteriors-sudoku", "", "validity", model=model, steps=steps)
        for model, steps in (("fields, noisy drafts alone", 64), ("Gaussian, horizon 1", 16))
    ],
    "better at 64 steps (0.933)": [64, reached(["quality/nqueens-10-gpu"], "validity")],
    "4.7 minutes of an H200, 49,665 parameters | 0.18 | 0.35 | 0.52 | 0.82 | 0.99 |": [
        *(minutes([CARD]), parameters("sudoku_extreme"), *extreme(CARD, "fold_9", 16, 64, 256, 1024, 4096)),
    ],
    "| - | 0.108 | - | 0.728 | - |": extreme(CARD, "hard_test", 64, 1024),
    "48 minutes of one core, 12,545 parameters | 0.17 | 0.22 | 0.31 | 0.49 | - |": [
        *(minutes([CORE]), parameters("sudoku"), *extreme(CORE, "fold_9", 16, 64, 256, 1024)),
    ],
    "| 0.00 | 0.035 | 0.115 | 0.265 | - |": extreme(CORE, "hard_test", 16, 64, 256, 1024),
    "an error of 0.05, of the last number 0.01": [
        (rate * (1 - rate) / 100) ** 0.5 for rate in extreme(CARD, "fold_9", 256, 4096)
    ],
    "The paper has 0.97 with 20": [theirs("sudoku-extreme", "validity")[0], 20],
    "0.999 in 10,000 steps": [theirs("sudoku-extreme", "validity")[1], 10_000],
    "have 0.18, 0.23, 0.25 and 0.36": extreme(ANNEALED, "fold_9", 16, 64, 256, 1024),
    "| 0 | 0.759 | 0.962 | 0.998 | 1.000 |": grids(GRIDS, "valid", 16, 32, 64, 128, 256),
    "| - | 0.42 | 0.66 | 0.06 | 0.10 |": grids(GRIDS, "bands.p", 32, 64, 128, 256),
    "(uniform grids: 0.14)": [stored(GRIDS)["data"]["p"]],
    "paper has 0.991,": [published()["grids"]["GRAM"]["validity"] / 100],
    "0.472 of 2,000 are valid at 16 steps, 0.890 at 32, 0.979 at 64, but 0.996 at 256.": [
        *(grids(SHORT, "valid", 16)[0], figure(SHORT, "samples", "samples", steps=16), 16),
        *(each for steps in (32, 64, 256) for each in (*grids(SHORT, "valid", steps), steps)),
    ],
}
