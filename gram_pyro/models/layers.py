"""The layers that the models are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError

FOCUS = 4.0
MAX_SIZE = 2**14
MAX_LAYERS = 2**10
Rotary = tuple[Tensor, Tensor] | None
"""Cosines and sines of the positions, each `(length, width)`."""
Cache = list[Tensor]
"""Keys and values of the positions that one attention layer has seen, each `(batch, heads, length, width)`."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a network."""

    width: int = 64
    """Features of a position (D)."""
    heads: int = 4
    """Attention heads."""
    layers: int = 2
    """Blocks in a row."""
    hidden: int = 128
    """Hidden features of the feed-forward layers."""

    def __post_init__(self) -> None:
        if max(self.width, self.hidden) > MAX_SIZE or self.hidden < 1:
            raise UserError(f"model.width and hidden must lie between 1 and {MAX_SIZE:,}")
        if not 1 <= self.layers <= MAX_LAYERS:
            raise UserError(f"model.layers must lie between 1 and {MAX_LAYERS:,}, not {self.layers}")
        if min(self.width, self.heads) < 1 or self.width % (2 * self.heads):
            raise UserError(f"model.width must be a multiple of 2 * model.heads, not {self.width} with {self.heads}")


def rms_norm(x: Tensor) -> Tensor:
    """Scale the last dimension to root mean square 1, without learned gain."""
    return F.rms_norm(x, (x.shape[-1],), eps=1e-6)


def at_least_float32(x: Tensor) -> Tensor:
    """Return half precision as float32, anything wider as it is: what densities are computed in."""
    return x.float() if x.itemsize < 4 else x


def autocast(x: Tensor) -> Tensor:
    """Return `x` in the precision of autocast where that is on: what elementwise work is done in."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


def rotary(positions: str, length: int, width: int, device: torch.device) -> Rotary:
    """Return cosines and sines of rotary positions, each `(length, width)` (RoPE, base 10000).

    `positions` as in `Spec`: "none" gives None; "2d" turns half of the features by row, half by column of a square.
    """
    if positions == "none":
        return None
    place = torch.arange(length, device=device)
    if positions == "2d":
        side = torch.scalar_tensor(length, dtype=torch.double, device=device).sqrt().long()
        halves = (place // side, width // 2 - width // 4), (place % side, width // 4)
        angles = torch.cat([_angles(places, count) for places, count in halves], 1)
    else:
        angles = _angles(place, width // 2)
    angles = angles.repeat(1, 2)
    return angles.cos(), angles.sin()


def _angles(places: Tensor, count: int) -> Tensor:
    """Return angles `(length, count)` of positions in geometrically falling frequencies."""
    return torch.outer(places, 10000.0 ** -(torch.arange(count, device=places.device) / max(1, count)))


def rotate(x: Tensor, positions: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair of features `(..., length, width)` by the angle of its position."""
    left, right = x.chunk(2, -1)
    return x * positions[0] + torch.cat((-right, left), -1) * positions[1]


def folded_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attend with a bias `(..., heads, length, length)` inside the dot product: its row joins q, the identity joins k.
    No bias tensor keeps CUDA from its flash kernel; `length` more features a position are too dear on a CPU."""
    length, width = q.shape[-2:]
    bias = bias.expand(*q.shape[:-1], length)
    identity = torch.eye(length, device=k.device, dtype=k.dtype).expand_as(bias)
    q, k, v = torch.cat((q, bias * width**0.5), -1), torch.cat((k, identity), -1), F.pad(v, (0, length))
    return F.scaled_dot_product_attention(q, k, v, scale=width**-0.5)[..., :width]


def masked_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Attend with the bias as a mask: flash on a CPU without gradient, with one the faster plain kernel."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Attend by products and a softmax: the fastest on a CPU in bfloat16, where there is a gradient."""
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    if bias is not None:
        scores = scores.masked_fill(~bias, -torch.inf) if bias.dtype == torch.bool else scores + bias
    mixed: Tensor = scores.softmax(-1).to(v.dtype) @ v
    return mixed


def initial_gain(heads: int, relations: int) -> Tensor:
    """Return where the gains `(heads, relations)` start: of several relations each head looks along one, and the next
    head everywhere, as heads that start alike take long to part."""
    if relations == 1:
        return torch.linspace(-1, 3, heads)[:, None]
    return FOCUS * torch.eye(relations + 1)[torch.arange(heads) % (relations + 1), :relations]


class Embedding(nn.Embedding):
    """Tokens `(batch, length)` -> features `(batch, length, width)` of root mean square 1 at the start."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__(vocabulary, width)
        nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up, and scale by the root of the width."""
        return super().forward(tokens) * self.embedding_dim**0.5  # type: ignore[no-any-return]


class Decoder(nn.Linear):
    """Features `(batch, length, width)`, normalised, -> logits `(batch, length, classes)`."""

    def forward(self, features: Tensor) -> Tensor:
        """Decode in float32 at least, whatever the features are."""
        return at_least_float32(super().forward(rms_norm(features)))


class RelationAttention(nn.Module):
    """Self-attention that sees how positions are related. Score of head a from i to j (with `causal` up to i):
    `q_i . k_j / sqrt(w) + sum_r gain[a, r] * relation[r, i, j]`."""

    def __init__(self, width: int, heads: int, relations: int, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.project_in = nn.Linear(width, 3 * width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)
        self.gain = nn.Parameter(initial_gain(heads, relations)) if relations else None

    def forward(self, x: Tensor, relations: Tensor | None, positions: Rotary, cache: Cache | None = None) -> Tensor:
        """Attend: `x` `(..., length, width)`, `relations` `(..., relations, length, length)` or None.
        With a `cache`, `x` follows the positions in it, and `relations` has a column for each position so far."""
        q, k, v = self.project(x, positions)
        if cache is not None:
            cache[:] = k, v = torch.cat((cache[0], k), -2), torch.cat((cache[1], v), -2)
        mask = future = None
        if self.causal:
            length, seen = x.shape[-2], k.shape[-2]
            future = torch.ones(length, seen, dtype=torch.bool, device=x.device).triu(seen - length + 1)
            mask = ~future
        if self.gain is not None and relations is not None:
            mask = torch.einsum("ar,...rij->...aij", self.gain.to(q.dtype), relations.to(q.dtype))
            mask = mask if future is None else mask.masked_fill(future, -torch.inf)
        if mask is not None and x.is_cuda and not self.causal:
            mixed = folded_attention(q, k, v, mask)
        elif x.device.type == "cpu" and q.dtype == torch.bfloat16 and q.requires_grad:
            mixed = plain_attention(q, k, v, mask)
        else:
            mixed = masked_attention(q, k, v, mask)
        return self.project_out(mixed.transpose(-3, -2).flatten(-2))  # type: ignore[no-any-return]

    def project(self, x: Tensor, positions: Rotary) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each `(..., heads, length, width / heads)`."""
        q, k, v = self.project_in(x).unflatten(-1, (3, self.heads, -1)).transpose(-4, -2).unbind(-3)  # (... a n w)
        if positions is not None:
            q, k = rotate(q, positions), rotate(k, positions)
        return q, k, v


class SwiGLU(nn.Module):
    """Gated feed-forward layer, `(..., width)` -> `(..., width)`."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.project_in = nn.Linear(width, 2 * hidden, bias=False)
        self.project_out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Gate and project."""
        gate, value = self.project_in(x).chunk(2, -1)
        return self.project_out(F.silu(gate) * value)  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and SwiGLU, each followed by an RMS norm (without a norm at the end the recursion explodes)."""

    def __init__(self, width: int, heads: int, hidden: int, relations: int, causal: bool = False) -> None:
        super().__init__()
        self.attention = RelationAttention(width, heads, relations, causal)
        self.feed_forward = SwiGLU(width, hidden)

    def forward(self, x: Tensor, relations: Tensor | None, positions: Rotary, cache: Cache | None = None) -> Tensor:
        """Attend and feed forward, `(batch, length, width)` in and out."""
        x = rms_norm(x + self.attention(x, relations, positions, cache))
        return rms_norm(x + self.feed_forward(x))


class Stack(nn.Module):
    """Blocks in a row: the network that f_L and f_H are instances of."""

    def __init__(self, layers: int, width: int, heads: int, hidden: int, relations: int, causal: bool = False) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, hidden, relations, causal) for _ in range(layers))

    def forward(self, x: Tensor, relations: Tensor | None, positions: Rotary, caches: Sequence[Cache] = ()) -> Tensor:
        """Run `(batch, length, width)` through the blocks; `caches` one a block."""
        for i, block in enumerate(self.blocks):
            x = block(x, relations, positions, caches[i] if caches else None)
        return x

    def remember(self, x: Tensor, positions: Rotary) -> list[Cache]:
        """Return a cache for each block that holds the positions of `x`."""
        return [[*block.attention.project(x, positions)[1:]] for block in self.blocks]  # type: ignore[operator, union-attr]
