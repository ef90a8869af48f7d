"""docs/costs.md."""

from __future__ import annotations

from tests.claims.sources import extremes, figure, of_size, rows, stored

SETTINGS: list[str] = []
SIZES = ("small", "recipe", "large")
OURS, SVI = "ours_to_hand.ratio", "svi_to_hand.ratio"
MB = 1e6


def steps(name: str, measure: str, *sizes: str, of: float = 1) -> list[float]:
    """A measure of steps at their sizes."""
    return [of * of_size(f"speed/step{name}", measure, size) for size in sizes or SIZES]


def line(size: str) -> list[float]:
    """A row of the first table."""
    ours = [of_size(f"speed/step{kind}", OURS, size) for kind in ("", "-compiled", "-bfloat16")]
    return ours + [of_size(f"speed/step{kind}", SVI, size) for kind in ("", "-compiled")]


def mode(size: str) -> float:
    """The time of a compiled step in bfloat16 to one in float32."""
    return of_size("speed/modes-bfloat16", "to_float32.ratio", size, mode="compiled bfloat16")


def updates_a_minute(precision: str) -> float:
    run = stored(f"quality/coloring-{precision}")
    return float(run["config"]["training"]["updates"] / run["minutes"])


def elbo(objective: str, measure: str) -> list[float]:
    """A measure of the full ELBO, at the recipe's size and the large one."""
    return [of_size("memory/full-elbo", measure, size, objective=objective) for size in SIZES[1:]]


def memory(kind: str) -> list[float]:
    """Megabytes that a step of the smallest size keeps, by its transitions."""
    return [row["bytes"][kind] / MB for row in rows("memory/memory", "rows", **{"setting.name": "small"})]


def seconds(command: str) -> float:
    return figure("speed/startup", "rows", "seconds.ours.median", command=command)


def survived(what: str) -> list[float]:
    return [figure("robustness/survive", "rows", measure, what=what) for measure in ("survived", "tried")]


def gradient(path: str) -> float:
    """How far a gradient is from that of float64, in percent."""
    return 100 * of_size("gradients/numerics", "gradient", "recipe", path=path)


def shares() -> list[float]:
    """The share of matrix products in sampling at D = 256 with at least 16 trajectories."""
    large = rows("speed/sample", "rows", **{"setting.name": "large"})
    return [row["floor"]["of_floor"] for row in large if row["width"] >= 16]


TRM, TRM_H200 = steps("-trm", OURS), steps("-trm-h200", OURS, *SIZES, "paper")
KEPT, AGAIN = "whole, kept", "whole, computed again"
(ALL_48,) = {row["transitions"] for row in rows("memory/full-elbo", "rows")}
(CASES,) = {row["tried"] for row in rows("robustness/fuzz", "rows")}
(FINITE,) = {row["finite"] for row in rows("gradients/numerics-bfloat16", "rows")}

CLAIMS = {
    "| 1.11 | 1.13 | 1.15 | 1.21 | 1.29 |": line("small"),
    "| 1.05 | 1.05 | 1.06 | 1.09 | 1.09 |": line("recipe"),
    "| 1.01 | 1.01 | 0.98 | 1.02 | 1.02 |": line("large"),
    "take 15 to 16 ms: 1.13 to 1.16 of the reference, SVI 1.33.": [
        *extremes(steps("-h200", "seconds.ours.median", of=1000)),
        *extremes(steps("-h200", OURS)),
        max(steps("-h200", SVI)),
    ],
    "takes 99 ms, 1.01 of the reference, SVI 1.05. Matrix products alone would take 0.11 of it, moving bytes 0.42.": [
        1000 * of_size("speed/step-h200", "seconds.ours.median", "paper"),
        *(of_size("speed/step-h200", each, "paper") for each in (OURS, SVI, "floor.of_floor", "floor.of_copy")),
    ],
    "1.06, 1.02 and 0.98 of the reference, 1.12, 1.05 and 1.03 through SVI": [*TRM, *steps("-trm", SVI)],
    "1.09, 1.12 and 1.02, at the paper's sizes 1.01.": TRM_H200,
    "1.12, 1.03 and 1.06; SVI 1.16, 1.04 and 1.06.": [
        *steps("-drafts", "ours_to_reference.ratio"),
        *steps("-drafts", "svi_to_reference.ratio"),
    ],
    "0.18, 0.32 and 0.72 of the steps in the table (0.73 of the large one": [
        *steps("", "floor.of_floor"),
        *steps("-compiled", "floor.of_floor", "large"),
    ],
    "takes 1.6 processor seconds, a Sudoku 2.0, `--help` 0.2 (of `train` 1.7;": [
        *map(seconds, ("sample coloring", "sample sudoku", "sample --help", "train --help"))
    ],
    "takes 0.36 of the time of float32 there and 0.78 in the recipe": [mode("large"), mode("recipe")],
    "1.5 times as many updates a minute": [updates_a_minute("bfloat16") / updates_a_minute("float32")],
    "over 48 transitions takes 34 times": [ALL_48, max(elbo(KEPT, "tensors_to_first"))],
    "2.4 to 2.5 times, at 1.2 to 1.7 times the time": [
        *extremes(elbo(AGAIN, "tensors_to_first")),
        *extremes(elbo(AGAIN, "to_kept.ratio")),
    ],
    "1.82 times as fast": [figure("speed/processes", "rows", "speed.ratio", contender="two processes")],
    "take 0.66 to 0.78 of it": extremes(shares()),
    "| horizon 1, KL at the last | 7.96 | 7.96 | 7.96 | 7.96 |": [1, *memory("last")],
    "| horizon 1, KL at all | 7.96 | 9.27 | 11.90 | 17.15 |": [1, *memory("all")],
    "| no horizon | 7.96 | 15.77 | 31.40 | 62.65 |": memory("no horizon"),
    "20 of 20 kills at random moments": survived("killed at a random moment"),
    "20 of 20 in the middle of a write": survived("killed while writing"),
    "3 of 3 full disks": survived("disk full"),
    "3 of 3 kills of one worker": survived("one worker of two killed"),
    "60 of 60 damaged checkpoints": survived("damaged checkpoint"),
    "2,000 cases each: no failure": [CASES],
    "10,000 updates of a small network": [FINITE],
    "bfloat16's gradient is 0.5 %": [max(map(gradient, ("bfloat16", "bfloat16 compiled")))],
}
