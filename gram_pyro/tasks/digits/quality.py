"""Scores of many images against real ones: are they digits, all ten, new, and different from each other?"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from gram_pyro.tasks.digits.classifier import CLASSES, SIDES, Classified, Classifier, stored_classifier
from gram_pyro.tasks.digits.images import gallery_of, threshold

Pixels = NDArray[np.bool_]
"""Images `(images, pixels)`, row by row."""
Rows = NDArray[np.float64]

SURE = 0.9
"""Probability of its label above which an image counts as confident."""
FITTING = 0.9
"""Share of labelled images that the classifier must name right to be of use for a data set."""
TRIED = 1000  # labelled images on which that is measured
IMAGES_AT_ONCE = 500


@lru_cache(maxsize=2)
def classifier_for(path: str) -> Classifier | None:
    """Return the stored classifier if it fits a data set: images of its sides, whose labels it names right."""
    gallery = gallery_of(path)
    rows = np.flatnonzero(gallery.splits == "test")[:TRIED]
    if gallery.labels is None or gallery.side not in SIDES or not len(rows):
        return None
    classifier = stored_classifier(gallery.side)
    right = classifier.accuracy(threshold(gallery.grays[rows], gallery.top), gallery.labels[rows])
    return classifier if right >= FITTING else None


@dataclass(frozen=True, eq=False)
class Reference:
    """Real images to measure others against, none of `test` in `train`, and a network that knows their labels."""

    train: Pixels
    test: Pixels
    classifier: Classifier | None

    @cached_property
    def classified(self) -> Classified | None:
        """Return what the classifier says of the images for test."""
        return None if self.classifier is None else self.classifier.classify(self.test)

    def scores(self, images: Pixels) -> dict[str, float]:
        """Return all scores of samples; those by labels only if there is a classifier."""
        return {"images": len(images)} | self._class_scores(images) | novelty(images, self.train)

    def real_scores(self, count: int) -> dict[str, float]:
        """Return the scores that as many real images reach, or as many as there are.

        They are images for test; in the Frechet distance to these, images for training stand for the samples.
        """
        images, unseen = self.train[:count], self.test[:count]
        return {"images": len(images)} | self._class_scores(images, unseen) | novelty(unseen, self.train)

    def _class_scores(self, images: Pixels, unseen: Pixels | None = None) -> dict[str, float]:
        if self.classifier is None or self.classified is None:
            return {}
        found = self.classifier.classify(images)
        labelled = found if unseen is None else self.classifier.classify(unseen)
        distance = frechet_distance(found.features, self.classified.features)
        return {"frechet": distance} | label_scores(labelled.probabilities)


def label_scores(probabilities: Rows) -> dict[str, float]:
    """Return what a classifier's p(label | image) `(images, classes)` says of images.

    `score` is exp(mean KL(p(label | image) || p(label))), 1 to 10, as in the Inception score. `confident` is the share
    with a label more likely than `SURE`. `least` and `most` are the shares of the rarest and of the most frequent
    label, `entropy` that of all shares [nats].
    """
    shares = np.bincount(probabilities.argmax(1), minlength=CLASSES) / len(probabilities)
    return {
        "score": class_score(probabilities),
        "confident": confident(probabilities),
        "least": float(shares.min()),
        "most": float(shares.max()),
        "entropy": float(entropy(shares)),
    }


def confident(probabilities: Rows) -> float:
    """Return the share of images `(images, classes)` with a label more likely than `SURE`."""
    return float((probabilities.max(1) > SURE).mean())


def class_score(probabilities: Rows) -> float:
    """Return exp of the mutual information of image and label, of `probabilities` `(images, classes)`."""
    return float(np.exp(max(0.0, entropy(probabilities.mean(0)) - entropy(probabilities).mean())))


def entropy(probabilities: Rows) -> Rows:
    """Return the entropy of distributions `(..., classes)` in nats: `(...)`."""
    logs = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return np.asarray(-(probabilities * logs).sum(-1))


def frechet_distance(samples: Rows, real: Rows) -> float:
    """Return the squared Frechet distance of two Gaussians with the moments of features `(images, features)` each.

    It is |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), of means and covariances.
    """
    means, covariances = zip(*((each.mean(0), np.cov(each.T, bias=True)) for each in (samples, real)), strict=True)
    values, vectors = np.linalg.eigh(np.atleast_2d(covariances[0]))
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    common = np.sqrt(np.linalg.eigvalsh(root @ covariances[1] @ root).clip(0)).sum()
    apart = ((means[0] - means[1]) ** 2).sum() + sum(np.trace(np.atleast_2d(each)) for each in covariances) - 2 * common
    return max(0.0, float(apart))


def novelty(images: Pixels, train: Pixels) -> dict[str, float]:
    """Return whether images are learned by heart, or alike.

    `copied` is the share that equals a training image, `nearest` the mean number of pixels that differ from the most
    similar one, `distinct` the number of different images over that of all.
    """
    nearest = nearest_distance(images, train)
    return {
        "copied": float((nearest == 0).mean()),
        "nearest": float(nearest.mean()),
        "distinct": len(np.unique(np.packbits(images, axis=1), axis=0)) / len(images),
    }


def nearest_distance(images: Pixels, others: Pixels) -> NDArray[np.int64]:
    """Return the least Hamming distance of each image to the others: `(images,)`."""
    signs, against = (2 * torch.from_numpy(each).float() - 1 for each in (images, others))
    with torch.autocast("cpu", enabled=False):
        closest = torch.cat([(part @ against.T).amax(1) for part in torch.split(signs, IMAGES_AT_ONCE)])
    return np.asarray((images.shape[1] - closest.numpy()) / 2, np.int64)


def independent_pixels(images: Pixels, count: int, seed: int) -> Pixels:
    """Return so many images whose pixels are black as often as those of `images`, and know nothing of each other."""
    return np.asarray(np.random.default_rng(seed).random((count, images.shape[1])) < images.mean(0))
