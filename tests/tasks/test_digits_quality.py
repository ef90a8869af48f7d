"""Scores of images: what is known of them by other ways, and what real images and worse ones reach."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from gram_pyro import evaluate, train
from gram_pyro.errors import UserError
from gram_pyro.tasks import Digits
from gram_pyro.tasks.digits.classifier import CLASSES, FEATURES, SIDES, stored_classifier, weights_file
from gram_pyro.tasks.digits.idx import LABELS
from gram_pyro.tasks.digits.images import EMBEDDED, gallery_of, threshold
from gram_pyro.tasks.digits.quality import (
    class_score,
    classifier_for,
    confident,
    entropy,
    frechet_distance,
    independent_pixels,
    label_scores,
    nearest_distance,
    novelty,
)
from gram_pyro.tasks.digits.task import reference
from tests.tasks.test_digits import folder, idx, noise

TASK = Digits()
GALLERY = gallery_of("")
REAL = reference(TASK)
FEATURE_ROWS = arrays(np.float64, (6, 3), elements=st.floats(-10, 10, width=32))
IMAGES = arrays(np.bool_, st.tuples(st.integers(1, 8), st.just(16)))


def gaussian(count: int, mean: NDArray[np.float64], root: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return draws whose sample moments are exactly the mean and `root @ root.T`."""
    drawn = np.random.default_rng(seed).normal(size=(count, len(mean)))
    drawn -= drawn.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(drawn.T, bias=True)), drawn.T).T
    return white @ root.T + mean


def test_weights_are_those_that_the_readme_names() -> None:
    text = (EMBEDDED.parent / "README.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"\| `(classifier-\d+\.safetensors)` .* `([0-9a-f]{64})` \|", text))
    assert named == {weights_file(side).name: sha256(weights_file(side).read_bytes()).hexdigest() for side in SIDES}
    assert weights_file(8).stat().st_size < 150_000 and weights_file(28).stat().st_size < 500_000


def test_labels_follow_their_images() -> None:
    stored = np.load(EMBEDDED)
    assert GALLERY.labels is not None and (GALLERY.labels == stored["labels"]).all()
    assert (GALLERY.grays == stored["grays"].reshape(-1, 64)).all()


def test_labels_of_files_follow_their_images(tmp_path: Path) -> None:
    """Also where images for training that look like those for test are left out."""
    test = noise(30, seed=1)
    images = np.concatenate((noise(50), test[:10], noise(50, seed=2)))
    data = folder(tmp_path, train=images, t10k=test)
    for name, labels in (("t10k", test[:, 0, 0]), ("train", images[:, 0, 0])):
        assert gallery_of.__wrapped__(data).labels is None
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels, LABELS))
    found = gallery_of.__wrapped__(data)
    assert found.labels is not None and len(found.labels) == 130
    assert (found.labels == found.grays[:, 0]).all()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(test[:5, 0, 0], LABELS))
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte: 5 labels, but there are 30 images"):
        gallery_of.__wrapped__(data)


def test_the_classifier_reads_digits_it_has_not_seen() -> None:
    assert GALLERY.labels is not None
    rows = GALLERY.splits == "test"
    classifier = stored_classifier(8)
    assert classifier.accuracy(threshold(GALLERY.grays[rows], 16), GALLERY.labels[rows]) > 0.96
    found = classifier.classify(REAL.test)
    assert found.features.shape == (len(REAL.test), FEATURES) and found.probabilities.shape[1] == CLASSES
    with torch.no_grad():
        exact = classifier.features(torch.from_numpy(REAL.test).float().reshape(-1, 8, 8)).numpy()
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_allclose(classifier.classify(REAL.test).features, exact, rtol=1e-4, atol=1e-4)


def test_a_classifier_costs_no_random_numbers() -> None:
    before = torch.get_rng_state()
    stored_classifier.__wrapped__(28)
    assert torch.equal(torch.get_rng_state(), before)


def test_frechet_distance_of_gaussians_with_known_moments() -> None:
    rng = np.random.default_rng(0)
    one = gaussian(50, np.zeros(3), np.diag([1.0, 2, 3]), 1)
    other = gaussian(50, np.array([3.0, 4, 0]), np.diag([2.0, 2, 0]), 1)
    assert frechet_distance(one, other) == pytest.approx(25 + 1 + 0 + 9)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    assert frechet_distance(one @ turn, other @ turn) == pytest.approx(35)
    wide = gaussian(40, np.zeros(2), np.array([[2.0, 1.0], [1.0, 1.0]]), 2)
    unit = gaussian(40, np.zeros(2), np.eye(2), 3)
    # covariance [[5, 3], [3, 2]], whose root is [[2, 1], [1, 1]]: its trace 7, the unit's 2, the root's 3
    assert frechet_distance(wide, unit) == pytest.approx(7 + 2 - 2 * 3)
    assert frechet_distance(one[:1], one[:1] + 2) == pytest.approx(12)


@given(FEATURE_ROWS, FEATURE_ROWS, st.floats(-5, 5), st.permutations(range(6)))
def test_frechet_distance_is_one(
    one: NDArray[np.float64], other: NDArray[np.float64], shift: float, order: list[int]
) -> None:
    """Of a set to itself 0, symmetric, and blind to the order of images and to a common shift."""
    distance = frechet_distance(one, other)
    assert frechet_distance(one, one[order]) == pytest.approx(0, abs=1e-4)
    for same in (frechet_distance(other, one), frechet_distance(one[order] + shift, other + shift)):
        assert same == pytest.approx(distance, rel=1e-4, abs=1e-4)


@given(arrays(np.float64, (5, 10), elements=st.floats(0.001, 1)))
def test_the_score_lies_between_one_and_ten(weights: NDArray[np.float64]) -> None:
    probabilities = weights / weights.sum(1, keepdims=True)
    score = class_score(probabilities)
    marginal = probabilities.mean(0)
    divergence = (probabilities * np.log(probabilities / marginal)).sum(1).mean()
    assert 1 <= score <= 10 and score == pytest.approx(np.exp(divergence))


def test_scores_of_known_labels() -> None:
    even = {"score": 10, "confident": 1, "least": 0.1, "most": 0.1, "entropy": np.log(10)}
    assert label_scores(np.eye(10)) == pytest.approx(even)
    unsure = np.tile([0.9, *[0.1 / 9] * 9], (10, 1))
    assert label_scores(unsure) == pytest.approx({"score": 1, "confident": 0, "least": 0, "most": 1, "entropy": 0})
    assert confident(np.array([[0.08, 0.92], [0.89, 0.11]])) == 0.5
    assert entropy(np.array([0.5, 0.5, 0.0])) == pytest.approx(np.log(2))


@given(IMAGES, IMAGES)
def test_the_nearest_image_is_that_of_plain_loops(images: NDArray[np.bool_], others: NDArray[np.bool_]) -> None:
    expected = [min(sum(a != b for a, b in zip(one, two, strict=True)) for two in others) for one in images]
    assert nearest_distance(images, others).tolist() == expected
    found = novelty(images, others)
    assert found["copied"] == np.mean([distance == 0 for distance in expected])
    assert found["distinct"] == len({row.tobytes() for row in images}) / len(images)


def test_what_is_learned_by_heart_is_seen() -> None:
    copies = novelty(np.tile(REAL.train[:5], (2, 1)), REAL.train)
    assert copies == {"copied": 1, "nearest": 0, "distinct": 0.5}


def test_real_images_beat_independent_pixels() -> None:
    count = len(REAL.test)
    real, mixed = REAL.real_scores(count), REAL.scores(independent_pixels(REAL.train, count, 0))
    assert real["confident"] > 0.9 and mixed["confident"] < real["confident"] - 0.3
    assert real["score"] > 9 and mixed["score"] < 7
    assert mixed["frechet"] > 5 * real["frechet"]
    assert real["entropy"] > 2.28 and mixed["entropy"] < 2.25
    assert real["nearest"] < mixed["nearest"] / 2 and real["images"] == mixed["images"] == count
    assert real["copied"] == 0 and mixed["distinct"] == 1


def test_scores_of_the_images_for_test_are_those_of_real_ones() -> None:
    """But for the Frechet distance to themselves."""
    own, real = REAL.scores(REAL.test), REAL.real_scores(len(REAL.test))
    assert own.pop("frechet") == pytest.approx(0, abs=1e-6) and real.pop("frechet") > 1
    assert own == real


def test_independent_pixels_are_as_black_as_real_ones() -> None:
    drawn = independent_pixels(REAL.train, 20_000, 0)
    np.testing.assert_allclose(drawn.mean(0), REAL.train.mean(0), atol=4 * 0.5 / 20_000**0.5)
    without_mean = (drawn - drawn.mean(0))[:, REAL.train.std(0) > 0.1]
    correlations = np.corrcoef(without_mean.T) - np.eye(without_mean.shape[1])
    assert abs(correlations).max() < 0.05


def test_images_that_are_no_digits_have_no_score_by_labels(tmp_path: Path) -> None:
    data = folder(tmp_path, train=noise(60, 8), t10k=noise(20, 8, 1))
    for name, count in (("train", 60), ("t10k", 20)):
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.arange(count, dtype=np.uint8) % 10, LABELS))
    task = Digits(data=data)
    assert task.gallery.labels is not None and classifier_for(data) is None
    found = task.quality([tuple(map(int, row)) for row in REAL.train[:7]])
    assert {*found["samples"]} == {*found["real"]} == {"images", "copied", "nearest", "distinct"}
    assert task.quality_note == "there is no classifier for these images: no score by labels"
    assert task.logged_quality([(0,) * 64]) == {} and TASK.quality_note == ""


def test_commands_print_the_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside those of real images, and no validity, which every image has."""
    run = str(tmp_path / "run")
    small = "--updates 2 --problems 40 --batch 4 --depth 4 --shortest 2 --evaluations 1 --threads 1 --device cpu"
    sizes = "--model.width 8 --model.heads 1 --model.hidden 8 --model.layers 1"
    train.main(["--task", "digits", *small.split(), *sizes.split(), "--out", run])
    said = capsys.readouterr().out
    assert re.search(r"minutes, confident samples 0\.\d+ at 4 steps, confident samples 0\.\d+ at 8 steps\nnext", said)
    common = [run, "--problems", "6", "--samples", "1", "2", "--steps", "2", "4", "--device", "cpu"]
    evaluate.main(common)
    lines = capsys.readouterr().out.splitlines()
    heading, *rows = (line.split() for line in lines[1:8])
    assert heading[:5] == ["of", "steps", "images", "frechet", "score"] and heading[-1] == "distinct"
    assert [row[:3] for row in rows] == [
        *(["samples", steps, images] for steps in "24" for images in ("6", "12")),
        *(["real", "-", images] for images in ("6", "12")),
    ]
    assert re.fullmatch(r"bound: -ELBO = \d+\.\d+ \+- \d+\.\d+ nats a problem", lines[8]) and len(lines) == 9
    assert not [*(tmp_path / "run").glob("evaluation*.png")]
    evaluate.main([*common, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [row["steps"] for row in found["quality"]] == [2, 2, 4, 4, None, None] and found["quality_note"] == ""
    assert found["quality"][-1] == {"of": "real", "steps": None, **REAL.real_scores(12)}
