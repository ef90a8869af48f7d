"""One language: words that were replaced by the field's terms do not come back in public names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gram_pyro

ROOT = Path(gram_pyro.__file__).parent
RETIRED = {
    *("asked", "known", "told", "found", "place", "listed", "hold", "promise", "verdict", "noun", "goal", "shown"),
    *("belief", "Verdict", "held", "charge", "free", "course", "read_problem", "tell", "teller", "reader", "Piece"),
    *("Losses", "Measured", "Fit", "again", "started", "fresh", "stopped", "timed", "try_guide", "stirred", "broken"),
    *("check_served", "check_judged", "adopt", "made", "Recorded", "full", "kept", "RecallMessenger", "backward"),
    *("only_to", "dream", "Method", "Row", "Seen", "Naive", "Found", "perform", "agree", "leave", "cut_short", "alive"),
    *("floor", "by_hand", "distinct_noun", "training_set", "TrainingSet"),
}


def public_names(tree: ast.AST) -> Iterator[str]:
    """Yield names of functions, classes, parameters and fields that do not start with an underscore."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
                yield argument.arg
            yield from (extra.arg for extra in (arguments.vararg, arguments.kwarg) if extra is not None)
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id


def test_retired_words_stay_retired() -> None:
    back = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in ROOT.rglob("*.py")
        for name in public_names(ast.parse(path.read_text()))
        if name in RETIRED
    }
    assert not back


def test_a_retired_word_is_noticed() -> None:
    tree = ast.parse("class A:\n    told: int\n    def asked(self, *, known): ...")
    assert {"told", "asked", "known"} <= {*public_names(tree)}
