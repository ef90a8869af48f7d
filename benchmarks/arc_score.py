"""Score recorded ARC predictions again, by code that shares nothing with the library.

    python -m gram_pyro.arc RUN --predictions predictions.json --submission submission.json
    python -m benchmarks.arc_score predictions.json submission.json

The first file has every vote and the true outputs; the second, if it is given, must be what the votes elect.
"""

import json
import sys
from pathlib import Path
from typing import Any


def elected(votes: list[dict[str, Any]]) -> list[list[list[int]]]:
    """The two grids with most votes; of equally many the one of greater mean confidence, then the one seen first."""
    table: list[dict[str, Any]] = []
    for vote in sorted(votes, key=lambda vote: (vote["view"], vote["sample"])):
        if not vote["grid"]:
            continue
        row = next((row for row in table if row["grid"] == vote["grid"]), None)
        if row is None:
            row = {"grid": vote["grid"], "votes": 0, "confidences": []}
            table.append(row)
        row["votes"] += 1
        row["confidences"].append(vote["confidence"])
    winners: list[list[list[int]]] = []
    while table and len(winners) < 2:
        best = table[0]
        for row in table[1:]:
            means = [sum(each["confidences"]) / each["votes"] for each in (row, best)]
            if row["votes"] > best["votes"] or (row["votes"] == best["votes"] and means[0] > means[1] + 1e-12):
                best = row
        table.remove(best)
        winners.append(best["grid"])
    return winners


def scores(recorded: dict[str, Any]) -> dict[str, float]:
    """The three scores of a recording, in percent of its tasks, less those of which an output is not known."""
    votes = [dict(zip(recorded["fields"], row, strict=True)) for row in recorded["predictions"]]
    kinds = {
        "no_views": [vote for vote in votes if vote["view"] == 0 and vote["sample"] == 0],
        "votes": [vote for vote in votes if vote["sample"] == 0],
        "votes_and_width": votes,
    }
    found = {}
    for kind, chosen in kinds.items():
        points, tasks = 0.0, 0
        for task, outputs in recorded["outputs"].items():
            if None in outputs:
                continue
            tasks += 1
            for test, output in enumerate(outputs):
                own = [vote for vote in chosen if vote["task"] == task and vote["test"] == test]
                if output in elected(own):
                    points += 1 / len(outputs)
        if tasks:
            found[kind] = points / tasks
    return found


def differs(recorded: dict[str, Any], submitted: dict[str, Any]) -> list[str]:
    """The tests of which a submission has other attempts than the votes elect."""
    votes = [dict(zip(recorded["fields"], row, strict=True)) for row in recorded["predictions"]]
    wrong = [] if submitted.keys() == recorded["outputs"].keys() else ["the tasks"]
    for task, attempts in submitted.items():
        for test, pair in enumerate(attempts):
            own = elected([vote for vote in votes if vote["task"] == task and vote["test"] == test])
            grids = own or [[[0]]]
            if [pair["attempt_1"], pair["attempt_2"]] != [grids[0], grids[-1]]:
                wrong.append(f"{task}, test {test + 1}")
    return wrong


def main(paths: list[str]) -> None:
    """Print the scores, and where the submission is another than that of the votes."""
    recorded, *submissions = (json.loads(Path(path).read_text()) for path in paths)
    print(json.dumps(scores(recorded)))
    for submitted in submissions:
        wrong = differs(recorded, submitted)
        print(f"the submission differs in {', '.join(wrong)}" if wrong else "the submission is what the votes elect")


if __name__ == "__main__":
    main(sys.argv[1:])
