"""What `inspect` finds, and pictures of it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gram_pyro.system.figures import Picture, save_figure
from gram_pyro.tasks.abilities import Answer

PRIOR, POSTERIOR = "#4e79a7", "#f28e2b"
LEAST = 1.0  # nats a position and trajectory that colors tell apart; they do not stretch to less
Array = NDArray[np.float64]


class Trajectories(NamedTuple):
    """Trajectories of one problem after every supervision step."""

    high: NDArray[np.float32]  # h (steps, samples, length, width)
    decoded: NDArray[np.int64]  # argmax decodes (steps, samples, length)
    valid: NDArray[np.bool_]  # whether they break no constraint (steps, samples)
    solutions: list[Answer]  # distinct and valid, after the last step

    def plot(self, axes: Axes, color: str = PRIOR, label: str = "prior") -> None:
        """Plot validity and the part of positions that will not change any more, against steps."""
        steps = np.arange(1, len(self.valid) + 1)
        axes.plot(steps, self.valid.mean(1), "o-", color=color, markersize=3, label=f"{label}: valid trajectories")
        settled = (self.decoded == self.decoded[-1]).mean((1, 2))
        axes.plot(steps, settled, "x--", color=color, markersize=3, label=f"{label}: positions as in the end")
        axes.set(xlabel="step", ylabel="share", ylim=(0, 1.05), title="when is the answer decided?")
        axes.set_xlim(0.5, len(steps) + 0.5)
        whole_ticks(axes.xaxis, 1, len(steps))
        axes.legend(frameon=False)


class Divergence(NamedTuple):
    """KL(q || p) in nats by transition and position `(transitions, length)`, a mean over posterior trajectories.
    `(transitions, 1)` where the KL has no closed form, or the guidance is one for all positions."""

    nats: Array

    def plot(self, axes: Axes, most: float | None = None) -> None:
        """Plot a heat map whose colors end at `most` nats, to compare it with others.

        By default they end at the largest KL, and not below `LEAST` nats spread evenly over the transitions.
        """
        transitions, positions = self.nats.shape
        extent = (0.5, transitions + 0.5, positions - 0.5, -0.5)
        most = max(self.nats.max(), LEAST / transitions) if most is None else most
        image = axes.imshow(self.nats.T, aspect="auto", cmap="viridis", vmin=0, vmax=most, extent=extent)
        place = "all positions together" if positions == 1 else "position"
        axes.set(xlabel="transition", ylabel=place, title=f"KL(q || p), {self.nats.sum():,.2f} nats in all")
        whole_ticks(axes.xaxis, 1, transitions)
        whole_ticks(axes.yaxis, 0, positions - 1)
        axes.figure.colorbar(image, ax=axes, label="nats")


class Components(NamedTuple):
    """First two principal components of h, pooled over positions, of prior and posterior: `(steps, samples, 2)` each.
    `explained` the part of the variance that each component has `(2,)`."""

    prior: Array
    posterior: Array
    explained: Array

    def plot(self, axes: Axes) -> None:
        """Plot trajectories in the plane, a dot where they end."""
        for paths, color, label in ((self.prior, PRIOR, "prior"), (self.posterior, POSTERIOR, "posterior")):
            axes.plot(*paths[:, :1].transpose(2, 0, 1), color=color, linewidth=0.7, label=label)
            axes.plot(*paths[:, 1:].transpose(2, 0, 1), color=color, linewidth=0.4, alpha=0.4)
            axes.plot(*paths[-1].T, "o", color=color, markersize=3)
        x, y = (f"component {i + 1} ({part:.0%})" for i, part in enumerate(self.explained))
        axes.set(xlabel=x, ylabel=y, title="h over the steps")
        axes.set_aspect("equal", adjustable="datalim")  # a component that explains little looks little
        axes.legend(frameon=False)


class Likelihoods(NamedTuple):
    """p(solution | x) of every solution, all its spellings together, each array `(solutions,)`."""

    solutions: list[Answer]
    probability: Array
    low: Array  # two standard errors below
    high: Array
    effective: Array  # effective sample size as a part of the draws, of the worst spelling

    def plot(self, axes: Axes) -> None:
        """Plot bars with intervals, and the uniform distribution as a line."""
        places = np.arange(len(self.solutions))
        errors = self.probability - self.low, self.high - self.probability
        axes.bar(places, self.probability, yerr=errors, color=PRIOR, ecolor="#333333", capsize=2)
        axes.axhline(1 / len(self.solutions), color="#59a14f", linestyle="--", label="uniform")
        whole_ticks(axes.xaxis, 0, len(places) - 1)
        axes.set(xlabel="solution", ylabel="probability", title=f"p(solution | x), {self.probability.sum():.3f} in all")
        axes.legend(frameon=False)


class Inspection(NamedTuple):
    """What `inspect` found. `target` is the solution shown to the posterior; `likelihoods` is None if too many."""

    target: Answer
    prior: Trajectories
    posterior: Trajectories
    divergence: Divergence
    components: Components
    likelihoods: Likelihoods | None

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw everything in one figure, and write it as PNG if a path is given."""
        figure = Picture(figsize=(13, 8), layout="constrained")
        first, second, third, fourth = figure.subplots(2, 2).flat
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


def whole_ticks(axis: Axis, first: int, last: int) -> None:
    """Put ticks at whole numbers, some ten at most."""
    axis.set_ticks(range(first, last + 1, 1 + (last - first) // 10))
