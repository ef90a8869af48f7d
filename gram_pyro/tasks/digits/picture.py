"""Images in color: black and white where a pixel is given, tones of blue where it is filled in."""

import numpy as np
from numpy.typing import NDArray

from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.digits.images import UNKNOWN, Image

GIVEN, FILLED, CHANGED = range(3)
NOTHING = (190, 190, 190)
PALETTE = np.array(
    [
        [(255, 255, 255), (0, 0, 0), NOTHING],
        [(214, 230, 244), (33, 102, 172), NOTHING],
        [(253, 200, 180), (190, 20, 30), NOTHING],
    ],
    np.uint8,
)
"""The color of a pixel by what happened to it, a given one that was changed in red, and by its value 0, 1 or none."""


def colors(image: Image, answer: Answer | None) -> NDArray[np.uint8]:
    """Return an image with an answer, or as it was given, in color: `(side, side, 3)`."""
    shown = np.array([*(answer or image.pixels or bytes(image.side**2))])
    given = np.array([*image.pixels]) if image.partial else shown
    kind = np.select([given == UNKNOWN, given == shown], [FILLED, GIVEN], CHANGED)
    colored: NDArray[np.uint8] = PALETTE[kind, shown].reshape(image.side, image.side, 3)
    return colored
