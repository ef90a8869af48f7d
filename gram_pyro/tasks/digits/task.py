"""Digits from nothing, or from a part: draw an image of black and white pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer, Axes, Wording
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.digits import files, picture
from gram_pyro.tasks.digits.draws import packed_grays, random_parts, random_patches
from gram_pyro.tasks.digits.idx import MAX_SIDE
from gram_pyro.tasks.digits.images import BITS, UNKNOWN, Gallery, Image, gallery_of, threshold, unpatched, values_of
from gram_pyro.tasks.digits.quality import Pixels, Reference, classifier_for, confident

Binarisation = Literal["threshold", "dynamic"]
VALUES = 16


@dataclass(frozen=True)
class Digits(Task):
    """Binarised images, drawn without any input: p(image), or completed: p(image | part).

    A problem is an `Image`, its only target that image itself; the network sees a blank board, the same for all. A
    value is a patch of 2 x 2 pixels, and an answer has a 0 or 1 for each pixel, row by row. Every image is a solution,
    so -ELBO is what tells models apart, in nats an image, and `quality` what tells samples from real images.

    An image with `UNKNOWN` pixels is to be completed: the network sees the patches that are wholly known, and the known
    pixels that an answer changes are its violations, also those in patches that are known in part, which stay free.
    """

    name: ClassVar[str] = "digits"
    wording: ClassVar[Wording] = Wording("image", valid="as given")
    pictorial: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = ()

    data: str = ""
    """IDX file, or folder with MNIST's files or others of their names, of gray images; by default digits of 8 x 8
    pixels."""
    side: int = 0
    """Pixels along a side; 0: those of the data."""
    binarisation: Binarisation = "threshold"
    """A pixel is black from half the darkest gray on (threshold), or with a probability that is its gray, drawn anew
    for every training example (dynamic)."""
    given: float = 0.0
    """Share of training images of which a random part is given, so that the network learns to complete images."""

    def __post_init__(self) -> None:
        if self.binarisation not in get_args(Binarisation):
            raise UserError(f"task.binarisation must be threshold or dynamic, not {self.binarisation!r}")
        if self.side % 2 or not 0 <= self.side <= MAX_SIDE:
            raise UserError(f"task.side must be even and at most {MAX_SIDE}, not {self.side}")
        if not 0 <= self.given <= 1:
            raise UserError(f"task.given must lie between 0 and 1, not {self.given}")

    @property
    def gallery(self) -> Gallery:
        """Return all images of the data. Raises `UserError` if they cannot be read, or are of another side."""
        found = gallery_of(self.data)
        if self.side not in (0, found.side):
            raise UserError(f"{self.data or 'the digits'}: images of side {found.side}, but task.side is {self.side}")
        return found

    @property
    def blank(self) -> Image:
        """Return the board that the network sees."""
        return Image(self.side or self.gallery.side, b"")

    def settled(self) -> Self:
        """Return the task with the side of its images: a trained network draws them where the data is missing."""
        return replace(self, side=self.blank.side)

    @property
    def spec(self) -> Spec:
        """Return that a token is the place of a free patch or, where training gives some, the value of a given one."""
        places = (self.blank.side // 2) ** 2
        return Spec(places + VALUES * (self.given > 0), tuple(range(VALUES)), positions="2d")

    def generate(self, split: Split, count: int, seed: int) -> list[Image]:
        """Return at most `count` images of a split, in random order. Raises `UserError` if it has none."""
        grays, top, splits, _ = self.gallery
        rng = np.random.default_rng([seed, get_args(Split).index(split)])
        rows = rng.permutation(np.flatnonzero(splits == split))[:count]
        if not len(rows):
            raise UserError(f"{self.data}: no image in the {split} split; take more images")
        chosen, side = grays[rows], self.gallery.side
        if self.binarisation == "threshold":
            return [Image(side, row.tobytes()) for row in threshold(chosen, top)]
        black = rng.random(chosen.shape, np.float32) * top < chosen
        return [Image(side, row.tobytes(), gray.tobytes()) for row, gray in zip(black, chosen, strict=True)]

    def prepare(self, problem: Image | str | None) -> Image:
        """Return an image, also from a string of 0, 1 and `.` row by row, or the blank board for None.

        Raises `UserError` if it is no image, or of another size than those of the data.
        """
        if problem is None:
            return self.blank
        side = self.blank.side
        if isinstance(problem, str):
            return files.parse_text(problem, side)
        if not isinstance(problem, Image):
            raise UserError(f"digits takes an image as Image(side, pixels) or a string, not {type(problem).__name__}")
        pixels = len(problem.pixels) or problem.side**2
        if problem.side != side or pixels != side**2:
            raise UserError(f"digits takes images of {side} x {side} pixels here, not one of {pixels} pixels")
        if not {*problem.pixels} <= {0, 1, UNKNOWN}:
            raise UserError(f"digits takes pixels 0 and 1, or {UNKNOWN} if unknown, not {max(problem.pixels)}")
        return problem

    def read(self, text: str) -> list[Image]:
        """Read an image to complete, written out in its pixels or from a PNG or text file."""
        side = self.blank.side
        spelled = files.spells_image(text)
        image = files.parse_text(text, side) if spelled else files.read_image(text, side)
        if UNKNOWN not in image.pixels:
            name = "the image" if spelled else text
            raise UserError(f"{name}: all pixels are known; mark those to be filled in, by . or gray in a PNG")
        return [image]

    def encode(self, problems: Sequence[Image]) -> Problems:
        """Return places; the pins and tokens of given patches where an image is to be completed."""
        free = torch.full((len(problems), (problems[0].side // 2) ** 2), -1)
        if not any(image.partial for image in problems):
            return self.board(free)._replace(pins=None)
        pins = [torch.from_numpy(values_of(image)) if image.partial else free[0] for image in problems]
        return self.board(torch.stack(pins))

    def board(self, pins: Tensor) -> Problems:
        """Return what the network sees where patches are given: their values in `pins` `(batch, patches)`, or -1."""
        places = torch.arange(pins.shape[1]).expand_as(pins)
        return Problems(places.where(pins < 0, places.shape[1] + pins) if self.given else places, pins=pins)

    def checks(self, problem: Image) -> bool:
        """Return whether pixels are given."""
        return problem.partial

    def targets(self, problem: Image) -> Tensor:
        """Return the image itself: `(1, patches)`. Raises `TimeoutError` if pixels are unknown."""
        if not problem.pixels or UNKNOWN in problem.pixels:
            self.solutions(problem)
        return torch.from_numpy(values_of(problem)[None])

    def list_solutions(self, problems: Sequence[Image]) -> list[Tensor]:
        """Return each image; the gray values of each patch in one integer if `augment` is to draw its pixels."""
        if self.binarisation == "threshold":
            return [self.targets(problem) for problem in problems]
        return [packed_grays(problem, self.gallery.top) for problem in problems]

    def augment(self, problems: Problems, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Draw the pixels of each image by its gray values, if binarisation is dynamic, and give a part of it."""
        if self.binarisation == "dynamic":
            answers = random_patches(answers, self.gallery.top, generator)
        return self.reveal(answers, generator) if self.given else (problems, answers)

    def reveal(self, answers: Tensor, generator: torch.Generator) -> tuple[Problems, Tensor]:
        """Give a random part of the first of the answers `(batch, answers, patches)`, which the others then have."""
        target = answers[:, 0]
        shown = random_parts(len(target), math.isqrt(target.shape[1]), self.given, generator)
        return self.board(target.where(shown, -1)), target[:, None].where(shown[:, None], answers)

    def align(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """Return the targets: an image has no other solution."""
        return targets[:, None].long()

    def entropy(self, targets: Tensor) -> float:
        """Return 0: nobody knows H of the data, and -ELBO itself, in nats an image, is what can be compared."""
        return 0.0

    def solutions(self, problem: Image) -> list[Answer]:
        """Raise `TimeoutError`: every image is a solution."""
        raise TimeoutError(f"there are 2^{problem.side**2} images")

    def solvable(self, problem: Image) -> bool:
        return True

    def answer(self, problem: Image, values: Sequence[int]) -> Answer:
        """Return a 0 or 1 for each pixel, row by row; -1 where a value is no patch."""
        found = np.asarray(values)[:, None]
        bits = np.where((found < 0) | (found > 15), -1, (found & BITS) > 0)
        return tuple(unpatched(bits[None])[0].tolist())

    def violations(self, problem: Image, answer: Answer) -> int:
        """Count given pixels that are changed, what is neither 0 nor 1, and pixels too few or too many."""
        given = problem.pixels if problem.partial else bytes([UNKNOWN] * len(answer))
        pairs = zip(answer, given, strict=False)
        wrong = sum(pixel not in (0, 1) or known not in (UNKNOWN, pixel) for pixel, known in pairs)
        return wrong + abs(len(answer) - problem.side**2)

    def quality(self, answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
        """Return the scores of images, and those of as many real ones; see `Reference`."""
        return {"samples": reference(self).scores(np.array(answers) > 0), "real": real_scores(self, len(answers))}

    @property
    def quality_note(self) -> str:
        """Return why there is no score by labels, if there is none."""
        return "" if classifier_for(self.data) else "there is no classifier for these images: no score by labels"

    def logged_quality(self, answers: Sequence[Answer]) -> dict[str, float]:
        """Return the share of images that are surely one of the ten digits, if there is a classifier."""
        classifier = classifier_for(self.data)
        if classifier is None:
            return {}
        return {"confident": confident(classifier.classify(np.array(answers) > 0).probabilities)}

    def text(self, problem: Image, answer: Answer) -> str:
        """Return a line for each row, two characters for each pixel."""
        rows = np.reshape(answer, (problem.side, problem.side))
        return "\n".join("".join("##" if pixel else ".." for pixel in row) for row in rows)

    def raster(self, problem: Image, answer: Answer | None) -> NDArray[np.uint8]:
        """Return black and white pixels, those that were filled in in blue, and given ones that were changed in red."""
        return picture.colors(problem, answer)

    def draw(self, problem: Image, answer: Answer | None, axes: Axes) -> None:
        axes.imshow(self.raster(problem, answer))
        axes.set(xticks=[], yticks=[])


@lru_cache(maxsize=2)
def reference(task: Digits) -> Reference:
    """Return the real images of a task."""
    return Reference(pixels(task, "train"), pixels(task, "test"), classifier_for(task.data))


@lru_cache
def real_scores(task: Digits, count: int) -> dict[str, float]:
    """Return the scores of so many real images."""
    return reference(task).real_scores(count)


def pixels(task: Digits, split: Split) -> Pixels:
    """Return all images of a split: `(images, pixels)`."""
    images = task.generate(split, len(task.gallery.grays), 0)
    return np.array([np.frombuffer(image.pixels, np.bool_) for image in images])
