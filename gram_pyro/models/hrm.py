"""HRM, the Hierarchical Reasoning Model: two latents and a network for each."""

from __future__ import annotations

from gram_pyro.models.recursive import Deterministic


class Hrm(Deterministic):
    """A slow latent h and a fast latent l; h moves once for every K refinements of l. Gradients run through the
    last transition, all of its refinements; HRM's own approximation keeps the last of them.
    """
