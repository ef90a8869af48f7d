"""docs/studies.md."""

import re
from functools import partial

from tests.claims.sources import compared, extremes, figure, published, seeds, stored

SETTINGS = ["0.5"]  # beta
GUIDES = partial(compared, "posteriors-coloring")
BETAS = partial(compared, "posteriors-coloring-betas")
LESS = partial(compared, "table3-coloring")
GAUSSIAN, MEAN, CONSTRAINT = "Gaussian, horizon 1", "mean alone sees y", "constraints on prior samples, weight 0.1"
SURROGATE, SURROGATE_4 = "the paper's surrogate (no free runs, beta 0.5)", "the paper's surrogate, beta 4"
ROLLOUTS_4, WITHOUT = "prior rollouts, beta 4", "no prior rollouts"
GRAM, WITHOUT_MEAN, NO_ROLLOUTS = "GRAM as it is", "no mean: N(0, sigma^2)", "no free runs"
EVERY, LAST = "T = 3, KL at every transition", "T = 3, KL at the last transition"
HORIZON_16, WHOLE = "horizon 16: all, no free runs", "no deep supervision, no free runs"
FLAT_WHOLE = f"flat core, {WHOLE}"
ONE_WHOLE = "no guidance (told as one answer), no deep supervision"
ONE_FLAT_WHOLE = "no guidance (told as one answer), flat core, no deep supervision"


def answers(table: str, model: str) -> float:
    """The mean of log(number of answers) over the test graphs."""
    return compared(table, model, "nll") - compared(table, model, "excess")


def gradient(horizon: int, part: str = "all", measure: str = "cosine", surrogate: str = "deep supervision") -> float:
    """Size of a measure of a surrogate's gradient against that of the full ELBO."""
    return figure("gradients/gradient", "rows", f"{part}.{measure}", surrogate=surrogate, horizon=horizon)


def minutes() -> list[float]:
    return [row["minutes"] for row in stored("comparison/table3-coloring")]


def updates() -> list[float]:
    """Of the rows whose every update runs a whole trajectory."""
    return [LESS(each, "updates") for each in (WHOLE, FLAT_WHOLE, ONE_WHOLE, ONE_FLAT_WHOLE, HORIZON_16)]


def small_row(table: str, model: str, label: str, *measures: str) -> dict[str, list[float]]:
    """The claim of a row in a small table."""
    forms = {"elbo_excess": ".2f", "updates": ",.0f"}
    values = [float(compared(table, model, each)) for each in measures]
    cells = " | ".join(format(value, forms.get(each, ".3f")) for each, value in zip(measures, values, strict=True))
    return {f"| {label} | {cells} |": [*map(float, re.findall(r"\d+(?:\.\d+)?", label)), *values]}


LESSER = ("flat core", WITHOUT_MEAN, "no variance: sigma = 0.01", "one guidance a problem", NO_ROLLOUTS, WHOLE)
LESSER += ("horizon 2", EVERY, LAST)
PAPER = published()["ablations of GRAM"]
CLAIMS = {
    "pays 14 nats in the first transition, where log(number of answers) is 3.2": [
        *(GUIDES(SURROGATE, "kl.0"), answers("posteriors-coloring", GAUSSIAN)),
    ],
    "(0.906 against 0.851)": [BETAS(ROLLOUTS_4, "validity"), BETAS(SURROGATE_4, "validity")],
    "(0.100 against 0.155)": [BETAS(ROLLOUTS_4, "gap"), BETAS(SURROGATE_4, "gap")],
    "between 0.089 and 0.851": [GUIDES(SURROGATE, "validity"), BETAS(SURROGATE_4, "validity")],
    "(0.913 against 0.906)": [GUIDES(GAUSSIAN, "validity"), BETAS(ROLLOUTS_4, "validity")],
    "without them 0.896 of the samples are right (0.887 to 0.908) after 915 updates": [
        *(
            compared("posteriors-coloring-rollouts", WITHOUT, "validity"),
            *extremes(seeds("posteriors-coloring-rollouts", WITHOUT, "rows.0.validity")),
        ),
        compared("posteriors-coloring-rollouts", WITHOUT, "updates"),
    ],
    "with them 0.913 (0.905 to 0.924) after 1,253": [
        *(GUIDES(GAUSSIAN, "validity"), *extremes(seeds("posteriors-coloring", GAUSSIAN, "rows.0.validity"))),
        GUIDES(GAUSSIAN, "updates"),
    ],
    "0.982 of the ceiling against 0.966": [GUIDES(MEAN, "ratio"), GUIDES(GAUSSIAN, "ratio")],
    "(0.855 against 0.913)": [GUIDES(MEAN, "validity"), GUIDES(GAUSSIAN, "validity")],
    "0.041 against 0.072": [GUIDES(CONSTRAINT, "gap"), GUIDES(GAUSSIAN, "gap")],
    "after 476 updates instead of 1,253": [GUIDES("smoother with a pilot", "updates"), GUIDES(GAUSSIAN, "updates")],
    "pays 8 nats in the first transition": [GUIDES("Gaussian, horizon 2", "kl.0")],
    "and 15 at": [GUIDES("Gaussian, horizon 4", "kl.0")],
    "against 1.4 at": [GUIDES(GAUSSIAN, "kl.0")],
    "the gap is 0.22 and 0.36": [GUIDES("Gaussian, horizon 2", "gap"), GUIDES("Gaussian, horizon 4", "gap")],
    "cosine 0.77 with": [gradient(1)],
    "(0.98 in the guide, 0.34 in the core; another draw of the noise has 0.98)": [
        *(gradient(1, "guide"), gradient(1, "core"), gradient(16, surrogate="full ELBO, other noise")),
    ],
    "0.38 of its length": [gradient(1, measure="ratio")],
    "-0.92 to -0.93": [f(gradient(horizon) for horizon in (2, 4, 8, 16)) for f in (max, min)],
    "gets 82 updates": [GUIDES("Gaussian, horizon 16, no free runs", "updates")],
    "(gap 0.03)": [GUIDES("wake-sleep", "gap")],
    "(validity 0.23, 0.25 and 0.77)": seeds("posteriors-coloring", "wake-sleep", "rows.0.validity"),
    "used 1.3 (horizon": [min(minutes())],
    "to 1.7, short": [max(minutes())],
    "0.398 against 0.016": [LESS(LAST, "gap"), LESS(EVERY, "gap")],
    "carries 37 to 56 nats where log(number of answers) is 3.2": [
        *(f(seeds("table3-coloring", LAST, "bound.kl.0")) for f in (min, max)),
        answers("table3-coloring", GRAM),
    ],
    "mean 0.46 of": [LESS(WITHOUT_MEAN, "validity")],
    "and 0.86 at": [LESS(WITHOUT_MEAN, "validity", 64)],
    "N-Queens falls from 99.7 to 50.3 %, and Sudoku gains, 94.0 to 94.9": [
        PAPER[name][task] for task in ("nqueens 8", "sudoku") for name in ("full", "no mean")
    ],
    "colors bring 0.78 and": [LESS("prior as posterior (told as one answer)", "validity")],
    "1.3 times the updates": [LESS("flat core", "updates") / LESS(GRAM, "updates")],
    "a flat core has 100 %": [PAPER["flat core"]["nqueens 8"]],
    "75 to 129 updates": [min(updates()), max(updates())],
    "0.56 to 0.81": [LESS(ONE_FLAT_WHOLE, "validity"), LESS(ONE_WHOLE, "validity", 64)],
    "still 13 nats in": [LESS(WHOLE, "kl.0")],
    "with one 0.4, and": [LESS(FLAT_WHOLE, "kl.0")],
    "(gap 0.23 at": [LESS("horizon 2", "gap")],
    "0.94 at": [LESS(HORIZON_16, "gap")],
    "(0.956 against 0.900, gap 0.016 against 0.087)": [
        LESS(system, measure) for measure in ("validity", "gap") for system in (EVERY, GRAM)
    ],
    "(0.942 of the ceiling against 0.969)": [LESS(EVERY, "ratio"), LESS(GRAM, "ratio")],
    "has 0.983 and 0.947 in 64 of": [LESS(GRAM, "validity", 64), LESS(GRAM, "ratio", 64), 64],
    "7.3 against 3.9 nats": [LESS(EVERY, "elbo_excess"), LESS(GRAM, "elbo_excess")],
}
BROAD = ("validity", "ratio", "gap")
SMALL = {
    "posteriors-coloring": (
        {GAUSSIAN: "**Gaussian, horizon 1**"},
        [
            GAUSSIAN,
            MEAN,
            "relational",
            "smoother with a pilot",
            "flow",
            CONSTRAINT,
            "Gaussian, horizon 2",
            "wake-sleep",
        ],
        ("validity", "ratio", "gap", "elbo_excess"),
    ),
    "table3-coloring": (
        {GRAM: "**GRAM as it is**", NO_ROLLOUTS: "no prior rollouts", WHOLE: "no deep supervision, no prior rollouts"},
        ["GRAM as it is", *LESSER],
        ("validity", "ratio", "gap", "updates"),
    ),
}
"""Small tables: other labels, rows and columns."""
for table, (labels, models, measures) in SMALL.items():
    for model in models:
        CLAIMS |= small_row(table, model, labels.get(model, model), *measures)
CLAIMS |= {
    "| 0.770 | 0.340 | - | 1,468 |": [
        LESS("no guidance (told as one answer)", each) for each in ("validity", "ratio", "updates")
    ],
    "| 0.002 | 0.006 | 0.001 | 5.61 |": [
        GUIDES("prior as posterior", each) for each in ("validity", "ratio", "gap", "elbo_excess")
    ],
    "| the paper's surrogate | 0.5 | 0.089 | 0.335 | 0.911 |": [0.5, *(GUIDES(SURROGATE, each) for each in BROAD)],
    "| | 2 | 0.372 | 0.871 | 0.610 |": [2, *(BETAS("the paper's surrogate, beta 2", each) for each in BROAD)],
    "| | 4 | 0.851 | 0.983 | 0.155 |": [4, *(BETAS(SURROGATE_4, each) for each in BROAD)],
    "| with prior rollouts | 4 | 0.906 | 0.975 | 0.100 |": [4, *(BETAS(ROLLOUTS_4, each) for each in BROAD)],
    "| with prior rollouts and the controller | - | 0.913 | 0.966 | 0.072 |": [
        GUIDES(GAUSSIAN, each) for each in BROAD
    ],
}
