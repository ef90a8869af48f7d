"""IDX files, in which MNIST and its kin come, plain or gzipped: a header, then a byte for each pixel or label."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gram_pyro.errors import UserError
from gram_pyro.system.files import file_bytes, is_folder, naming

IMAGES, LABELS = 2051, 2049
KINDS = {IMAGES: "images", LABELS: "labels"}
DIMENSIONS = {IMAGES: 3, LABELS: 1}
MAX_SIDE = 64
PARTS = ("train", "t10k")
NAMES = ("{}-images-idx3-ubyte", "{}-images.idx3-ubyte")
Grays = NDArray[np.uint8]


def image_files(path: str) -> list[Path]:
    """Return the file itself, or the files of images of a folder: for training and, if there is one, for test.

    Raises `UserError` if a folder has no file under MNIST's names.
    """
    if not is_folder(path):
        return [Path(path)]
    names = {part: [name.format(part) + end for name in NAMES for end in ("", ".gz")] for part in PARTS}
    found = {part: [Path(path, name) for name in names[part] if Path(path, name).is_file()] for part in PARTS}
    if not found["train"]:
        raise UserError(f"{path}: no {names['train'][0]} or {names['train'][1]} in this folder")
    return [files[0] for files in found.values() if files]


def label_file(images: Path) -> Path | None:
    """Return the file of labels beside a file of images, if MNIST's names tell one."""
    plain = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = [images.with_name(plain + end) for end in ("", ".gz")]
    return next((path for path in beside if path.is_file() and path.name != images.name), None)


def read_images(path: Path) -> Grays:
    """Read square images of even side: `(images, side, side)`, 0 to 255. Raises `UserError` if the file has none."""
    with naming(path):
        images = read(path, IMAGES)
        count, height, width = images.shape
        if height != width or height % 2 or not 2 <= height <= MAX_SIDE:
            wanted = f"they must be square, of an even side up to {MAX_SIDE}"
            raise UserError(f"images of {height} x {width} pixels; {wanted}")
        if not count:
            raise UserError("the file has no images")
        return images


def read_labels(path: Path, images: int) -> Grays:
    """Read the labels of so many images: `(images,)`. Raises `UserError` if the file has no or other labels."""
    with naming(path):
        labels = read(path, LABELS)
        if len(labels) != images:
            raise UserError(f"{len(labels)} labels, but there are {images} images")
        return labels


def read(path: Path, magic: int) -> Grays:
    """Return the array of an IDX file. Raises `UserError` if the file is of another kind, or of another length."""
    content = file_bytes(path, "IDX")
    found, kind = int.from_bytes(content[:4], "big"), KINDS[magic]
    if found != magic:
        other = f"an IDX file of {KINDS[found]}" if found in KINDS else "no IDX file"
        raise UserError(f"this is {other}; an IDX file of {kind} begins with the number {magic}")
    start = 4 + 4 * DIMENSIONS[magic]
    if len(content) < start:
        raise UserError(f"the file is cut off in its header, after {len(content)} of {start} bytes")
    shape = [int(size) for size in np.frombuffer(content, ">u4", DIMENSIONS[magic], offset=4)]
    size, expected = len(content) - start, int(np.prod(shape, dtype=object))
    if size != expected:
        fault = "cut off" if size < expected else "too long"
        sizes = " x ".join(map(str, shape))
        raise UserError(f"the file is {fault}: its header says {sizes} bytes of {kind}, and {size} follow")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
