"""What a look inside a posterior finds, each with a picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gram_pyro.plots import save_figure
from gram_pyro.tasks.base import Answer

PRIOR, POSTERIOR = "#4e79a7", "#f28e2b"
Array = NDArray[np.float64]


class Trajectories(NamedTuple):
    """Trajectories of one problem after every supervision step.

    `high` h `(steps, samples, length, width)`, `decoded` argmax decodes `(steps, samples, length)`, `valid` whether
    they break no constraint `(steps, samples)`, `solutions` the distinct valid answers after the last step.
    """

    high: NDArray[np.float32]
    decoded: NDArray[np.int64]
    valid: NDArray[np.bool_]
    solutions: list[Answer]

    def plot(self, axes: Axes, color: str = PRIOR, label: str = "prior") -> None:
        """Validity and the part of positions that will not change any more, against steps."""
        steps = np.arange(1, len(self.valid) + 1)
        settled = (self.decoded == self.decoded[-1]).mean((1, 2))
        axes.plot(steps, self.valid.mean(1), "o-", color=color, markersize=3, label=f"{label}: valid")
        axes.plot(steps, settled, "--", color=color, label=f"{label}: as in the end")
        axes.set(xlabel="step", ylim=(0, 1.05), title="when is the answer decided?")
        axes.legend(frameon=False)


class Divergence(NamedTuple):
    """KL(q || p) in nats by transition and position `(transitions, length)`, a mean over posterior trajectories.

    `(transitions, 1)` where the KL has no closed form, or the guidance is one for all positions.
    """

    nats: Array

    def plot(self, axes: Axes) -> None:
        """A heat map."""
        transitions, positions = self.nats.shape
        extent = (0.5, transitions + 0.5, positions - 0.5, -0.5)
        image = axes.imshow(self.nats.T, aspect="auto", cmap="viridis", vmin=0, extent=extent)
        axes.set(xlabel="transition", ylabel="position", title=f"KL, {self.nats.sum():.1f} nats in all")
        axes.figure.colorbar(image, ax=axes)


class Components(NamedTuple):
    """First two principal components of h, pooled over positions, of prior and posterior: `(steps, samples, 2)` each.

    `explained` the part of the variance that each component has `(2,)`.
    """

    prior: Array
    posterior: Array
    explained: Array

    def plot(self, axes: Axes) -> None:
        """Trajectories in the plane, a dot where they end."""
        for paths, color, label in ((self.prior, PRIOR, "prior"), (self.posterior, POSTERIOR, "posterior")):
            axes.plot(*paths[:, :1].transpose(2, 0, 1), color=color, linewidth=0.7, label=label)
            axes.plot(*paths[:, 1:].transpose(2, 0, 1), color=color, linewidth=0.4, alpha=0.4)
            axes.plot(*paths[-1].T, "o", color=color, markersize=3)
        x, y = (f"component {i + 1} ({part:.0%})" for i, part in enumerate(self.explained))
        axes.set(xlabel=x, ylabel=y, title="h over the steps")
        axes.legend(frameon=False)


class Likelihoods(NamedTuple):
    """p(solution | x) of every solution, all its spellings together, from trajectories of posterior and prior.

    `probability`, `low` and `high` (two standard errors) `(solutions,)`; `effective` the effective sample size as
    a part of the draws, of the worst spelling.
    """

    solutions: list[Answer]
    probability: Array
    low: Array
    high: Array
    effective: Array

    def plot(self, axes: Axes) -> None:
        """Bars with intervals, and the uniform distribution as a line."""
        places = np.arange(len(self.solutions))
        errors = [self.probability - self.low, self.high - self.probability]
        axes.bar(places, self.probability, yerr=errors, color=PRIOR, ecolor="#333333", capsize=2)
        axes.axhline(1 / len(self.solutions), color="#59a14f", linestyle="--", label="uniform")
        axes.set_xticks(places if len(places) <= 20 else places[:: len(places) // 10])
        axes.set(xlabel="solution", title=f"p(solution | x), {self.probability.sum():.3f} in all")
        axes.legend(frameon=False)


class Inspection(NamedTuple):
    """What `inspect` found. `target` is the solution that the posterior was shown; None for `likelihoods` if there are
    too many to estimate each."""

    target: Answer
    prior: Trajectories
    posterior: Trajectories
    divergence: Divergence
    components: Components
    likelihoods: Likelihoods | None

    def plot(self, path: str | Path | None = None) -> Figure:
        """Everything in one figure, written as PNG if a path is given."""
        figure = Figure(figsize=(13, 8), layout="constrained")
        (first, second), (third, fourth) = figure.subplots(2, 2)
        self.prior.plot(first)
        self.posterior.plot(first, POSTERIOR, "posterior")
        self.divergence.plot(second)
        self.components.plot(third)
        if self.likelihoods is None:
            fourth.set_axis_off()
        else:
            self.likelihoods.plot(fourth)
        if path is not None:
            save_figure(figure, Path(path))
        return figure
