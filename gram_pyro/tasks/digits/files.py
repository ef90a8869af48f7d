"""Images to complete, as a PNG or as a text with 0, 1 or `.` for each pixel."""

import io
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from gram_pyro.errors import UserError
from gram_pyro.system.files import file_bytes, is_file, is_folder, naming
from gram_pyro.tasks.digits.images import UNKNOWN, Image
from gram_pyro.tasks.grid import cell_name

SIGNATURE = b"\x89PNG"
MAX_BYTES = 1 << 24
TEXT = "a text of 0, 1 and . for the pixels"
VALUES = {"0": 0, "1": 1, ".": UNKNOWN}
LIGHT, DARK = 2 / 3, 1 / 3
OPAQUE = 128
BROKEN = (OSError, SyntaxError, ValueError, struct.error, zlib.error, Warning, PIL.Image.DecompressionBombError)


def spells_image(text: str) -> bool:
    """Return whether a text is an image, of any size, rather than a path."""
    return bool(re.fullmatch(r"[01.\s]+", text)) and not (is_file(text) or is_folder(text))


def read_image(path: str, side: int) -> Image:
    """Read an image of `side` x `side` pixels, some of them unknown. Raises `UserError` if the file has none."""
    if not (is_file(path) or is_folder(path)):
        raise UserError(f"{path[:80]!r}: no such file; an image is a PNG file, or {TEXT}")
    with naming(path):
        content = file_bytes(Path(path), "PNG or text", MAX_BYTES)
        if content.startswith(SIGNATURE):
            return parse_png(content, side)
        try:
            return parse_text(content.decode("utf-8-sig"), side)
        except UnicodeDecodeError:
            raise UserError(f"neither a PNG nor {TEXT}") from None


def parse_text(text: str, side: int) -> Image:
    """Return the image that a text spells, row by row, spaces and line ends skipped. Raises `UserError` if none."""
    marks = "".join(text.split())
    if wrong := re.search("[^01.]", marks):
        raise UserError(f"digits takes {TEXT}, not {wrong[0]!r}")
    if len(marks) != side**2:
        raise UserError(f"digits takes images of {side} x {side} pixels here, not one of {len(marks)} pixels")
    return Image(side, bytes(VALUES[mark] for mark in marks))


def parse_png(content: bytes, side: int) -> Image:
    """Return the image of a PNG whose sides are a multiple of `side`. Raises `UserError` if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with PIL.Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
                check_size(picture.size, side)
                shades = shades_of(picture)
    except BROKEN:
        raise UserError("this is no PNG file that can be read") from None
    scale = len(shades) // side
    cells = shades.reshape(side, scale, side, scale).swapaxes(1, 2).reshape(side**2, -1)
    if len(mixed := np.flatnonzero((cells != cells[:, :1]).any(1))):
        wanted = f"each {scale} x {scale} pixels of the picture are one of the image, and must have one color"
        raise UserError(f"{cell_name(side, int(mixed[0]))} has several colors; {wanted}")
    return Image(side, cells[:, 0].tobytes())


def check_size(size: tuple[int, int], side: int) -> None:
    """Raise `UserError` unless a picture is square, and so many times as large as an image."""
    width, height = size
    if width != height or width % side:
        raise UserError(f"the picture has {width} x {height} pixels, not {side} x {side} or a multiple of that")


def shades_of(picture: PIL.Image.Image) -> NDArray[np.uint8]:
    """Return 1 where a picture is dark, 0 where it is light, and `UNKNOWN` elsewhere: `(height, width)`."""
    if picture.mode.startswith("I"):  # 16 bits, which `convert` would clip
        gray = np.asarray(picture) / (2**16 - 1)
        solid = np.ones(gray.shape, dtype=bool)
    else:
        channels = np.asarray(picture.convert("RGBA"))
        gray = channels[..., :3] @ np.array([0.299, 0.587, 0.114]) / 255
        solid = channels[..., 3] >= OPAQUE
    return np.select([solid & (gray < DARK), solid & (gray > LIGHT)], [1, 0], UNKNOWN).astype(np.uint8)
