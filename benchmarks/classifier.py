"""Train the network that tells digits apart: `python -m benchmarks.classifier`, `--data FOLDER` for MNIST's files.

`--weights gram_pyro/tasks/digits/classifier-8.safetensors` replaces the stored ones, for 8 x 8 pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from benchmarks.report import Options, Row, publish, wall_clock
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse
from gram_pyro.system.files import write_atomically
from gram_pyro.tasks.digits.classifier import Classifier
from gram_pyro.tasks.digits.images import Gallery, gallery_of, threshold

SPLITS = ("train", "validation", "test")
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02


@dataclass(frozen=True)
class ClassifierOptions(Options):
    """Train on the train split of binarised images, and measure on the others."""

    data: str = ""
    """Folder with MNIST's four files; by default the embedded digits of 8 x 8 pixels."""
    epochs: int = 60
    """How often every image is seen."""
    batch: int = 64
    """Images of an update."""
    shift: int = 0
    """Most pixels by which an image is moved, each way, before it is seen."""
    weights: str | None = None
    """Write the weights to this file, in float16."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.epochs, self.batch) < 1 or self.shift < 0:
            raise UserError("--epochs and --batch must be at least 1, --shift at least 0")


def split_of(gallery: Gallery, split: str) -> tuple[Tensor, Tensor]:
    """Return binarised images `(images, side, side)` and labels `(images,)` of a split."""
    assert gallery.labels is not None
    rows, side = np.flatnonzero(gallery.splits == split), gallery.side
    images = threshold(gallery.grays[rows], gallery.top).reshape(-1, side, side)
    return torch.from_numpy(images).float(), torch.from_numpy(gallery.labels[rows]).long()


def shifted(images: Tensor, most: int) -> Tensor:
    """Return images `(batch, side, side)`, each moved by up to `most` pixels in both directions, white behind it."""
    side = images.shape[1]
    rows, columns = (torch.randint(2 * most + 1, (len(images), 1)) + torch.arange(side) for _ in range(2))
    padded = F.pad(images, [most] * 4)
    return padded[torch.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def train(images: Tensor, labels: Tensor, options: ClassifierOptions) -> Classifier:
    """Train a network; its weights are rounded to float16."""
    torch.manual_seed(options.seed)
    classifier = Classifier(images.shape[1])
    updates = options.epochs * -(-len(images) // options.batch)
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, updates)
    for epoch in range(options.epochs):
        for rows in torch.split(torch.randperm(len(images)), options.batch):
            logits = classifier(shifted(images[rows], options.shift))
            loss = F.cross_entropy(logits, labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {options.epochs}: loss {loss.item():.3f}", file=sys.stderr)
    return classifier.eval()


def main(arguments: list[str]) -> None:
    """Train, measure and store."""
    options = parse(ClassifierOptions, "benchmarks.classifier", arguments)
    gallery = gallery_of(options.data)
    if gallery.labels is None:
        raise UserError(f"{options.data}: no labels beside the images; MNIST's folder has four files")
    parts = {split: split_of(gallery, split) for split in SPLITS}
    began = wall_clock()
    classifier = train(*parts["train"], options)
    seconds = wall_clock() - began
    exact = accuracies(classifier, parts)
    halves = {name: tensor.half() for name, tensor in classifier.state_dict().items()}
    classifier.load_state_dict(halves)
    content = save(halves)
    if options.weights is not None:
        write_atomically(Path(options.weights), content)
    row: Row = {
        "side": gallery.side,
        "images": {split: len(labels) for split, (_, labels) in parts.items()},
        "accuracy": accuracies(classifier, parts),
        "accuracy_float32": exact,
        "bytes": len(content),
        "seconds": round(seconds, 1),
    }
    columns: dict[str, Callable[[Row], str]] = {
        "pixels": lambda row: f"{row['side']} x {row['side']}",
        **{split: partial(accuracy_cell, split) for split in SPLITS},
        "bytes": lambda row: f"{row['bytes']:,}",
        "seconds": lambda row: f"{row['seconds']:.0f}",
    }
    publish("classifier", options, columns, [row])


def accuracies(classifier: Classifier, parts: dict[str, tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Return the share of each split that is classified right."""
    return {
        split: round(classifier.accuracy(images.bool().flatten(1).numpy(), labels.numpy()), 5)
        for split, (images, labels) in parts.items()
    }


def accuracy_cell(split: str, row: Row) -> str:
    """A cell: the accuracy on a split."""
    return f"{100 * row['accuracy'][split]:.2f} %"


if __name__ == "__main__":
    run_cli(main)
