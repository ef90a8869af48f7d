"""Sudoku-Extreme by folds: `python -m benchmarks.sudoku_extreme FOLDER`, one JSON.

FOLDER holds `sudoku_extreme_1k_train.csv.gz` with a column `fold` (0 to 9), `sudoku_hard_train.csv.gz` and
`sudoku_hard_test.csv.gz`. Trains fields with a draft channel on folds 0 to 8 and the hard puzzles, under random
symmetries, and tests one trajectory on fold 9 and on a random part of the hard test: in noise that is held, or with
`--draft cosine` from noise to the answer, which the same weights serve.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS, write_json
from benchmarks.trained import evaluation_of, facts_of
from gram_pyro.errors import UserError, run_cli
from gram_pyro.runs.train_options import configured
from gram_pyro.training.run import train_once

RUN = Path("runs/sudoku-extreme")
OUTS = {"cosine": "sudoku-extreme-annealed", "constant": "sudoku-extreme-fields"}
TRAINING, MORE, HARD = "sudoku_extreme_1k_train.csv.gz", "sudoku_hard_train.csv.gz", "sudoku_hard_test.csv.gz"
RECIPE = "--task sudoku --model.refinements 8 --depth 160 --problems 1000000 --evaluations 2 --minutes 60 --threads 1"
TEST_FOLD = "9"
HARD_PUZZLES = 200
MEASURES = ["--samples", "1", "--steps", "16", "64", "256", "1024", "--no-bound", "--json"]
MEASURES += ["--precision", "bfloat16", "--compile"]


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a gzipped CSV file. Raises `UserError` if it cannot be read."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    """Rows as plain CSV with the columns that the loader knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["source", "question", "answer", "rating"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def measured(path: Path, name: str, draft: str) -> dict[str, Any]:
    """What `evaluate` says of the trained run on the puzzles of a file."""
    return evaluation_of(RUN, RUN / f"{name}-{draft}.json", "--puzzles", str(path), "--draft", draft, *MEASURES)


def main(arguments: list[str]) -> None:
    """Train, or go on, and evaluate."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sudoku_extreme", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draft", choices=[*OUTS], default="constant", help="schedule of the samples")
    options, extra = parser.parse_known_args(arguments)
    rows = rows_of(options.folder / TRAINING)
    data = RUN.parent / f"{RUN.name}-data"
    training = [row for row in rows if row["fold"] != TEST_FOLD] + rows_of(options.folder / MORE)
    train = write_rows(data / "train.csv", training)
    test = write_rows(data / "test.csv", [row for row in rows if row["fold"] == TEST_FOLD])
    hard = rows_of(options.folder / HARD)
    hard_test = write_rows(data / "hard.csv", random.Random(0).sample(hard, HARD_PUZZLES))
    asked = [*RECIPE.split(), "--task.data", str(train), "--task.test-data", str(test), *extra]
    train_once(configured(asked)[0], RUN)
    command = " ".join([options.folder.name, "--draft", options.draft, *extra])
    result = facts_of(RUN, f"python -m benchmarks.sudoku_extreme {command}")
    for name, path in (("fold_9", test), ("hard_test", hard_test)):
        result[name] = measured(path, name.replace("_", "-"), options.draft)
    write_json(RESULTS / "quality" / f"{OUTS[options.draft]}.json", result)


if __name__ == "__main__":
    run_cli(main)
