"""The puzzles of a training: those that are scored, those that are trained with their tests, and the splits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from gram_pyro.errors import UserError
from gram_pyro.tasks.arc.files import read_puzzles
from gram_pyro.tasks.arc.leaks import demonstrated_tests, overlap, shared
from gram_pyro.tasks.arc.puzzles import ArcProblem, ArcPuzzle, digest, largest_side
from gram_pyro.tasks.arc.rules import RULES, embedded_puzzles
from gram_pyro.tasks.base import Split

VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class PuzzleSet:
    """Puzzles in the order of their embeddings."""

    scored: tuple[ArcPuzzle, ...]
    """Their demonstrations are trained, their tests are not."""
    trained: tuple[ArcPuzzle, ...] = ()
    """Demonstrations and tests are trained."""

    @cached_property
    def puzzles(self) -> tuple[ArcPuzzle, ...]:
        """Return all puzzles."""
        return self.scored + self.trained

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Return the key of each puzzle."""
        return tuple(puzzle.key for puzzle in self.puzzles)

    @cached_property
    def places(self) -> dict[str, int]:
        """Return the place of each puzzle's embedding, by its key."""
        return {key: place for place, key in enumerate(self.keys)}

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of which embedding belongs to which demonstrations."""
        return digest(enumerate(self.keys))

    @cached_property
    def side(self) -> int:
        """Return the most rows or columns of any grid."""
        return largest_side(self.puzzles)

    def tests(self) -> list[ArcProblem]:
        """Return the tests of all scored puzzles."""
        return [
            ArcProblem(puzzle.id, place, pair, test=number)
            for place, puzzle in enumerate(self.scored)
            for number, pair in enumerate(puzzle.tests)
        ]

    def split(self, split: Split) -> list[ArcProblem]:
        """Return the pairs of a split, none of which is in another.

        Validation has the tests of a tenth of the scored puzzles, test those of the others, less the tests whose output
        nobody knows or the puzzle demonstrates. Where fewer than two puzzles have any, validation has a demonstration
        of a tenth of the puzzles instead, which training then does without.
        """
        shown = {pair for puzzle in self.scored for pair in puzzle.demonstrations}
        known = [each for each in self.tests() if each.pair.output is not None and each.pair not in shown]
        few = len({problem.embedding for problem in known}) < 2
        chosen = self.tenth({problem.embedding for problem in known})
        held_out = self.held_out() if few else []
        if split == "test":
            return known if few else [problem for problem in known if problem.embedding not in chosen]
        if split == "validation":
            return held_out if few else [problem for problem in known if problem.embedding in chosen]
        return [problem for problem in self.demonstrated() if problem not in held_out]

    def demonstrated(self) -> list[ArcProblem]:
        """Return all demonstrations, and the tests of those puzzles that are trained with them."""
        return [
            ArcProblem(puzzle.id, place, pair)
            for place, puzzle in enumerate(self.puzzles)
            for pair in (puzzle.demonstrations if place < len(self.scored) else puzzle.pairs)
            if pair.output is not None
        ]

    def held_out(self) -> list[ArcProblem]:
        """Return the last demonstration of a tenth of the puzzles that have several."""
        several = [place for place, puzzle in enumerate(self.puzzles) if len({*puzzle.demonstrations}) > 1]
        chosen = [(place, self.puzzles[place]) for place in sorted(self.tenth(several))]
        return [ArcProblem(puzzle.id, place, puzzle.demonstrations[-1]) for place, puzzle in chosen]

    def tenth(self, places: Iterable[int]) -> set[int]:
        """Return a tenth of some places, one at least: those whose puzzles have the lowest hashes."""
        ordered = sorted(places, key=lambda place: self.keys[place])
        return {*ordered[: max(1, round(VALIDATION_SHARE * len(ordered)))]}


@lru_cache(maxsize=2)
def puzzle_set(
    data: str, more_data: tuple[str, ...], drop_shared: bool, rules: tuple[str, ...], instances: int, seed: int
) -> PuzzleSet:
    """Return the puzzles of files, or of the embedded rules where there is no `data`.

    Raises `UserError` if a file cannot be read, or if `more_data` has puzzles of `data`; with `drop_shared` these are
    left out of `more_data`, and so are puzzles that an earlier file of it has.
    """
    if not data:
        scored, name = embedded_puzzles(rules, instances, seed), "the embedded rules"
    else:
        scored, name = tuple(read_puzzles(data)), data
    trained: list[ArcPuzzle] = []
    for path in more_data:
        puzzles = read_puzzles(path)
        if (both := shared(puzzles, scored)) and not drop_shared:
            hint = "take other files, or --task.drop-shared to leave them out of training"
            raise UserError(f"{overlap(path, name, both)}; {hint}")
        left_out = {own for own, _ in both} | {puzzle.id for puzzle in trained}
        trained += [puzzle for puzzle in puzzles if puzzle.id not in left_out]
    found = PuzzleSet(scored, tuple(trained))
    if twice := demonstrated_tests(scored):
        raise UserError(f"{name}: the test of {twice[0][1]} is a demonstration of {twice[0][0]}")
    return found


def check_rules(names: Sequence[str]) -> None:
    """Raise `UserError` if a rule is unknown."""
    for name in names:
        if name not in RULES:
            raise UserError(f"unknown rule {name!r}; known are {', '.join(RULES)}")
