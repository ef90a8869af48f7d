"""Rules of our own making in the spirit of ARC: unlimited puzzles with exact answers, from a seed."""

from zlib import crc32

import numpy as np
from numpy.random import Generator

from gram_pyro.tasks.arc.puzzles import ArcPuzzle, Pair, pair_of
from gram_pyro.tasks.arc.rules import counting, lines, objects, recoloring, symmetry
from gram_pyro.tasks.arc.rules.base import Parameters, Rule
from gram_pyro.tasks.arc.views import Grid

RULES: dict[str, Rule] = symmetry.RULES | recoloring.RULES | objects.RULES | lines.RULES | counting.RULES
DEMONSTRATIONS, TESTS = (3, 4), (1, 2)
RIVALS = 40
"""Other parameters that are tried: none may explain all demonstrations and answer a test otherwise."""
MAX_TRIES = 1000


def puzzle_of(name: str, number: int, seed: int = 0) -> ArcPuzzle:
    """Draw a puzzle of a rule, the same each time."""
    rng = np.random.default_rng([seed, crc32(name.encode()), number])
    rule = RULES[name]
    for _ in range(MAX_TRIES):
        demonstrations, tests = (int(rng.integers(least, most + 1)) for least, most in (DEMONSTRATIONS, TESTS))
        parameters = rule.parameters(rng)
        pairs = draw_pairs(rule, parameters, demonstrations + tests, rng)
        puzzle = ArcPuzzle(f"{name}-{number}", tuple(pairs[:demonstrations]), tuple(pairs[demonstrations:]))
        if is_telling(puzzle) and is_determined(rule, puzzle, rng):
            return puzzle
    raise AssertionError(f"{name}: no puzzle in {MAX_TRIES} tries")


def draw_pairs(rule: Rule, parameters: Parameters, count: int, rng: Generator) -> list[Pair]:
    """Draw pairs with different inputs, of which each differs from its output."""
    pairs: dict[Grid, Pair] = {}
    while len(pairs) < count:
        grid = np.ascontiguousarray(rule.inputs(rng, parameters), dtype=np.int8)
        pair = pair_of(grid, rule.apply(grid, parameters))
        if pair.input != pair.output:
            pairs[pair.input] = pair
    return [*pairs.values()]


def colors_in(*grids: Grid | None) -> set[int]:
    """Return the colors that occur."""
    return {color for grid in grids for row in grid or () for color in row}


def is_telling(puzzle: ArcPuzzle) -> bool:
    """Return whether each color of a test occurs in the demonstrations, on the same side of the arrow."""
    shown = [colors_in(*grids) for grids in zip(*puzzle.demonstrations, strict=True)]
    asked = [colors_in(*grids) for grids in zip(*puzzle.tests, strict=True)]
    return all(each <= known for each, known in zip(asked, shown, strict=True))


def is_determined(rule: Rule, puzzle: ArcPuzzle, rng: Generator) -> bool:
    """Return whether all parameters that explain the demonstrations, of some random ones, answer the tests alike."""

    def explains(parameters: Parameters, pairs: tuple[Pair, ...]) -> bool:
        return all(pair_of(a, rule.apply(np.array(a, dtype=np.int8), parameters)).output == b for a, b in pairs)

    rivals = (rule.parameters(rng) for _ in range(RIVALS))
    return all(explains(each, puzzle.tests) for each in rivals if explains(each, puzzle.demonstrations))


def embedded_puzzles(names: tuple[str, ...], instances: int, seed: int) -> tuple[ArcPuzzle, ...]:
    """Return so many puzzles of each rule, those of all rules by default."""
    return tuple(puzzle_of(name, number, seed) for name in names or RULES for number in range(instances))
