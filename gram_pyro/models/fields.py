"""GRAM on fields: a latent vector for every position and value, and one network for all values."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import State
from gram_pyro.models.gram import Core, Gram, GramConfig
from gram_pyro.models.layers import at_least_float32, rms_norm
from gram_pyro.tasks.base import Problems, Spec

SUM_SCALE = 0.25  # of sums over relatives beside their means
SPREAD = 3.0  # of messages, which means make small


@dataclass(frozen=True)
class FieldsConfig(GramConfig):
    """The shape of a network on fields: `width` features of a position and value; `layers` blocks, `refinements` times;
    there is no attention, and so no `heads`."""

    width: int = 32
    """Features of a position and value."""
    layers: int = 1
    """Blocks in a row."""
    refinements: int = 6
    """Times that the blocks run before each proposal (J)."""
    core: Core = "flat"
    """A single latent, always."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.core != "flat" or self.pooled:
            raise UserError("the model fields has a flat core and a guidance at each position; leave core and pooled")


class FieldBlock(nn.Module):
    """Messages over relatives, over all positions and over all values, then a feed-forward layer, the same for every
    position and value: renaming values, or moving positions with their relations, commutes with it."""

    def __init__(self, width: int, hidden: int, relations: int) -> None:
        super().__init__()
        self.send = nn.Linear(width, width, bias=False)
        self.receive = nn.Linear((2 * relations + 2) * width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, relations: Tensor | None) -> Tensor:
        """Exchange and digest, `(batch, length, values, width)` in and out."""
        sent = self.send(rms_norm(x))
        messages = [sent.mean(-3, keepdim=True).expand_as(sent), sent.mean(-2, keepdim=True).expand_as(sent)]
        if relations is not None:
            relations = relations.to(sent.dtype)
            sums = (relations @ sent.flatten(-2)[..., None, :, :]).unflatten(-1, sent.shape[-2:])  # (b r l v w)
            relatives = relations.sum(-1).clamp(min=1)[..., None, None]
            messages += [*(sums / relatives).unbind(-4), *(SUM_SCALE * sums).unbind(-4)]
        x = x + self.receive(SPREAD * torch.cat(messages, -1))
        return x + self.down(F.gelu(self.up(rms_norm(x))))  # type: ignore[no-any-return]


class Fields(Gram):
    """The program of `Gram` with a core that does not know the names of values.

    The latent h_t `(batch, length, values * width)` has `width` features for each position and value. Its input are the
    pins and a learned vector for each kind of value, no tokens: values of one kind are interchangeable.
    """

    Config: ClassVar = FieldsConfig
    guide: ClassVar[str] = "fields"
    kinds: Tensor

    def add_networks(self, spec: Spec) -> None:
        """Add the blocks, the guidance head and the decoder, and the start of the latent."""
        config = self.config
        if spec.positions != "none":
            raise UserError("the model fields knows positions by their relations alone; take a task without positions")
        self.width = spec.classes * config.width
        self.register_buffer("kinds", torch.tensor(spec.values), persistent=False)
        self.kind_embedding = nn.Embedding(max(spec.values) + 1, config.width)
        self.pin_embedding = nn.Embedding(3, config.width)
        self.field_blocks = nn.ModuleList(
            FieldBlock(config.width, config.hidden, spec.relations) for _ in range(config.layers)
        )
        self.guidance_head = nn.Linear(config.width, 2 * config.width) if config.guidance else None
        self.decoder = nn.Linear(config.width, 1)
        self.blocks = config.transitions * config.refinements * config.layers
        self.register_buffer("initial_high", torch.randn(config.width))

    def split(self, latent: Tensor) -> Tensor:
        """Return a latent `(..., values * width)` as `(..., values, width)`."""
        return latent.view(*latent.shape[:-1], len(self.kinds), self.config.width)

    def embed(self, problems: Problems) -> Tensor:
        """e_x: the pins and the kinds of values, `(batch, length, values * width)`."""
        tokens = problems.tokens
        pins = torch.full_like(tokens, -1) if problems.pins is None else problems.pins
        embedded: Tensor = self.pin_embedding(named(pins, len(self.kinds))) + self.kind_embedding(self.kinds)
        return embedded.flatten(-2)

    def initial_state(self, batch: int, length: int) -> State:
        """Return z_0, the same stored vector at every position and value; `low` is empty."""
        high = self.initial_high.repeat(len(self.kinds)).expand(batch, length, -1)
        return State(high, high[..., :0])

    def propose(self, state: State, embedded: Tensor, relations: Tensor | None) -> State:
        """Refine J times, with the input added once."""
        x = self.split(state.high) + self.split(embedded)
        for _ in range(self.config.refinements):
            for block in self.field_blocks:
                x = block(x, relations)
        return State(rms_norm(x).flatten(-2), state.low)

    def guidance(self, proposal: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu(u_t) and sigma(u_t), each `(batch, length, values * width)`."""
        location, scale = super().guidance(self.split(proposal))
        return location.flatten(-2), scale.flatten(-2)

    def decode(self, high: Tensor) -> Tensor:
        """f_dec: `(batch, length, values * width)` -> logits `(batch, length, classes)`, one number a value."""
        return at_least_float32(self.decoder(rms_norm(self.split(high)))[..., 0])


def named(values: Tensor, classes: int) -> Tensor:
    """Return what values `(batch, length)` say of each position and value, `(batch, length, classes)`: 0 nothing, where
    there is none (-1); 1 that it is another; 2 that it is this one."""
    here = values[..., None] == torch.arange(classes, device=values.device)
    return torch.where(values[..., None] < 0, 0, 1 + here.long())
