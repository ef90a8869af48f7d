"""Puzzles from JSON: one a file, as the public repositories have them, or many in one object by their id."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.system.files import file_bytes, naming, read_path
from gram_pyro.tasks.arc.checker import SHAPE, check_grid
from gram_pyro.tasks.arc.puzzles import ArcPuzzle, Pair, pair_of

ENDINGS = (".json",)
MAX_BYTES = 1 << 28


def read_puzzles(path: str, skip_bad: bool = False) -> list[ArcPuzzle]:
    """Read the puzzles of a JSON file, or those of all JSON files of a folder.

    Raises `UserError` if one cannot be read or two have one id; with `skip_bad`, bad files of a folder are left out.
    """
    puzzles = [puzzle for some in read_path(path, ENDINGS, "puzzle", read_file, skip_bad) for puzzle in some]
    seen = set[str]()
    for puzzle in puzzles:
        if puzzle.id in seen:
            raise UserError(f"{path}: two puzzles have the id {puzzle.id}")
        seen.add(puzzle.id)
    return puzzles


def read_file(path: Path) -> list[ArcPuzzle]:
    """Read the puzzles of a file: one, which is called as the file, or an object of them by id."""
    with naming(path):
        try:
            content = json.loads(file_bytes(path, "puzzle", MAX_BYTES), object_pairs_hook=without_repeats)
        except (ValueError, RecursionError) as error:
            raise UserError(f"not JSON ({error})") from None
        if not isinstance(content, dict) or not content:
            raise UserError(f"expected one puzzle, {SHAPE}, or an object of puzzles by id")
        if "train" in content or "test" in content:
            return [parse_puzzle(path.name.removesuffix(".gz").removesuffix(".json"), content)]
        return [parse_puzzle(str(name), part) for name, part in content.items()]


def without_repeats(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object. Raises `UserError` if one occurs twice: Python would keep the last."""
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise UserError(f"{twice[:40]!r} occurs twice in one object")
    return found


def parse_puzzle(name: str, content: Any) -> ArcPuzzle:
    """Return the puzzle of a JSON object. Raises `UserError` that says which puzzle, which pair and what is wrong."""
    with naming(f"puzzle {name[:40]}"):
        if not isinstance(content, dict) or not {"train", "test"} <= content.keys():
            raise UserError(f"expected {SHAPE}, not {repr(content)[:40]}")
        parts = [parse_pairs(content[key], key) for key in ("train", "test")]
        return ArcPuzzle(name, *map(tuple, parts))


def parse_pairs(content: Any, key: str) -> Sequence[Pair]:
    """Return demonstrations (`train`), or tests, whose outputs may be missing or null."""
    if not isinstance(content, list) or not content:
        raise UserError(f'expected at least one pair in "{key}", as a list, not {repr(content)[:40]}')
    pairs: list[Pair] = []
    for number, pair in enumerate(content, 1):
        with naming(f"{key} pair {number}"):
            if not isinstance(pair, dict) or "input" not in pair:
                raise UserError(f'expected {{"input": grid, "output": grid}}, not {repr(pair)[:40]}')
            output = pair.get("output")
            if key == "train" and output is None:
                raise UserError("a demonstration has an output, and this one has none")
            for side, grid in (("input", pair["input"]), ("output", output)):
                with naming(side):
                    if side == "input" or grid is not None:
                        check_grid(grid)
            pairs.append(pair_of(pair["input"], output))
    return pairs


def to_json(puzzles: Sequence[ArcPuzzle]) -> dict[str, Any]:
    """Return puzzles as a JSON object by id."""

    def written(pair: Pair) -> dict[str, Any]:
        return {side: [*map(list, grid)] for side, grid in pair._asdict().items() if grid is not None}

    return {
        puzzle.id: {"train": [*map(written, puzzle.demonstrations)], "test": [*map(written, puzzle.tests)]}
        for puzzle in puzzles
    }
