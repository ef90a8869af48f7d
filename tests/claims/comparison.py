"""docs/comparison.md."""

from tests.claims.sources import figure, rows

SETTINGS = ["0.3"]
COLORING, QUEENS, NOISE = (f"comparison/table1-{each}" for each in ("coloring", "nqueens", "coloring-noise"))
LONGER = "comparison/table1-{}-15min"
MASKED, AUTOREGRESSIVE = "MDLM (masked diffusion)", "autoregressive Transformer"
SMALL = ("parameters", "validity", "coverage", "distance")


def system(table: str, model: str, steps: int, *measures: str) -> list[float]:
    return [figure(table, "", measure, model=model, steps=steps) for measure in measures]


def theirs(table: str, model: str, steps: int, *measures: str) -> list[float]:
    return [each / 100 for each in system(table, model, steps, *(f"paper.{measure}" for measure in measures))]


def beyond_wrong(model: str) -> list[float]:
    """By how much the distance to uniform of boards exceeds the part of wrong samples, at both depths."""
    found = (system(QUEENS, model, steps, "distance", "validity") for steps in (16, 64))
    return sorted(distance - (1 - validity) for distance, validity in found)


def noisy(scale: str) -> list[float]:
    model = f"PTRM: TRM with noise {scale} before every step" if scale else "TRM"
    return system(NOISE, model, 16, "validity", "coverage", "best_of_n")


def longer(task: str, model: str, steps: int) -> list[float]:
    return system(LONGER.format(task), model, steps, "validity", "coverage")


def nats(task: str, model: str, steps: int) -> float:
    return figure(LONGER.format(task), "", "excess", model=model, steps=steps)


def most_covered(table: str, *models: str) -> float:
    return max(row["coverage"] for model in models for row in rows(table, "", model=model))


def ceiling(table: str) -> list[float]:
    """The ceiling of coverage, and the distance to uniform of perfect draws."""
    found = next(rows(table, "", model="GRAM", steps=16))
    return [found["ceiling"], found["uniform_distance"]]


ONE = ("direct prediction, 8 layers", "direct prediction, 2 layers", "direct prediction, 32 layers", "HRM", "TRM")
ONE += ("Looped Transformer", "Looped Transformer, no deep supervision")
TOKENS = "comparison/table1-coloring-15min-tokens"
CLAIMS = {
    "ceiling of coverage 0.920; distance to uniform of perfect draws 0.173": ceiling(COLORING),
    "ceiling 0.994, perfect draws 0.042": ceiling(QUEENS),
    "| 328,419 | 0.820 | 0.340 | 0.660 | 0.199 |": [
        *(*system(COLORING, ONE[0], 1, *SMALL), *theirs(COLORING, ONE[0], 1, "coverage")),
    ],
    "| 82,635 | 0.787 | 0.335 | 0.665 | 0.223 |": [
        *(*system(COLORING, "TRM", 16, *SMALL), *theirs(COLORING, "TRM", 16, "coverage")),
    ],
    "| 332,483 | 0.745 | 0.864 | 0.392 | 0.830 |": [
        *(*system(COLORING, AUTOREGRESSIVE, 1, *SMALL), *theirs(COLORING, AUTOREGRESSIVE, 1, "coverage")),
    ],
    "| 328,227 | 0.987 | 0.913 | 0.185 | 0.845 |": [
        *(*system(COLORING, MASKED, 16, *SMALL), *theirs(COLORING, MASKED, 16, "coverage")),
    ],
    "| 172,435 | 0.974 | 0.921 | 0.193 | 0.858 |": [
        *(*system(COLORING, "GRAM", 16, *SMALL), *theirs(COLORING, "GRAM", 16, "coverage")),
    ],
    "| 172,435 | 0.996 | 0.917 | 0.182 |": system(COLORING, "GRAM", 64, *SMALL),
    "| 328,322 | 0.793 | 0.982 | 0.250 |": system(QUEENS, MASKED, 64, *SMALL),
    "| 172,546 | 0.954 | 0.974 | 0.148 |": system(QUEENS, "GRAM", 64, *SMALL),
    "more than 0.34 of the colorings or 0.66 of the boards": [most_covered(COLORING, *ONE), most_covered(QUEENS, *ONE)],
    "GRAM covers 0.92 and 0.97,": [
        *(*system(COLORING, "GRAM", 64, "coverage"), *system(QUEENS, "GRAM", 64, "coverage")),
    ],
    "by 0.03 to 0.04, where": beyond_wrong(MASKED),
    "perfect draws have 0.04; GRAM's by 0.08 to 0.10.": [ceiling(QUEENS)[1], *beyond_wrong("GRAM")],
    "| none | 0.780 | 0.328 | 0.780 |": noisy(""),
    "finds 0.84": noisy("1")[2:],
    "| GRAM | 0.986 | 0.916 | ≤ 0.30 |": [*longer("coloring", "GRAM", 16), nats("coloring", "GRAM", 16)],
    "| GRAM, 64 steps | 0.999 | 0.920 | - |": [64, *longer("coloring", "GRAM", 64)],
    "| 0.991 | 0.917 | ≤ 0.01 |": [*longer("coloring", MASKED, 16), nats("coloring", MASKED, 16)],
    "| 0.912 | 0.891 | 0.17 |": system(TOKENS, AUTOREGRESSIVE, 1, "validity", "coverage", "excess"),
    "| GRAM | 0.908 | 0.975 | ≤ 0.30 |": [*longer("nqueens", "GRAM", 16), nats("nqueens", "GRAM", 16)],
    "| GRAM, 64 steps | 0.976 | 0.984 | - |": [64, *longer("nqueens", "GRAM", 64)],
    "| masked diffusion, 64 steps | 0.841 | 0.981 | ≤ 0.37 |": [
        64,
        *longer("nqueens", MASKED, 64),
        nats("nqueens", MASKED, 16),
    ],
    "| 0.842 | 0.931 | 0.62 |": [*longer("nqueens", AUTOREGRESSIVE, 1), nats("nqueens", AUTOREGRESSIVE, 1)],
}
for scale, values in {"0.1": "0.784 | 0.367 | 0.790", "0.3": "0.774 | 0.451 | 0.790"}.items():
    CLAIMS[f"| {scale} | {values} |"] = [float(scale), *noisy(scale)]
CLAIMS["| 1 | 0.738 | 0.608 | 0.840 |"], CLAIMS["| 3 | 0.497 | 0.755 | 0.770 |"] = [1, *noisy("1")], [3, *noisy("3")]
for fragment, model, steps in (
    ("| 328,130 | 0.640 | 0.578 | 0.422 | 0.404, 0.137 |", ONE[0], 1),
    ("| 82,274 | 0.687 | 0.585 | 0.415 | 0.668, 0.361 |", "TRM", 16),
    ("| 332,482 | 0.608 | 0.920 | 0.423 | 0.963, 0.848 |", AUTOREGRESSIVE, 1),
    ("| 328,322 | 0.737 | 0.965 | 0.292 | 0.961, 0.872 |", MASKED, 16),
    ("| 172,546 | 0.881 | 0.959 | 0.199 | 0.997, 0.903 |", "GRAM", 16),
):
    ours, published = system(QUEENS, model, steps, *SMALL), theirs(QUEENS, model, steps, "validity", "coverage")
    CLAIMS[fragment] = [*ours, *published]
