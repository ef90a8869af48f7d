"""ARC: apply the rule that a few pairs of grids demonstrate to another grid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.system.files import is_file, is_folder
from gram_pyro.tasks.abilities import Answer, Axes, Wording
from gram_pyro.tasks.arc import checker, leaks, picture
from gram_pyro.tasks.arc.canvas import VALUES, cropped, moved, on_canvas, room
from gram_pyro.tasks.arc.files import read_puzzles
from gram_pyro.tasks.arc.puzzles import MAX_SIDE, ArcProblem, ArcPuzzle, largest_side
from gram_pyro.tasks.arc.relations import lines_of, same_color
from gram_pyro.tasks.arc.sets import PuzzleSet, check_rules, puzzle_set
from gram_pyro.tasks.arc.views import Grid, View, view_of
from gram_pyro.tasks.base import Problems, Spec, Split, Task

MAX_VIEWS = 1000
LINES = 3


@dataclass(frozen=True)
class Arc(Task):
    """Pairs of grids that follow one rule a puzzle: demonstrations are trained, and tests are to be answered.

    A problem is an `ArcProblem`: an input of a puzzle under one of its views. The network sees the input on a square
    canvas (`canvas.py`) and the embedding of the puzzle, or of the puzzle and the view; the rule itself it has to learn
    into that embedding from the demonstrations. An answer is the number of rows and of columns and the colors row by
    row, with the view undone; () where there is no grid. The one solution is the output; where nobody knows it, the
    puzzle is answered and not scored.
    """

    name: ClassVar[str] = "arc"
    wording: ClassVar[Wording] = Wording("puzzle")
    scores: ClassVar[tuple[str, ...]] = ("validity", "conflicts")

    data: str = ""
    """JSON file or folder of puzzles, whose tests are held out and scored; by default those of rules of our own."""
    more_data: tuple[str, ...] = ()
    """Files or folders of puzzles to train on with their tests; none may be among those of data."""
    drop_shared: bool = False
    """Leave puzzles that data has too out of more_data, instead of refusing them."""
    rules: tuple[str, ...] = ()
    """Which of our own rules, where there is no data; all by default."""
    instances: int = 2
    """Puzzles of each of our own rules."""
    rules_seed: int = 0
    """Seed of these puzzles."""
    views: int = 8
    """Views of each puzzle: the grids as they are, then turned and mirrored, with other names of the colors."""
    view_embeddings: bool = True
    """Whether each view has an embedding of its own, or all views of a puzzle one."""
    shifts: bool = True
    """Whether grids lie anywhere on the canvas in training; those whose cells have relations stay at the corner."""
    relations: Literal["none", "lines", "colors"] = "none"
    """Relations of cells: none; same row, same column and neighbour; these and the same color of the input."""
    side: int = 0
    """Rows and columns of the canvas; 0: one more than the largest grid has, at most 30."""
    puzzles: int = 0
    """Number of puzzles with an embedding; 0: as many as there are."""
    fingerprint: str = ""
    """Hash of these puzzles; empty: that of the data."""

    def __post_init__(self) -> None:
        if not 1 <= self.views <= MAX_VIEWS:
            raise UserError(f"task.views must lie between 1 and {MAX_VIEWS}, not {self.views}")
        if not 1 <= self.instances <= 10_000:
            raise UserError(f"task.instances must lie between 1 and 10,000, not {self.instances}")
        if not 0 <= self.rules_seed < 2**32:
            raise UserError(f"task.rules-seed must lie between 0 and 2**32 - 1, not {self.rules_seed}")
        if not 0 <= self.side <= MAX_SIDE:
            raise UserError(f"task.side must lie between 0 and {MAX_SIDE}, not {self.side}")
        if self.relations not in get_args(Arc.__annotations__["relations"]):
            raise UserError(f"task.relations must be none, lines or colors, not {self.relations!r}")
        check_rules(self.rules)

    @property
    def data_set(self) -> PuzzleSet:
        """Return the puzzles of the data. Raises `UserError` if they cannot be read, or are not those of a run."""
        found = puzzle_set(self.data, self.more_data, self.drop_shared, self.rules, self.instances, self.rules_seed)
        if self.fingerprint not in ("", found.fingerprint):
            name = self.data or "the embedded rules"
            raise UserError(f"{name}: not the puzzles that this run was trained on; its embeddings are of others")
        return found

    @property
    def canvas(self) -> int:
        """Return the rows and columns of the canvas. Raises `UserError` if a grid does not fit."""
        if self.side and self.fingerprint:
            return self.side
        largest = self.data_set.side
        if self.side and self.side < largest:
            raise UserError(f"task.side is {self.side}, but the largest grid has {largest} rows or columns")
        return self.side or min(MAX_SIDE, largest + 1)

    def settled(self) -> Self:
        """Return the task with the canvas and the puzzles of its data, to which the embeddings of a run belong."""
        found = self.data_set
        return replace(self, side=self.canvas, puzzles=len(found.puzzles), fingerprint=found.fingerprint)

    @property
    def spec(self) -> Spec:
        """Return the values of a cell, and an embedding for each puzzle, or for each view of it."""
        related = {"none": 0, "lines": LINES, "colors": LINES + 1}[self.relations]
        groups = (self.puzzles or len(self.data_set.puzzles)) * (self.views if self.view_embeddings else 1)
        return Spec(len(VALUES), VALUES, related, "2d", groups)

    def generate(self, split: Split, count: int, seed: int) -> list[ArcProblem]:
        """Return at most `count` pairs of a split, in random order: demonstrations under each view for training.

        Tests are shown as they are. Raises `UserError` if the split has none.
        """
        found = self.data_set.split(split)
        if not found:
            lacks = "no output of a test is known: nothing to score" if split == "test" else "too few pairs"
            raise UserError(f"{self.data}: {lacks} in the {split} split")
        views = self.views if split == "train" else 1
        order = np.random.default_rng([seed, get_args(Split).index(split)]).permutation(len(found) * views)
        return [self.viewed(found[number // views], number % views) for number in order[:count].tolist()]

    def viewed(self, problem: ArcProblem, number: int) -> ArcProblem:
        """Return a problem under another view of its puzzle."""
        return problem._replace(view=views_of(self.data_set.keys[problem.embedding], self.views)[number])

    def load(self, path: str, skip_bad: bool = False) -> list[ArcProblem]:
        """Read the tests of the puzzles in a file or folder, each of which must be among those of the data.

        Raises `UserError` if one is not, or if its tests, or one of their pairs, were trained.
        """
        return self.tests_of(read_puzzles(path, skip_bad), path)

    def tests_of(self, puzzles: Sequence[ArcPuzzle], name: str) -> list[ArcProblem]:
        """Return the tests of puzzles that have embeddings; `name` is where they come from."""
        found = self.data_set
        if both := leaks.shared(found.trained, puzzles):
            raise UserError(leaks.overlap(" ".join(self.more_data), name, both))
        places = found.places
        if missing := [puzzle.id for puzzle in puzzles if puzzle.key not in places]:
            given = f"{len(missing)} of {len(puzzles)} puzzles were not trained: {', '.join(missing[:3])}"
            raise UserError(f"{name}: {given}; --task.data must have had their demonstrations")
        if largest_side(puzzles) > self.canvas:
            raise UserError(f"{name}: a grid is larger than the canvas of {self.canvas} x {self.canvas} cells")
        return [
            ArcProblem(puzzle.id, places[puzzle.key], pair, test=number)
            for puzzle in puzzles
            for number, pair in enumerate(puzzle.tests)
        ]

    def read(self, text: str) -> list[ArcProblem]:
        """Read a test of a puzzle of the data, as ID or ID/2 for its second one, or those of a path."""
        if is_file(text) or is_folder(text):
            return self.load(text)
        name, _, number = text.partition("/")
        tests = [problem for problem in self.data_set.tests() if problem.puzzle == name]
        if not tests:
            raise UserError(f"{text[:40]!r}: neither a file nor the id of a puzzle, as in {self.data_set.scored[0].id}")
        if number and not (number.isdecimal() and 1 <= int(number) <= len(tests)):
            raise UserError(f"{text[:40]!r}: the puzzle {name} has {len(tests)} tests, counted from 1")
        return [tests[int(number or 1) - 1]]

    def prepare(self, problem: ArcProblem | str) -> ArcProblem:
        """Return the problem, also from the id of a puzzle of the data. Raises `UserError` if it is none."""
        if isinstance(problem, str) and any(puzzle.id == problem.partition("/")[0] for puzzle in self.data_set.scored):
            return self.read(problem)[0]
        if not isinstance(problem, ArcProblem):
            kinds = "an ArcProblem or the id of a puzzle of its data"
            raise UserError(f"arc takes a problem as {kinds}, not {repr(problem)[:40]}")
        for grid in problem.pair:
            if grid is not None:
                checker.check_grid(grid)
                if max(len(grid), len(grid[0])) > self.canvas:
                    raise UserError(f"the grid is larger than the canvas of {self.canvas} x {self.canvas} cells")
        if (
            not 0 <= problem.embedding < (self.puzzles or len(self.data_set.puzzles))
            or not 0 <= problem.view.number < self.views
        ):
            raise UserError(f"there is no embedding for puzzle {problem.embedding}, view {problem.view.number}")
        return problem

    def encode(self, problems: Sequence[ArcProblem]) -> Problems:
        found = self.encode_for_pool(problems)
        return self.with_relations(found._replace(tokens=found.tokens.long()))

    def encode_for_pool(self, problems: Sequence[ArcProblem]) -> Problems:
        """Return problems without their relations, which are large and follow from the tokens, these in one byte."""
        tokens = torch.from_numpy(np.stack([self.canvas_of(problem.pair.input, problem.view) for problem in problems]))
        views, numbered = (self.views, 1) if self.view_embeddings else (1, 0)
        groups = [problem.embedding * views + problem.view.number * numbered for problem in problems]
        return Problems(tokens, group=torch.tensor(groups))

    def canvas_of(self, grid: Grid, view: View) -> NDArray[np.int8]:
        """Return the values of a grid under a view: `(cells,)`."""
        return on_canvas(view.apply(grid), self.canvas, view.shift)

    def with_relations(self, problems: Problems) -> Problems:
        """Return problems with the relations of the task."""
        if self.relations == "none":
            return problems
        lines = lines_of(self.canvas)
        if self.relations == "lines":
            return problems._replace(relations=lines)
        both = [lines.expand(len(problems.tokens), -1, -1, -1), same_color(problems.tokens)]
        return problems._replace(relations=torch.cat(both, 1))

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Move input and output together to a random place of the canvas, if the task shifts and has no relations."""
        tokens = problems.tokens.long()
        if self.shifts and self.relations == "none":
            free = room(torch.cat([tokens[:, None], answers], 1))
            shifts = (torch.rand(len(tokens), 2, generator=generator) * (free + 1)).long()
            tokens, answers = moved(tokens, shifts), moved(answers, shifts)
        return self.with_relations(problems._replace(tokens=tokens)), answers

    def targets(self, problem: ArcProblem) -> Tensor:
        """Return the output on its canvas: `(1, cells)`. Raises `TimeoutError` if nobody knows it."""
        return self.list_solutions([problem])[0].long()

    def list_solutions(self, problems: Sequence[ArcProblem]) -> list[Tensor]:
        """Return the output of each problem on its canvas, a byte for each cell. Raises `TimeoutError` if not given."""
        found: list[Tensor] = []
        for problem in problems:
            if problem.pair.output is None:
                raise TimeoutError(f"the output of {problem} is not given")
            found.append(torch.from_numpy(self.canvas_of(problem.pair.output, problem.view))[None])
        return found

    def solvable(self, problem: ArcProblem) -> bool | None:
        """Return True; None where nobody knows the output."""
        return None if problem.pair.output is None else True

    def checks(self, problem: ArcProblem) -> bool:
        """Return whether the output is known."""
        return problem.pair.output is not None

    def answer(self, problem: ArcProblem, values: Sequence[int]) -> Answer:
        """Return rows, columns and colors of the grid that values spell, with the view undone; () if there is none."""
        grid = cropped(values, self.canvas, problem.view.shift)
        return checker.answer_of_grid(problem.view.undo(grid)) if grid else ()

    def violations(self, problem: ArcProblem, answer: Answer) -> int:
        return checker.count_violations(problem.pair.output, answer)

    def to_json(self, answer: Answer) -> list[Any]:
        """Return the grid as a list of rows."""
        return [*map(list, checker.grid_of_answer(answer))]

    def text(self, problem: ArcProblem, answer: Answer) -> str:
        """Return a line for each row."""
        rows = checker.grid_of_answer(answer)
        return "\n".join("".join(map(str, row)) for row in rows) or "no grid"

    def draw(self, problem: ArcProblem, answer: Answer | None, axes: Axes) -> None:
        shown = () if answer is None else checker.grid_of_answer(answer)
        picture.draw_pair(problem.pair.input, shown, problem.pair.output, axes)


@lru_cache(maxsize=4096)
def views_of(key: str, count: int) -> tuple[View, ...]:
    """Return the views of the puzzle with a key."""
    return tuple(view_of(key, number) for number in range(count))
