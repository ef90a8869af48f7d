"""Options that several commands share. Nothing here needs torch: `--help` does without."""

from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from gram_pyro.runs.shipped import shipped_names

CHECKPOINTS = ", ".join(shipped_names())
PROBLEM = """For coloring, --graph: .col (DIMACS), .edges, .edgelist, .txt, .g6 or .npy;
for nqueens, --board: a text file with a line a row, Q for a queen, . if empty;
for sudoku, --puzzle: the cells row by row, . if empty, or a file of them;
for digits, --image, if any: the pixels row by row, 0, 1 or . if unknown, or a file of them, or a PNG: \
dark is 1, light 0, and mid-gray (1/3 to 2/3) or transparent (alpha below 128) unknown;
for arc, --puzzle: the id of a puzzle of its data, ID/2 for its second test, or a JSON file with one test;
for countdown, --problem: numbers and target, as 3 7 4 6 -> 40, or a file of it;
for grids, nothing. Each file may be gzipped."""
DRAFT = "Schedule of noisy drafts, if the model draws any: constant seeks one solution, cosine many."
TIMES = "First and last time of cosine's drafts, from 0 (all noise) to 1 (the answer)."
AS_TRAINED = "(default: that of its training)"

TrainedRun = Annotated[
    Positional[str], arg(metavar="RUN", help=f"Run folder, or a checkpoint that comes with the package: {CHECKPOINTS}.")
]
Problem = Annotated[
    str | None,
    arg(aliases=["--board", "--puzzle", "--image", "--problem"], metavar="FILE", help=PROBLEM, help_behavior_hint=""),
]
Draft = Annotated[str | None, arg(metavar="constant|cosine|flow", help=DRAFT, help_behavior_hint=AS_TRAINED)]
DraftTimes = Annotated[tuple[float, float] | None, arg(metavar="FIRST LAST", help=TIMES, help_behavior_hint=AS_TRAINED)]
Device = Annotated[str, arg(metavar="auto|cpu|cuda|cuda:1", help="auto: CUDA where there is one.")]
Json = Annotated[FlagCreatePairsOff[bool], arg(help_behavior_hint="")]
