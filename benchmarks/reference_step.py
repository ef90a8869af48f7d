"""The training loss in plain PyTorch: the reference for what the library costs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.settings import Case
from gram_pyro.guides import GaussianGuide
from gram_pyro.models.base import State
from gram_pyro.tasks import Coloring

CLASSES = Coloring().spec.classes


def reference_loss(case: Case, beta: float | Tensor, balance: float) -> Tensor:
    """Return the loss a problem under horizon 1: the library's arithmetic in plain PyTorch.

    A model with guidance has one transition here: those outside the horizon would pay KL as well.
    """
    model, guide, problems, targets, state = case
    embedded, relations = model.embed(problems), model.relate(problems.relations)
    if model.draft is not None:
        embedded = embedded + model.embed_values(model.draft_embedding, reference_draft(case))
    with torch.no_grad():
        for _ in range(model.transitions - 1):
            state = State(*model.propose(state, embedded, relations))
    proposal, _ = model.propose(state, embedded, relations)
    if not isinstance(guide, GaussianGuide):
        return surprise(model.decode(proposal), targets) / len(targets)
    location, scale = model.guidance(proposal)
    features = proposal + guide.embedding(targets + 1)
    change = guide.project_out(F.silu(guide.project_in(features))).float()
    shift, log_ratio = (change * (targets >= 0).any(-1)[:, None, None]).chunk(2, -1)
    fixed_location, fixed_scale = location.detach(), scale.detach()
    mean = fixed_location + fixed_scale * shift
    deviation = fixed_scale * torch.exp(2 * torch.tanh(log_ratio / 2))
    logits = model.decode(proposal + mean + deviation * torch.randn_like(mean))
    train_prior = divergence(mean.detach(), deviation.detach(), location, scale)
    train_posterior = divergence(mean, deviation, fixed_location, fixed_scale)
    kl = balance * train_prior + (1 - balance) * train_posterior
    return (surprise(logits, targets) + beta * kl) / len(targets)


def reference_draft(case: Case) -> Tensor:
    """Return the answer with the noise of the schedule `cosine` on it."""
    phase = case.state.phase
    assert phase is not None
    angle = math.pi / 2 * (0.01 + 0.98 * phase.step / (phase.total - 1))[:, None, None]
    y = F.one_hot(case.targets, CLASSES).float()
    return torch.sin(angle) * y + torch.cos(angle) * torch.randn_like(y)


def surprise(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p of the targets, summed over everything that is asked."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")


def divergence(mean: Tensor, deviation: Tensor, location: Tensor, scale: Tensor) -> Tensor:
    """KL(N(mean, deviation^2) || N(location, scale^2)), summed over everything."""
    ratio = (deviation / scale).square()
    return 0.5 * (ratio + ((mean - location) / scale).square() - 1 - ratio.log()).sum()
