"""Sequential Monte Carlo over trajectories: those of little value give way to copies of better ones."""

import math

import torch
from torch import Tensor

ESS_THRESHOLD = 0.5


class ParticleFilter:
    """The particles of a batch of problems, each with weights and a resampling of its own.

    The target after step t is the prior of the trajectory times its value v(z_t): a step multiplies a weight by
    v(z_t) / v(z_{t-1}), as `pyro.infer.SMCFilter` does for one problem. `log_weights` `(problems, particles)` are
    normalised; `log_evidence` `(problems,)` estimates log E[v]."""

    def __init__(self, problems: int, particles: int, ess_threshold: float = ESS_THRESHOLD) -> None:
        self.ess_threshold = ess_threshold
        self.uniform = -math.log(particles)
        self.log_weights = torch.full((problems, particles), self.uniform)
        self.log_values = torch.zeros(problems, particles)
        self.log_evidence = torch.zeros(problems)

    def step(self, log_values: Tensor) -> Tensor:
        """Take log v(z_t) `(problems, particles)`; return whose state each particle goes on with, of that shape.
        Only problems whose effective sample size fell below `ess_threshold` of the particles resample."""
        weights = self.log_weights + log_values - self.log_values
        increment = weights.logsumexp(1)
        self.log_evidence = self.log_evidence + increment
        self.log_weights = weights - increment[:, None]
        particles = log_values.shape[1]
        degenerate = 1 / self.log_weights.exp().square().sum(1) < self.ess_threshold * particles
        ancestors = torch.arange(particles).repeat(len(log_values), 1)
        if degenerate.any():
            ancestors[degenerate] = systematic(self.log_weights[degenerate].exp())
            self.log_weights[degenerate] = self.uniform
        self.log_values = log_values.gather(1, ancestors)
        return ancestors


def systematic(weights: Tensor) -> Tensor:
    """Resample each row of normalised weights `(problems, particles)`: ancestors in ascending order."""
    problems, particles = weights.shape
    edges = weights.cumsum(1)
    edges = edges / edges[:, -1:]
    places = (torch.arange(particles) + 1 - torch.rand(problems, 1)) / particles
    return torch.searchsorted(edges, places.to(edges.dtype)).clamp(max=particles - 1)
