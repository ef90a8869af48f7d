"""docs/generation.md."""

from __future__ import annotations

from typing import Any

from tests.claims.sources import at, figure, published, stored

SETTINGS = ["0.9"]
MNIST, STEPS = "generation/digits-mnist-h200", "generation/digits-mnist-steps-h200"
SMALL = "generation/digits-runs"
FIRST = {"Fréchet": "samples.0.frechet", "confident": "samples.0.confident"}


def nats(receiver: str, *steps: int) -> list[float]:
    """-ELBO by steps, under a receiver."""
    return [figure(STEPS, "rows", "nats", receiver=receiver, steps=each) for each in steps]


def row(model: str) -> dict[str, Any]:
    """The row of a model."""
    (found,) = (each for each in stored(MNIST) if each["model"] == model)
    return dict(found)


def elbo(model: str) -> list[float]:
    """-ELBO at the steps that are shown, or the only one."""
    return [each["nll"] for each in row(model)["elbo"] if each["steps"] in (None, 8, 64, 256)]


def scores(model: str) -> list[float]:
    """The scores of samples at the training depth."""
    return [float(at(row(model), path)) for path in FIRST.values()]


def trained(model: str) -> list[float]:
    """A row of the table, without its label."""
    return [row(model)["updates"], *elbo(model), *scores(model)]


def small(label: str) -> list[float]:
    """A row of the table of 8 x 8 pixels, without its label."""
    (run,) = (each for each in stored(SMALL) if each["label"] == label)
    nats = [each["nll"] for each in run["elbo"] if each["steps"] in (None, 8, 64, 256)]
    return [run["updates"], *nats, *(float(run["rows"][-1][name]) for name in ("frechet", "confident"))]


BFN = published()["binarised MNIST"]["Bayesian flow network"]
CLAIMS: dict[str, list[float]] = {
    "1,000 test images, 1,012,240 parameters": [
        at(stored(STEPS), "rows.0.images"),
        at(stored(STEPS), "rows.0.parameters"),
    ],
    "| 113.51 | 106.82 | 97.14 | 92.25 | 87.32 | 85.10 | 83.48 |": nats("mean", 8, 10, 16, 25, 50, 100, 256),
    "| 90.92 | 89.28 | 86.51 | 85.04 | 84.29 | 83.73 | 83.40 |": nats("mixture", 8, 10, 16, 25, 50, 100, 256),
    "| 95.2 | - | 84.4 | 81.1 | 79.5 |": [BFN[steps] for steps in ("10", "25", "50", "100")],
    "error is 0.8: each": [figure(STEPS, "rows", "standard_error", receiver="mean", steps=64)],
    "| 5,421 | 113.71 / 86.09 / 83.44 | 12.1 | 0.70 |": trained("GRAM, drafts"),
    "| 4,926 | 88.04 / 83.28 / 81.54 | 15.1 | 0.67 |": trained("D3PM, masks"),
    "| 5,015 | 90.37 / 84.22 / 85.15 | 18.9 | 0.64 |": trained("D3PM, uniform noise"),
    "| 1,940 | 80.96 | 6.6 | 0.76 |": trained("autoregressive Transformer"),
    "| 4,100 | 89.27 | 8.2 | 0.82 |": trained("VAE"),
    "| 2,469 | 152.54 / 172.31 / 240.09 | 315.0 | 0.01 |": trained("GRAM, Gaussian guidance"),
    "| 3,714 | 149.96 / 149.96 / 149.96 | 386.8 | 0.00 |": trained("TRM"),
    "| - | 205.91 | 244.8 | 0.40 |": [*elbo("independent pixels"), *scores("independent pixels")],
    "| - | - | 0.7 | 0.96 |": scores("real images"),
    "| 2,927 | 18.44 / 17.39 / 17.33 | 20.0 | 0.77 |": small("GRAM, drafts, receiver a mixture"),
    "| 2,962 | 23.53 / 18.04 / 17.57 | 17.2 | 0.76 |": small("GRAM, drafts"),
    "| 2,744 | 18.44 / 17.99 / 17.79 | 24.6 | 0.78 |": small("D3PM, uniform noise, size 1, rate 3e-3"),
    "| 1,641 | 18.22 | 29.2 | 0.88 |": small("VAE, size 1, rate 3e-3"),
    "| 2,373 | 22.60 / 22.60 / 22.60 | 581.9 | 1.00 |": small("TRM"),
    "| 1,906 | 24.70 / 43.60 / 108.65 | 138.2 | 0.60 |": small("GRAM, Gaussian guidance"),
    "| 2,621 | 45.26 / 53.09 / 97.46 | 120.1 | 0.52 |": small("GRAM, drafts and Gaussian guidance"),
    "270 test images": [stored(SMALL)[0]["budget"]["problems"]],
    "90 seconds of": [60 * stored(SMALL)[0]["budget"]["minutes"]],
    "of 1,000 samples": [stored(SMALL)[0]["budget"]["samples"]],
    "(99.16 % of": [100 * at(stored("quality/classifier-28"), "rows.0.accuracy.test")],
    "pixels have 0.40 confident": scores("independent pixels")[1:],
}
