"""A small network that tells which digit a black and white image shows."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from gram_pyro.system.hollow import Hollow, fill

SIDES = (8, 28)
"""Pixels along a side of the images for which weights are stored."""
CLASSES = 10
FEATURES = 64
CHANNELS = (16, 32)
DROPOUT = 0.3
IMAGES_AT_ONCE = 500


class Classified(NamedTuple):
    """What the classifier says of images."""

    features: NDArray[np.float64]
    """The last hidden layer: `(images, FEATURES)`."""
    probabilities: NDArray[np.float64]
    """p(label | image): `(images, CLASSES)`."""


class Classifier(nn.Module):
    """Two convolutions, each with maxima over 2 x 2 pixels behind it, and two linear layers with dropout before each.

    The first maxima are left out where a side has no more than 8 pixels.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        first, second = CHANNELS
        pools = (2 if side > 8 else 1, 2)
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(pools[0]),
            nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(pools[1]),
        )  # fmt: skip
        flat = second * (side // pools[0] // pools[1]) ** 2
        self.hidden = nn.Sequential(nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(flat, FEATURES), nn.ReLU())
        self.output = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(FEATURES, CLASSES))

    def features(self, images: Tensor) -> Tensor:
        """Return the last hidden layer `(batch, FEATURES)` of images `(batch, side, side)` of 0 and 1."""
        found: Tensor = self.hidden(self.convolutions(images[:, None]))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of the labels: `(batch, CLASSES)`."""
        logits: Tensor = self.output(self.features(images))
        return logits

    @torch.no_grad()
    def classify(self, images: NDArray[np.bool_]) -> Classified:
        """Classify images `(images, pixels)`, row by row, in float32 whatever the precision around."""
        side = int(images.shape[1] ** 0.5)
        pixels = torch.from_numpy(images).float().reshape(-1, side, side)
        with torch.autocast("cpu", enabled=False):
            features = torch.cat([self.features(part) for part in torch.split(pixels, IMAGES_AT_ONCE)])
            probabilities = self.output(features).double().softmax(1)
        return Classified(features.double().numpy(), probabilities.numpy())

    def accuracy(self, images: NDArray[np.bool_], labels: NDArray[np.uint8]) -> float:
        """Return the share of images `(images, pixels)` whose label is the most likely one."""
        return float((self.classify(images).probabilities.argmax(1) == labels).mean())


def weights_file(side: int) -> Path:
    """Return the file of the weights for images of `side` pixels."""
    return Path(__file__).with_name(f"classifier-{side}.safetensors")


@lru_cache(maxsize=2)
def stored_classifier(side: int) -> Classifier:
    """Return the trained network for images of `side` pixels, one of `SIDES`."""
    with Hollow():
        classifier = Classifier(side)
    fill(classifier, load_file(weights_file(side)), torch.device("cpu"))
    return classifier.eval()
