"""Digits: what is read, what a network sees, and how images are drawn."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure

import gram_pyro
from gram_pyro import evaluate, train
from gram_pyro.errors import UserError
from gram_pyro.tasks import Digits, Image, Pool
from gram_pyro.tasks.base import Split
from gram_pyro.tasks.digits.idx import IMAGES, LABELS, Grays, read_images, read_labels
from gram_pyro.tasks.digits.images import EMBEDDED, UNKNOWN, patches, unpatched
from gram_pyro.testing import check_task

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
TASK = Digits()
EVERYTHING = 100_000
DRAWN = {split: TASK.generate(split, EVERYTHING, 0) for split in SPLITS}
IMAGE = DRAWN["train"][0]


def idx(array: Grays, magic: int = IMAGES) -> bytes:
    """Return an IDX file as its definition says."""
    return b"".join(size.to_bytes(4, "big") for size in (magic, *array.shape)) + array.tobytes()


def folder(path: Path, **parts: Grays) -> str:
    """Write images under MNIST's names."""
    for name, images in parts.items():
        (path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    return str(path)


def noise(count: int, side: int = 4, seed: int = 0) -> Grays:
    """Return images of random grays."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


def test_embedded_digits_are_those_that_the_readme_names() -> None:
    stored = np.load(EMBEDDED)
    named, *_ = re.findall("[0-9a-f]{64}", (EMBEDDED.parent / "README.md").read_text(encoding="utf-8"))
    assert sha256(stored["grays"].tobytes() + stored["labels"].tobytes()).hexdigest() == named
    assert stored["grays"].shape == (1797, 8, 8) and stored["grays"].max() == 16
    assert np.bincount(stored["labels"]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize("binarisation", ["threshold", "dynamic"])
def test_the_contract_is_kept(binarisation: str, tmp_path: Path) -> None:
    data = folder(tmp_path, train=noise(200, 6), t10k=noise(20, 6, 1))
    for path in ("", data):
        for share in (0.0, 0.7):
            check_task(Digits(data=path, binarisation=binarisation, given=share))  # type: ignore[arg-type]


def test_images_are_black_from_half_the_darkest_gray_on() -> None:
    stored = np.load(EMBEDDED)["grays"].reshape(-1, 64)
    expected = {bytes(map(int, row)) for row in stored > 7.5}
    assert {image.pixels for split in SPLITS for image in DRAWN[split]} == expected


def test_no_image_is_in_two_splits() -> None:
    looks = [{image.pixels for image in DRAWN[split]} for split in SPLITS]
    assert all(one.isdisjoint(other) for one, other in combinations(looks, 2))
    sizes = [len(DRAWN[split]) for split in SPLITS]
    assert sum(sizes) == 1797 and 0.03 < sizes[1] / 1797 < 0.07 and 0.12 < sizes[2] / 1797 < 0.18


@pytest.mark.parametrize("binarisation", ["threshold", "dynamic"])
def test_images_of_the_test_file_are_no_others(binarisation: str, tmp_path: Path) -> None:
    """Those of the training file that look like one of them are left out."""
    test = noise(30, seed=1)
    data = folder(tmp_path, train=np.concatenate((noise(100), test[:10], test[:10] // 128 * 255)), t10k=test)
    task = Digits(data=data, binarisation=binarisation)  # type: ignore[arg-type]
    sizes = [len(task.generate(split, EVERYTHING, 0)) for split in SPLITS]
    assert sizes[0] + sizes[1] == 100 and sizes[1] and sizes[2] == 30


def test_draws_depend_on_the_seed_alone() -> None:
    for task in (TASK, Digits(binarisation="dynamic")):
        one, again, other = (task.generate("train", 20, seed) for seed in (0, 0, 1))
        assert one == again != other and len({*one}) == 20


def test_a_network_sees_places_alone() -> None:
    one, other = (TASK.encode(DRAWN[split][:3]) for split in ("train", "test"))
    assert torch.equal(one.tokens, other.tokens) and one.tokens.tolist() == 3 * [[*range(TASK.spec.vocabulary)]]
    assert one.pins is None and one.relations is None and TASK.spec.positions == "2d"


@given(arrays(np.uint8, (2, 6, 6), elements=st.integers(0, 1)))
def test_values_are_patches_of_two_by_two_pixels(images: Grays) -> None:
    """By plain loops."""
    for image in images:
        problem = Image(6, image.tobytes())
        (values,) = TASK.targets(problem).tolist()
        for place, value in enumerate(values):
            row, column = 2 * (place // 3), 2 * (place % 3)
            corner = image[row : row + 2, column : column + 2].flatten().tolist()
            assert value == int("".join(map(str, corner)), 2)
        assert bytes(TASK.answer(problem, values)) == problem.pixels
    flat = images.reshape(2, -1)
    assert (unpatched(patches(flat)) == flat).all()


def test_any_image_will_do_and_what_is_none_counts() -> None:
    values = TASK.targets(IMAGE)[0].tolist()
    assert TASK.violations(IMAGE, TASK.answer(IMAGE, values)) == 0
    assert TASK.violations(IMAGE, TASK.answer(IMAGE, [15 - value for value in values])) == 0
    assert TASK.violations(IMAGE, TASK.answer(IMAGE, [-1, 16, *values[2:]])) == 8
    assert TASK.violations(IMAGE, (0,) * 60) == 4


def test_given_pixels_that_an_answer_changes_count() -> None:
    half = Image(8, IMAGE.pixels[:31] + bytes([UNKNOWN] * 33))
    answer = [*IMAGE.pixels]
    assert TASK.checks(half) and not TASK.checks(IMAGE) and not TASK.checks(TASK.blank)
    assert TASK.violations(half, tuple(answer)) == 0
    assert TASK.violations(half, tuple(1 - pixel for pixel in answer)) == 31
    assert TASK.violations(half, tuple(answer[:30] + [1 - pixel for pixel in answer[30:]])) == 1


def test_patches_that_are_wholly_known_are_pinned() -> None:
    """A patch that is known in part stays free; a network that learned to complete sees values instead of places."""
    rows = ("0111....", "10.1....", "........", "........") + ("........",) * 4
    half = TASK.prepare("".join(rows))
    expected = torch.full((16,), -1)
    expected[0] = 0b0110
    for task, token in ((TASK, 0), (Digits(given=0.5), 16 + 0b0110)):
        x = task.encode([half, IMAGE])
        assert x.pins is not None and x.pins.tolist() == [expected.tolist(), [-1] * 16]
        assert x.tokens.tolist() == [[token, *range(1, 16)], [*range(16)]]
        assert task.encode([IMAGE]).pins is None and int(x.tokens.max()) < task.spec.vocabulary


def test_dynamic_pixels_are_drawn_by_their_grays_anew() -> None:
    task = Digits(binarisation="dynamic")
    (image,) = task.generate("train", 1, 0)
    _, targets, _ = Pool(task, [image]).draw(4000, torch.Generator().manual_seed(0))
    mean = np.mean([task.answer(image, row) for row in targets.tolist()], axis=0)
    grays = np.frombuffer(image.grays, np.uint8) / 16
    assert len(targets.unique(dim=0)) > 1000
    np.testing.assert_allclose(mean, grays, atol=4 * 0.5 / 4000**0.5)
    assert (mean[grays == 0] == 0).all() and (mean[grays == 1] == 1).all()


def test_dynamic_grays_of_all_256_levels_are_kept(tmp_path: Path) -> None:
    data = folder(tmp_path, train=noise(40))
    task = Digits(data=data, binarisation="dynamic")
    black = Image(4, bytes([1] * 16), bytes([255] * 16))
    pale = Image(4, bytes(16), bytes([51] * 16))
    for image, share in ((black, 1.0), (pale, 0.2), (black._replace(grays=b""), 1.0)):
        _, targets, _ = Pool(task, [image]).draw(500, torch.Generator().manual_seed(0))
        answers = np.array([task.answer(image, row) for row in targets.tolist()])
        assert abs(answers.mean() - share) < 0.02


def test_threshold_images_stay_as_they_are() -> None:
    _, targets, solutions = Pool(TASK, [IMAGE]).draw(5, torch.Generator().manual_seed(0))
    assert torch.equal(targets, TASK.targets(IMAGE).expand(5, -1)) and torch.equal(solutions[:, 0].long(), targets)


def test_the_bound_is_of_the_image_itself() -> None:
    assert TASK.entropy(TASK.targets(IMAGE)) == 0 and TASK.solvable(TASK.blank)
    for problem in (IMAGE, TASK.blank):
        with pytest.raises(TimeoutError, match=r"there are 2\^64 images"):
            TASK.solutions(problem)
    with pytest.raises(TimeoutError):
        TASK.targets(TASK.blank)


def test_what_is_accepted_and_shown() -> None:
    text = "".join(map(str, IMAGE.pixels))
    assert TASK.prepare(text) == TASK.prepare(IMAGE) == IMAGE and TASK.prepare(None) == TASK.blank == Image(8, b"")
    answer = TASK.answer(IMAGE, TASK.targets(IMAGE)[0].tolist())
    assert TASK.to_json(answer) == [*map(int, text)]
    assert TASK.prepare(f"{text[:32]}\n{'.' * 32}") == Image(8, IMAGE.pixels[:32] + bytes([UNKNOWN] * 32))
    assert TASK.text(IMAGE, answer).replace("##", "1").replace("..", "0").split() == re.findall("." * 8, text)
    for problem, shown, expected in ((IMAGE, None, IMAGE.pixels), (TASK.blank, answer, IMAGE.pixels)):
        axes = Figure().subplots()
        TASK.draw(problem, shown, axes)
        assert bytes(int(not color) for color in np.asarray(axes.images[0].get_array())[..., 0].flatten()) == expected


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (1, r"takes an image as Image\(side, pixels\) or a string, not int"),
        ("nothing", "takes a text of 0, 1 and . for the pixels, not 'n'"),
        ("01" * 8, "takes images of 8 x 8 pixels here, not one of 16 pixels"),
        (Image(4, bytes(16)), "8 x 8 pixels"),
        (Image(8, bytes([3] * 64)), "takes pixels 0 and 1, or 2 if unknown, not 3"),
    ],
)
def test_what_is_refused(problem: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        TASK.prepare(problem)  # type: ignore[arg-type]


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 4), *[st.sampled_from([4])] * 2)),
    arrays(np.uint8, st.tuples(st.integers(0, 9))),
    st.booleans(),
)
def test_idx_files_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, images: Grays, labels: Grays, zipped: bool
) -> None:
    pack: Callable[[bytes], bytes] = gzip.compress if zipped else bytes
    path = tmp_path_factory.mktemp("idx") / ("some.gz" if zipped else "some")
    path.write_bytes(pack(idx(images)))
    assert np.array_equal(read_images(path), images)
    path.write_bytes(pack(idx(labels, LABELS)))
    assert np.array_equal(read_labels(path, len(labels)), labels)


SOUND = idx(noise(3))
BAD = {
    "empty": (b"", "the file is empty"),
    "foreign": (b"P5 4 4 255", "this is no IDX file; an IDX file of images begins with the number 2051"),
    "labels": (idx(np.zeros(3, np.uint8), LABELS), "this is an IDX file of labels"),
    "header": (SOUND[:11], "cut off in its header, after 11 of 16 bytes"),
    "short": (SOUND[:-5], "cut off: its header says 3 x 4 x 4 bytes of images, and 43 follow"),
    "long": (SOUND + b"x", "too long: its header says 3 x 4 x 4 bytes of images, and 49 follow"),
    "huge": (idx(np.zeros((0, 4, 4), np.uint8))[:4] + b"\xff" * 12, "cut off: its header says 4294967295 x"),
    "wide": (idx(np.zeros((1, 4, 6), np.uint8)), "images of 4 x 6 pixels; they must be square, of an even side"),
    "odd": (idx(np.zeros((1, 5, 5), np.uint8)), "images of 5 x 5 pixels"),
    "none": (idx(np.zeros((0, 4, 4), np.uint8)), "the file has no images"),
    "cut.gz": (gzip.compress(SOUND)[:-9], "the gzip file is cut off before its end"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_a_sentence_with_their_name(name: str, tmp_path: Path) -> None:
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{re.escape(name)}: .*{words}"):
        Digits(data=str(tmp_path / name)).generate("train", 1, 0)


def test_bad_folders_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no train-images-idx3-ubyte or train-images-idx3-ubyte\.gz in this folder"):
        Digits(data=str(tmp_path)).generate("train", 1, 0)
    data = folder(tmp_path, train=noise(30), t10k=noise(3, side=6))
    with pytest.raises(UserError, match=r"t10k.*: images of side 6, but those of train.* have side 4"):
        Digits(data=data).generate("train", 1, 0)
    with pytest.raises(UserError, match="nowhere: no such file"):
        Digits(data=str(tmp_path / "nowhere")).generate("train", 1, 0)


def test_a_single_file_is_divided(tmp_path: Path) -> None:
    (tmp_path / "some").write_bytes(idx(noise(200)))
    found = [Digits(data=str(tmp_path / "some")).generate(split, EVERYTHING, 0) for split in SPLITS]
    assert sum(map(len, found)) == 200 and all(found)
    (tmp_path / "one").write_bytes(idx(noise(1)))
    with pytest.raises(UserError, match="one: no image in the"):
        [Digits(data=str(tmp_path / "one")).generate(split, EVERYTHING, 0) for split in SPLITS]


def test_a_trained_network_draws_where_its_data_is_missing(tmp_path: Path) -> None:
    data = tmp_path / "some"
    data.write_bytes(idx(noise(60)))
    settled = Digits(data=str(data)).settled()
    data.unlink()
    assert settled.blank.side == settled.side == 4 and settled.spec.vocabulary == 4
    assert TASK.settled() == Digits(side=8)


def test_other_binarisations_and_sides_are_refused() -> None:
    with pytest.raises(UserError, match="must be threshold or dynamic, not 'soft'"):
        Digits(binarisation="soft")  # type: ignore[arg-type]
    for side in (-2, 7, 66):
        with pytest.raises(UserError, match=f"side must be even and at most 64, not {side}"):
            Digits(side=side)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(UserError, match=rf"task\.given must lie between 0 and 1, not {share}"):
            Digits(given=share)
    with pytest.raises(UserError, match=r"the digits: images of side 8, but task\.side is 6"):
        Digits(side=6).generate("train", 1, 0)


def test_commands_train_and_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No validity is reported, which every image has, and the bound is -ELBO alone."""
    data, run = folder(tmp_path, train=noise(60), t10k=noise(20, seed=1)), str(tmp_path / "run")
    small = "--updates 2 --problems 40 --batch 4 --depth 4 --shortest 2 --evaluations 1 --threads 1 --device cpu"
    sizes = "--model.width 8 --model.heads 1 --model.hidden 8 --model.layers 1"
    train.main(["--task", "digits", "--task.data", data, *small.split(), *sizes.split(), "--out", run])
    assert re.search(r"after \d\.\d minutes\nnext: python -m gram_pyro.evaluate", capsys.readouterr().out)
    evaluate.main([run, "--problems", "2", "--samples", "1", "--steps", "4", "--device", "cpu"])
    heading, *_, note, bound = capsys.readouterr().out.splitlines()[1:]
    assert heading.split() == ["of", "steps", "images", "copied", "nearest", "distinct"]
    assert note == "there is no classifier for these images: no score by labels"
    assert re.fullmatch(r"bound: -ELBO = \d+\.\d+ \+- \d+\.\d+ nats a problem", bound)
    image = Image(4, bytes(16))
    assert gram_pyro.load(run, "cpu").inspect(image, steps=2, samples=2).likelihoods is None
