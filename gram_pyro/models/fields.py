"""GRAM on fields: a latent vector for every position and value, and one network for all values."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import State
from gram_pyro.models.gram import Core, Gram, GramConfig
from gram_pyro.models.layers import at_least_float32, autocast, rms_norm
from gram_pyro.tasks.base import Problems, Spec

SUM_SCALE = 0.25  # of sums over relatives beside their means
SPREAD = 3.0  # of messages, which means make small


@dataclass(frozen=True)
class FieldsConfig(GramConfig):
    """The shape of a network on fields: `layers` blocks, `refinements` times, the same for all positions and values."""

    width: int = 32
    """Features of a position and value."""
    heads: int = 1
    """Without meaning: there is no attention."""
    hidden: int = 64
    """Hidden features of the feed-forward layers."""
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


class Classes(NamedTuple):
    """Relations that say "of the same class": `member` `(length, classes)` is 1.0 where a position belongs to a class,
    those of one relation after those of another, `counts` of each. A sum over relatives is one over a class."""

    member: Tensor
    counts: tuple[int, ...]


def classes_of(relations: Tensor) -> Classes | None:
    """Return the classes of relations `(relations, length, length)` that all problems share; None if one has none."""
    near = relations.bool() | torch.eye(relations.shape[-1], dtype=torch.bool, device=relations.device)
    first = near.byte().argmax(-1)
    if not torch.equal(near, first[:, :, None] == first[:, None, :]):
        return None
    members = [F.one_hot(each.unique(return_inverse=True)[1]) for each in first]
    return Classes(torch.cat(members, 1).float(), tuple(each.shape[1] for each in members))


class FieldBlock(nn.Module):
    """Messages over relatives, over all positions and over all values, then a feed-forward layer, the same for every
    position and value: renaming values, or moving positions with their relations, commutes with it."""

    def __init__(self, width: int, hidden: int, relations: int) -> None:
        super().__init__()
        self.from_relatives = nn.ModuleList(nn.Linear(2 * width, width, bias=False) for _ in range(relations))
        self.from_all, self.from_values = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, relations: Tensor | Classes | None) -> Tensor:
        """Exchange and digest, `(batch, length, values, width)` in and out."""
        sent = SPREAD * rms_norm(x)
        x = x + self.from_all(sent.mean(-3, keepdim=True)) + self.from_values(sent.mean(-2, keepdim=True))
        if isinstance(relations, Classes):
            x = x + self.within_classes(sent, relations)
        elif relations is not None:
            x = x + self.among_relatives(sent, relations)
        return x + self.down(F.relu(self.up(rms_norm(x))).square())  # type: ignore[no-any-return]

    def within_classes(self, sent: Tensor, relations: Classes) -> Tensor:
        """Return what each position learns from its classes, in fewer operations than from its relatives."""
        member = relations.member.to(sent.dtype)
        sums = (member.mT @ sent.flatten(-2)).unflatten(-1, sent.shape[-2:])  # type: ignore[no-untyped-call]
        said = torch.cat((sums / member.sum(0)[:, None, None], SUM_SCALE * sums), -1)
        parts = zip(self.from_relatives, torch.split(said, [*relations.counts], -3), strict=True)
        received = torch.cat([network(part) for network, part in parts], -3)  # (b classes v w)
        return (member.to(received.dtype) @ received.flatten(-2)).view(sent.shape)

    def among_relatives(self, sent: Tensor, relations: Tensor) -> Tensor:
        """Return what each position learns from its relatives and itself."""
        near = relations.to(sent.dtype) + torch.eye(sent.shape[-3], dtype=sent.dtype, device=sent.device)
        sums = (near @ sent.flatten(-2).unsqueeze(-3)).unflatten(-1, sent.shape[-2:])  # type: ignore[no-untyped-call]
        said = torch.cat((sums / near.sum(-1)[..., None, None], SUM_SCALE * sums), -1)
        received = [network(each) for network, each in zip(self.from_relatives, said.unbind(-4), strict=True)]
        return torch.stack(received).sum(0)


class Fields(Gram):
    """The program of `Gram` with a core that does not know the names of values.

    The latent h_t `(batch, length, values * width)` has `width` features for each position and value. Its input are the
    pins and a learned vector for each kind of value, no tokens: values of one kind are interchangeable.
    """

    Config: ClassVar = FieldsConfig
    guide: ClassVar[str] = "fields"
    nameless: ClassVar[bool] = True
    kinds: Tensor
    interchangeable: bool
    """Whether all values are of one kind, so that there may be any number of them."""
    related: dict[int, tuple[Tensor, Any]]
    """The shared relations met last, by number of positions, and what `relate` made of them."""

    def add_networks(self, spec: Spec) -> None:
        """Add the blocks, the guidance head and the decoder, and the start of the latent."""
        config = self.config
        if spec.positions != "none":
            raise UserError("the model fields knows positions by their relations alone; take a task without positions")
        self.width, self.related = spec.classes * config.width, {}
        self.register_buffer("kinds", torch.tensor(spec.values), persistent=False)
        self.interchangeable = not any(spec.values)
        self.kind_embedding = nn.Embedding(max(spec.values) + 1, config.width)
        self.pin_embedding = nn.Embedding(3, config.width)
        self.field_blocks = nn.ModuleList(
            FieldBlock(config.width, config.hidden, spec.relations) for _ in range(config.layers)
        )
        self.guidance_head = nn.Linear(config.width, 2 * config.width) if config.guidance else None
        self.decoder = nn.Linear(config.width, 1)
        self.blocks = config.transitions * config.refinements * config.layers
        self.register_buffer("initial_high", torch.randn(config.width))

    def fitted(self, spec: Spec) -> Fields:
        """Return a model with these weights for a task of other values of the same kinds, with a warning if they are
        more than it was trained with. Raises `UserError` if there are other kinds, or other relations."""
        trained = self.kinds.tolist()
        if list(spec.values) == trained:
            return self
        relations = len(self.field_blocks[0].from_relatives)  # type: ignore[arg-type]
        if not {*spec.values} <= {*trained} or spec.relations != relations:
            raise UserError(f"the model was trained with {relations} relations and the kinds {trained} of values")
        if spec.classes > len(trained):
            warnings.warn(f"trained with {len(trained)} values, the model now has {spec.classes}", stacklevel=3)
        model = Fields(spec, self.config).to(self.kinds.device)
        model.load_state_dict(self.state_dict())
        return model.train(self.training)

    def kinds_of(self, values: int | None) -> Tensor:
        """Return the kinds of so many values `(values,)`, by default those of the task; any number of a single kind."""
        if values is None:
            return self.kinds
        if self.interchangeable:
            return self.kinds.new_zeros(values)
        if values != len(self.kinds):
            raise UserError(f"values of several kinds are always {len(self.kinds)}, not {values}")
        return self.kinds

    def split(self, latent: Tensor) -> Tensor:
        """Return a latent `(..., values * width)` as `(..., values, width)`."""
        return latent.unflatten(-1, (-1, self.config.width))  # type: ignore[no-any-return, no-untyped-call]

    def summary(self, high: Tensor) -> Tensor:
        """Return mean and maximum over values, `(batch, length, 2 * width)`."""
        values = self.split(high)
        return torch.cat((values.mean(-2), values.amax(-2)), -1)

    def embed(self, problems: Problems) -> Tensor:
        """e_x: the pins and the kinds of values, `(batch, length, values * width)`."""
        tokens = problems.tokens
        pins = torch.full_like(tokens, -1) if problems.pins is None else problems.pins
        kinds = self.kinds_of(problems.values)
        embedded: Tensor = self.pin_embedding(named(pins, kinds.shape[0])) + self.kind_embedding(kinds)
        return embedded.flatten(-2)

    def start_of(self, batch: int, problems: Problems) -> State:
        """Return z_0 of problems in as many values as these."""
        return self.initial_state(batch, problems.tokens.shape[1], problems.values)

    def initial_state(self, batch: int, length: int, values: int | None = None) -> State:
        """Return z_0, the same stored vector at every position and value; `low` is empty without memory."""
        values = self.kinds_of(values).shape[0]
        high = self.initial_high.repeat(values).expand(batch, length, -1)
        return State(high, high.new_zeros(batch, length, values if self.config.remembers else 0))

    def relate(self, relations: Tensor | None) -> Any:
        """Return relations that all problems share as classes, if they are such."""
        if relations is None or relations.dim() == 4:
            return relations
        length = relations.shape[-1]
        known, found = self.related.get(length, (None, None))
        if known is relations or (known is not None and torch.equal(known, relations)):
            return found
        classes = classes_of(relations)
        self.related[length] = relations, relations if classes is None else classes
        return self.related[length][1]

    def value_embedding(self, spec: Spec) -> nn.Module:
        """Return weights for `embed_values`, the same for all values."""
        return nn.Linear(1, self.config.width, bias=False)

    def embed_values(self, embedding: nn.Module, numbers: Tensor) -> Tensor:
        """Return a number for each value, `(batch, length, values)`, in the shape of the embedded problems."""
        return embedding(numbers[..., None]).flatten(-2)  # type: ignore[no-any-return]

    def propose(self, state: State, embedded: Tensor, relations: Any) -> tuple[Tensor, Tensor]:
        """Refine J times, with the input added once."""
        x = autocast(self.split(state.high) + self.split(embedded))
        for _ in range(self.config.refinements):
            for block in self.field_blocks:
                x = block(x, relations)
        return at_least_float32(rms_norm(x)).flatten(-2), state.low

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
