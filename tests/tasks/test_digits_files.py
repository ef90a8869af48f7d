"""Images to complete, from pictures and texts, and how they are shown."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gram_pyro.errors import UserError
from gram_pyro.tasks import Digits, Image
from gram_pyro.tasks.digits.files import parse_png
from gram_pyro.tasks.digits.idx import Grays
from gram_pyro.tasks.digits.images import UNKNOWN

TASK = Digits()
SHADES = np.array([230, 20, 128], np.uint8)
"""A light, a dark and an unknown gray."""
HALF = bytes([0, 1] * 16 + [UNKNOWN] * 32)
TEXT = "01" * 16 + "." * 32


def png(array: Grays, mode: str | None = None) -> bytes:
    """Return a picture as PNG."""
    buffer = io.BytesIO()
    picture = PIL.Image.fromarray(array)
    (picture if mode is None else picture.convert(mode)).save(buffer, "PNG")
    return buffer.getvalue()


def picture_of(pixels: bytes, scale: int = 1) -> Grays:
    """Return pixels as a gray picture."""
    return SHADES[np.frombuffer(pixels, np.uint8).reshape(8, 8)].repeat(scale, 0).repeat(scale, 1)


@given(arrays(np.uint8, 64, elements=st.integers(0, 2)), st.integers(1, 5), st.sampled_from([None, "RGB", "RGBA", "P"]))
def test_pictures_of_any_multiple_and_kind_are_read(pixels: Grays, scale: int, mode: str | None) -> None:
    content = png(picture_of(pixels.tobytes(), scale), mode)
    assert parse_png(content, 8) == Image(8, pixels.tobytes())


@pytest.mark.parametrize(
    ("color", "value"),
    [
        ((84, 84, 84, 255), 1),
        ((86, 86, 86, 255), UNKNOWN),
        ((169, 169, 169, 255), UNKNOWN),
        ((171, 171, 171, 255), 0),
        ((0, 0, 0, 128), 1),
        ((0, 0, 0, 127), UNKNOWN),
        ((255, 255, 255, 0), UNKNOWN),
        ((0, 0, 160, 255), 1),
        ((255, 255, 120, 255), 0),
    ],
)
def test_what_is_dark_light_and_unknown(color: tuple[int, ...], value: int) -> None:
    assert parse_png(png(np.full((8, 8, 4), color, np.uint8)), 8).pixels == bytes([value] * 64)


def test_pictures_of_16_bits() -> None:
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture_of(HALF).astype(np.uint16) * 257).save(buffer, "PNG")
    assert parse_png(buffer.getvalue(), 8).pixels == HALF


def test_an_image_is_read_from_a_picture_a_text_or_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "half.png").write_bytes(png(picture_of(HALF, 3)))
    (tmp_path / "half.txt").write_text("\n".join(re.findall("." * 8, TEXT)) + "\n")
    for text in (TEXT, str(tmp_path / "half.png"), str(tmp_path / "half.txt")):
        assert TASK.read(text) == [Image(8, HALF)]


MIXED = picture_of(HALF, 2)
MIXED[5, 3] = 230
BAD = {
    "small.png": (png(picture_of(HALF)[:6, :6]), "the picture has 6 x 6 pixels, not 8 x 8 or a multiple of that"),
    "wide.png": (png(picture_of(HALF, 2)[:8]), "the picture has 16 x 8 pixels"),
    "uneven.png": (png(picture_of(HALF, 2)[:12, :12]), "the picture has 12 x 12 pixels"),
    "mixed.png": (png(MIXED), "row 3, column 2 has several colors; each 2 x 2 pixels of the picture are one"),
    "cut.png": (png(picture_of(HALF, 9))[:60], "this is no PNG file that can be read"),
    "whole.png": (png(picture_of(bytes(64))), "all pixels are known; mark those to be filled in"),
    "empty.png": (b"", "the file is empty"),
    "photo.jpg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "neither a PNG nor a text of 0, 1 and . for the pixels"),
    "long.txt": (TEXT.encode() + b"0", "digits takes images of 8 x 8 pixels here, not one of 65 pixels"),
    "graph.col": (b"p edge 2 1\ne 1 2\n", "digits takes a text of 0, 1 and . for the pixels, not 'p'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_a_sentence_with_their_name(name: str, tmp_path: Path) -> None:
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: {re.escape(words)}"):
        TASK.read(str(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("01.", "digits takes images of 8 x 8 pixels here, not one of 3 pixels"),
        ("01x" * 21 + "0", "'01x01x.*': no such file; an image is a PNG file, or a text of 0, 1 and . for the pixels"),
        ("missing.png", "'missing.png': no such file"),
        ("01" * 32, "all pixels are known"),
        (".", "this is a folder, not a PNG or text file"),
        ("", "no such file"),
    ],
)
def test_bad_texts_get_a_sentence(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        TASK.read(text)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=9))
def test_damaged_pictures_are_read_or_refused(place: int, noise: bytes) -> None:
    sound = png(picture_of(HALF, 4))
    place %= len(sound)
    try:
        assert len(parse_png(sound[:place] + noise + sound[place + len(noise) :], 8).pixels) == 64
    except UserError as error:
        assert str(error)


def test_given_pixels_are_black_and_white_and_others_blue_or_red() -> None:
    """Those filled in are blue, those changed are red, and those still unknown are gray."""
    problem, answer = Image(8, HALF), (1,) + (1,) * 31 + (0, 1) * 16
    shown = TASK.raster(problem, answer).reshape(-1, 3)
    assert {tuple(color) for color in shown[1:32:2].tolist()} == {(0, 0, 0)}
    red, blue = shown[:32:2].astype(int), shown[32:].astype(int)
    assert (red[:, 0] > red[:, 2] + 50).all() and (blue[:, 2] > blue[:, 0]).all()
    assert (blue[1::2].sum(1) < blue[::2].sum(1) - 200).all()
    unfilled = TASK.raster(problem, None).reshape(-1, 3)
    assert (unfilled[:32:2] == 255).all() and (unfilled[1:32:2] == 0).all() and (unfilled[32:] == 190).all()
    assert {*TASK.raster(TASK.blank, (0, 1) * 32).flatten().tolist()} == {0, 255}
