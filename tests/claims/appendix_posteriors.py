"""docs/appendix-posteriors.md."""

from tests.claims.sources import deeper

SETTINGS: list[str] = []
CLAIMS = {
    "0.988, 0.972, 0.977, 0.994 and 0.995": deeper("posteriors-coloring-revealed", "validity"),
    "0.958, 0.875, 0.963, 0.906 and 0.950": deeper("posteriors-nqueens", "validity"),
    "validity is 0.415 and 1.000, the ratio 0.176 and 0.990": [
        each for measure in ("validity", "ratio") for each in deeper("posteriors-sudoku", measure)
    ],
}
