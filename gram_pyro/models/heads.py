"""Heads that judge a latent state: whether its trajectory ends right, and whether it is right already."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gram_pyro.models.base import Model
from gram_pyro.models.layers import Block, at_least_float32, rms_norm
from gram_pyro.tasks.base import Problems, Spec

MAX_HEADS = 4


class HeadLogits(NamedTuple):
    """Logits of the heads for a batch of states z_t, each `(batch,)`."""

    value: Tensor  # the last answer of the trajectory is right (the Latent Process Reward Model v(z_t))
    halt: Tensor  # the answer is right as it is (q_halt(z_t))
    proceed: Tensor  # the answer is right where the trajectory halts if it does not halt here (q_continue(z_t))


class Heads(nn.Module):
    """Value and halt heads beside a trained core, which gets no gradient from them: one attention block, then three
    scores a position, "something is wrong here". They pool by logsumexp: one position is enough to refuse an answer."""

    def __init__(self, spec: Spec, model: Model) -> None:
        super().__init__()
        self.summary: Callable[[Tensor], Tensor] = model.summary
        width = model.summary(model.initial_state(1, 1).high).shape[-1]
        self.block = Block(width, math.gcd(width, MAX_HEADS), 2 * width, spec.relations)
        self.doubt = nn.Linear(width, len(HeadLogits._fields))
        nn.init.zeros_(self.doubt.weight)

    def forward(self, high: Tensor, problems: Problems) -> HeadLogits:
        """Judge the high-level latents h_t `(batch, length, width)` of as many problems."""
        features = self.block(rms_norm(self.summary(high.detach())), problems.relations, None)
        doubt = at_least_float32(self.doubt(features))
        return HeadLogits(*(torch.zeros_like(doubt).logsumexp(1) - doubt.logsumexp(1)).unbind(-1))
