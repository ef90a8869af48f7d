"""Images of black and white pixels: their patches, and where they come from."""

import math
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import split_names
from gram_pyro.tasks.digits.idx import Grays, image_files, label_file, read_images, read_labels

EMBEDDED = Path(__file__).with_name("digits.npz")
TEST_PERCENT = 15
BITS = np.array([8, 4, 2, 1])
"""What the pixels of a patch count in its value, row by row."""
UNKNOWN = 2
"""The value of a pixel that is to be filled in."""


class Image(NamedTuple):
    """A square image, row by row."""

    side: int
    pixels: bytes
    """0 or 1 for each pixel, `UNKNOWN` where an image is to be completed; nothing for the blank board."""
    grays: bytes = b""
    """How likely each pixel is 1, from 0 to the `top` of its `Gallery`, where training draws pixels anew."""

    @property
    def partial(self) -> bool:
        """Whether some pixels are given, and others to be filled in."""
        return UNKNOWN in self.pixels and len({*self.pixels}) > 1


class Gallery(NamedTuple):
    """All images of a data set."""

    grays: Grays
    """`(images, pixels)`, row by row, from 0 to `top`."""
    top: int
    splits: NDArray[np.str_]
    """The split of each image: `(images,)`."""
    labels: Grays | None = None
    """What each image shows: `(images,)`; None where nobody says."""

    @property
    def side(self) -> int:
        """Return the number of pixels along a side."""
        return math.isqrt(self.grays.shape[1])


def values_of(image: Image) -> NDArray[np.int64]:
    """Return the value of each patch, -1 where a pixel is unknown: `(patches,)`."""
    (parts,) = patches(np.frombuffer(image.pixels, np.uint8)[None])
    return np.where((parts == UNKNOWN).any(1), -1, parts @ BITS)


def threshold(grays: Grays, top: int) -> NDArray[np.bool_]:
    """Return which gray values are at least half of `top`."""
    return grays >= (top + 1) // 2


def patches(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the 2 x 2 patches of images `(images, pixels)`, both row by row: `(images, patches, 4)`."""
    half = math.isqrt(images.shape[1]) // 2
    return images.reshape(-1, half, 2, half, 2).swapaxes(2, 3).reshape(-1, half * half, 4)


def unpatched(parts: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the images `(images, pixels)` of patches `(images, patches, 4)`."""
    half = math.isqrt(parts.shape[1])
    return parts.reshape(-1, half, half, 2, 2).swapaxes(2, 3).reshape(-1, 4 * half * half)


@lru_cache(maxsize=2)
def gallery_of(path: str) -> Gallery:
    """Return the images of a file or a folder, the embedded digits for "". Raises `UserError` if it cannot be read.

    The test file of a folder is the test split. Elsewhere a hash of the black pixels decides, so that images that look
    alike share a split; those for training that look like one of the test file are left out.
    """
    if not path:
        stored = np.load(EMBEDDED)
        return divided([stored["grays"]], 16, [stored["labels"]])
    files = image_files(path)
    parts = [read_images(file) for file in files]
    sides = [part.shape[1] for part in parts]
    if len({*sides}) > 1:
        raise UserError(f"{files[1]}: images of side {sides[1]}, but those of {files[0].name} have side {sides[0]}")
    beside = [label_file(file) for file in files]
    labels = [read_labels(file, len(part)) for file, part in zip(beside, parts, strict=True) if file is not None]
    return divided(parts, 255, labels)


def divided(parts: list[Grays], top: int, labels: list[Grays]) -> Gallery:
    """Return the images `(images, side, side)` for training and, if there are two parts, for test.

    `labels` `(images,)` count if each part has them.
    """
    grays = [part.reshape(len(part), -1) for part in parts]
    looks = [np.packbits(threshold(part, top), axis=1) for part in grays]
    hashes = [int.from_bytes(blake2b(look.tobytes(), digest_size=8).digest(), "big") for look in looks[0]]
    splits = split_names(np.array(hashes, np.uint64), TEST_PERCENT if len(parts) == 1 else 0)
    if len(parts) == 2:
        seen = {look.tobytes() for look in looks[1]}
        own = np.array([look.tobytes() not in seen for look in looks[0]], dtype=bool)
        splits = np.append(splits[own], ["test"] * len(grays[1]))
        grays[0] = grays[0][own]
        if len(labels) == 2:
            labels = [labels[0][own], labels[1]]
    found = np.concatenate(labels) if len(labels) == len(parts) else None
    return Gallery(np.concatenate(grays), top, splits, found)
