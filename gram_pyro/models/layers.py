"""The layers that the models are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FOCUS = 4.0


def rms_norm(x: Tensor) -> Tensor:
    """Scale the last dimension to root mean square 1, without learned gain."""
    return F.rms_norm(x, (x.shape[-1],), eps=1e-6)


def rotary(length: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, each `(length, width)` (RoPE, base 10000)."""
    frequencies = 10000.0 ** -(torch.arange(0, width, 2, device=device) / width)
    angles = torch.outer(torch.arange(length, device=device), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, positions: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair of features `(..., length, width)` by the angle of its position."""
    left, right = x.chunk(2, -1)
    return x * positions[0] + torch.cat((-right, left), -1) * positions[1]


def folded_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attention with a learned bias inside the dot product: its row is appended to q, the identity to k.

    `q`, `k`, `v` `(batch, heads, length, width)`, `bias` `([batch,] heads, length, length)`. No bias tensor
    keeps `scaled_dot_product_attention` from flash, the kernel of choice on CUDA; the price is `length`
    more features a position, too dear on a CPU.
    """
    length, width = q.shape[-2:]
    bias = bias.expand(*q.shape[:2], length, length)
    identity = torch.eye(length, device=k.device, dtype=k.dtype).expand_as(bias)
    q, k, v = torch.cat((q, bias * width**0.5), -1), torch.cat((k, identity), -1), F.pad(v, (0, length))
    return F.scaled_dot_product_attention(q, k, v, scale=width**-0.5)[..., :width]


def masked_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """The same from an additive mask: flash on a CPU without gradient, and with one the faster plain kernel."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def initial_gain(heads: int, relations: int) -> Tensor:
    """Where the gains of the relations start: `(heads, relations)`.

    Of several relations each head looks along one, and one head more than there are relations looks
    everywhere: heads that start alike take long to part. Of a single one each head takes another part.
    """
    if relations == 1:
        return torch.linspace(-1, 3, heads)[:, None]
    return FOCUS * torch.eye(relations + 1)[torch.arange(heads) % (relations + 1), :relations]


class Cache:
    """Keys and values of the positions that one attention layer has seen, each `(batch, heads, length, width)`."""

    def __init__(self) -> None:
        self.seen: tuple[Tensor, Tensor] | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values, the new ones last."""
        if self.seen is not None:
            k, v = torch.cat((self.seen[0], k), 2), torch.cat((self.seen[1], v), 2)
        self.seen = k, v
        return k, v


class RelationAttention(nn.Module):
    """Self-attention whose scores see how two positions are related.

    Score of head a from position i to j: `q_i . k_j / sqrt(w) + sum_r gain[a, r] * relation[r, i, j]`; with
    `causal` only for j up to i.
    """

    def __init__(self, width: int, heads: int, relations: int, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.project_in = nn.Linear(width, 3 * width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)
        self.gain = nn.Parameter(initial_gain(heads, relations)) if relations else None

    def forward(
        self,
        x: Tensor,
        relations: Tensor | None,
        positions: tuple[Tensor, Tensor] | None,
        cache: Cache | None = None,
    ) -> Tensor:
        """`x` `(batch, length, width)`, `relations` `([batch,] relations, length, length)` or None.

        With a `cache`, `x` is what follows the positions in it, and `relations` has a row for each of `x`
        and a column for each position so far.
        """
        batch, length, width = x.shape
        q, k, v = self.project_in(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (b a n w)
        if positions is not None:
            q, k = rotate(q, positions), rotate(k, positions)
        if cache is not None:
            k, v = cache.extend(k, v)
        causal = self.causal and length > 1
        if self.gain is None or relations is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        else:
            bias = torch.einsum("ar,...rij->...aij", self.gain.to(q.dtype), relations.to(q.dtype))
            if causal:
                future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
                mixed = masked_attention(q, k, v, bias.masked_fill(future, -torch.inf))
            else:
                mixed = folded_attention(q, k, v, bias) if x.is_cuda else masked_attention(q, k, v, bias)
        out: Tensor = self.project_out(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class SwiGLU(nn.Module):
    """Gated feed-forward layer, `(..., width)` -> `(..., width)`."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.project_in = nn.Linear(width, 2 * hidden, bias=False)
        self.project_out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape in, shape out."""
        gate, value = self.project_in(x).chunk(2, -1)
        out: Tensor = self.project_out(F.silu(gate) * value)
        return out


class Block(nn.Module):
    """Attention and SwiGLU, each followed by an RMS norm (without a norm at the end the recursion explodes)."""

    def __init__(self, width: int, heads: int, hidden: int, relations: int, causal: bool = False) -> None:
        super().__init__()
        self.attention = RelationAttention(width, heads, relations, causal)
        self.feed_forward = SwiGLU(width, hidden)

    def forward(
        self,
        x: Tensor,
        relations: Tensor | None,
        positions: tuple[Tensor, Tensor] | None,
        cache: Cache | None = None,
    ) -> Tensor:
        """`(batch, length, width)` in and out."""
        x = rms_norm(x + self.attention(x, relations, positions, cache))
        return rms_norm(x + self.feed_forward(x))


class Stack(nn.Module):
    """Blocks in a row: the network that f_L and f_H are instances of."""

    def __init__(self, layers: int, width: int, heads: int, hidden: int, relations: int, causal: bool = False) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, hidden, relations, causal) for _ in range(layers))

    def forward(
        self,
        x: Tensor,
        relations: Tensor | None,
        positions: tuple[Tensor, Tensor] | None,
        caches: Sequence[Cache] | None = None,
    ) -> Tensor:
        """`(batch, length, width)` in and out; `caches` one a block."""
        for place, block in enumerate(self.blocks):
            x = block(x, relations, positions, None if caches is None else caches[place])
        return x
