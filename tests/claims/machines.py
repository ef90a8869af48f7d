"""docs/machines.md."""

from __future__ import annotations

from tests.claims.costs import AGAIN, ALL_48, elbo, mode
from tests.claims.sources import extremes, figure, logged, of_size, rows

SETTINGS = ["3.11", "3.12", "3.14"]
WAYS = ("eager", "compiled", "graphs")


def ratios(name: str, phase: str, pair: str) -> list[float]:
    """The smallest and largest ratio of two ways of attention over all sizes."""
    return extremes(row[phase][pair]["ratio"] for row in rows(f"speed/attention{name}", "rows"))


def milliseconds(size: str) -> list[float]:
    """A row of the table: each way in float32 and bfloat16."""
    modes = [f"{way} {precision}" for way in WAYS for precision in ("float32", "bfloat16")]
    return [1000 * of_size("speed/modes-h200", "seconds.median", size, mode=each) for each in modes]


def slowed() -> float:
    """The time of a large compiled step in bfloat16 to one in float32, on an Intel that does not multiply it."""
    half, single = (
        of_size("speed/modes", "seconds.median", "large", mode=f"compiled {precision}")
        for precision in ("bfloat16", "float32")
    )
    return half / single


def sampling(size: str) -> list[float]:
    """The shortest and longest time of 64 steps on an H200, in seconds."""
    found = rows("speed/sample-h200", "rows", depth=64, **{"setting.name": size})
    return extremes(row["seconds"]["median"] for row in found)


def processes(contender: str, measure: str) -> float:
    return figure("speed/processes", "rows", measure, contender=contender)


def update(way: str) -> float:
    """Milliseconds of an update of drafts."""
    return 1000 * figure("speed/update-h200", "rows", "seconds.median", compile=way, width=64, batch=256)


(PROBLEMS,) = {row["batch"] for row in rows("speed/attention-h200", "rows")}

CLAIMS = {
    "takes 0.40 to 0.75 of the time of": ratios("-bfloat16", "training", "plain_to_mask"),
    "0.57 to 1.19 without a gradient": ratios("-bfloat16", "inference", "plain_to_mask"),
    "takes 0.67 to 0.89 (LOG": [logged(142, "0.67"), logged(142, "0.89")],
    "would take 15 to 40 % longer": [logged(26, "15"), logged(26, "40")],
    "0.30 to 0.56 of the folded time in training at 768 problems": [
        *ratios("-h200", "training", "mask_to_folded"),
        PROBLEMS,
    ],
    "within 850 to 1,290 updates": [logged(96, "850"), logged(96, "1,290")],
    "takes 0.36 of the time of float32, one of the recipe 0.78;": [mode("large"), mode("recipe")],
    "2.15 times as long": [slowed()],
    "| 16.2 / 18.7 | 13.4 / 14.2 | 9.7 / 10.3 |": milliseconds("small"),
    "| 13.7 / 15.3 | 11.0 / 12.5 | 8.0 / 8.4 |": milliseconds("recipe"),
    "| 13.1 / 17.0 | 12.3 / 11.3 | 8.1 / 8.1 |": milliseconds("large"),
    "takes 57 ms compiled and 33 with graphs": [update("on"), update("graphs")],
    "take 0.16 to 0.21 s": sampling("recipe"),
    "0.28 s for 256.": [sampling("large")[1], 256],
    "48 transitions in 2.4 to 2.5 times": [ALL_48, *extremes(elbo(AGAIN, "tensors_to_first"))],
    "at 1.2 to 1.7 times the time": extremes(elbo(AGAIN, "to_kept.ratio")),
    "takes 4.5 to 5.7 times as much": extremes(elbo(AGAIN, "process_to_first")),
    "1.82 times as fast as one on one core, 0.91 of the ideal": [
        processes("two processes", "speed.ratio"),
        processes("two processes", "of_ideal"),
    ],
    "is as fast, 1.84": [processes("one process, two threads", "speed.ratio")],
}
