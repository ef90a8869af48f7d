"""Sudoku-Extreme: `python -m benchmarks.sudoku_extreme FOLDER`, one JSON.

FOLDER holds `sudoku_extreme_1k_train.csv.gz` with a column `fold` (0 to 9), `sudoku_hard_train.csv.gz` and
`sudoku_hard_test.csv.gz`, all with a column `grid_class`. Trains
fields with a draft channel on folds 0 to 7 and, unless `--few`, on the hard puzzles, under random symmetries. What is
tried is judged on fold 8 and on 500 hard training puzzles that are held out; `--final` measures fold 9 and 500 puzzles
of the hard test. Training shares no grid with these, up to symmetries.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
from pathlib import Path

from benchmarks.report import RESULTS, write_json
from benchmarks.trained import evaluation_of, facts_of
from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.train_options import configured
from gram_pyro.training.run import train_once

THOUSAND, MORE, HARD = "sudoku_extreme_1k_train.csv.gz", "sudoku_hard_train.csv.gz", "sudoku_hard_test.csv.gz"
RECIPE = "--task sudoku --model.refinements 8 --depth 160 --problems 1000000 --task.extra-givens 0.3 --evaluations 1"
RECIPE += " --validation-problems 1"
HARD_PUZZLES = 500
CHOOSING, FINAL = ("fold-8", "hard-validation"), ("fold-9", "hard-test")
MEASURES = "--samples 1 --no-bound --json --precision bfloat16 --compile"

Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    """The rows of a gzipped CSV file. Raises `UserError` if it cannot be read."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def write_rows(path: Path, rows: Rows) -> Path:
    """Rows as plain CSV with the columns that the loader knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["source", "question", "answer", "rating"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def parts_of(folder: Path, few: bool) -> dict[str, Rows]:
    """The rows to train on, to choose by and to test with; no grid class of the latter is among the first."""
    thousand, hard, draw = rows_of(folder / THOUSAND), rows_of(folder / MORE), random.Random(0)
    parts = {f"fold-{fold}": [row for row in thousand if row["fold"] == fold] for fold in "89"}
    parts["hard-validation"] = draw.sample(hard, HARD_PUZZLES)
    parts["hard-test"] = draw.sample(rows_of(folder / HARD), HARD_PUZZLES)
    held = {row["grid_class"] for rows in parts.values() for row in rows}
    parts["train"] = [row for row in thousand + ([] if few else hard) if row["grid_class"] not in held]
    return parts


def main(arguments: list[str]) -> None:
    """Train, or go on, and evaluate."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sudoku_extreme", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--few", action="store_true", help="train on the thousand extreme puzzles alone")
    parser.add_argument("--final", action="store_true", help="measure fold 9 and the hard test, once all is chosen")
    parser.add_argument("--draft", choices=["cosine", "constant"], default="constant", help="schedule of the samples")
    parser.add_argument("--steps", type=int, nargs="+", default=[16, 64, 256, 1024], help="lengths of the trajectories")
    parser.add_argument("--run", type=Path, default=Path("runs/sudoku-extreme"), help="folder of the training")
    options, extra = parser.parse_known_args(arguments)
    data = {
        name: write_rows(options.run / f"{name}.csv", rows)
        for name, rows in parts_of(options.folder, options.few).items()
    }
    asked = [*RECIPE.split(), "--task.data", str(data["train"]), "--task.test-data", str(data["fold-9"]), *extra]
    train_once(configured(asked)[0], options.run)
    shown = ["sudoku", *(argument for argument in arguments if Path(argument) != options.folder)]
    result = facts_of(options.run, f"python -m benchmarks.sudoku_extreme {' '.join(shown)}")
    steps = ["--steps", *map(str, options.steps), "--draft", options.draft]
    for name in FINAL if options.final else CHOOSING:
        out = options.run / f"{name}-{options.draft}.json"
        result[name] = evaluation_of(options.run, out, "--puzzles", str(data[name]), *steps, *MEASURES.split())
    write_json(RESULTS / "quality" / f"{options.run.name}.json", result)


if __name__ == "__main__":
    run_cli(main)
