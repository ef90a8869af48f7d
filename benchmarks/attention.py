"""`python -m benchmarks.attention`: the relation bias folded into the dot product, or given as a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.report import Options, Row, compare, publish, spread, time_paired
from gram_pyro.cli import parse
from gram_pyro.errors import run_cli
from gram_pyro.models.layers import RelationAttention

BATCH = 32
LENGTHS = (8, 36, 81)
HEADS = ((4, 16), (8, 32), (8, 64))
KERNELS = "aten::_scaled_dot_product"


@dataclass(frozen=True)
class AttentionOptions(Options):
    """Time forward and backward of self-attention with a learned relation bias, two ways."""

    repeats: int = 30
    """Timed rounds of each size."""


def masked(layer: RelationAttention, x: Tensor, relations: Tensor) -> Tensor:
    """The layer's function with the bias as an additive mask, the obvious way to write it."""
    assert layer.gain is not None
    batch, length, width = x.shape
    q, k, v = layer.project_in(x).view(batch, length, 3, layer.heads, -1).permute(2, 0, 3, 1, 4)
    bias = torch.einsum("ar,brij->baij", layer.gain, relations)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    out: Tensor = layer.project_out(mixed.transpose(1, 2).reshape(batch, length, width))
    return out


def kernel(function: Callable[[], Tensor]) -> str:
    """The attention operators that a forward pass dispatched to."""
    with profile(activities=[ProfilerActivity.CPU]) as record:
        function()
    averages = record.key_averages()
    names = {event.key for event in averages if event.key.startswith(KERNELS)}
    return ", ".join(sorted(name.removeprefix(f"{KERNELS}_") for name in names))


def measure(length: int, heads: int, head_width: int, options: AttentionOptions) -> Row:
    """One row: both ways at one size. Raises `RuntimeError` if they do not compute the same."""
    torch.manual_seed(options.seed)
    layer = RelationAttention(heads * head_width, heads, relations=1)
    x = torch.randn(BATCH, length, heads * head_width, requires_grad=True)
    relations = torch.randint(2, (BATCH, 1, length, length)).float()
    forward: dict[str, Callable[[], Tensor]] = {
        "folded": lambda: layer(x, relations, None),
        "mask": lambda: masked(layer, x, relations),
    }
    folded, plain = (function() for function in forward.values())
    if not torch.allclose(folded, plain, atol=1e-5):
        raise RuntimeError(f"not the same attention: outputs differ by {(folded - plain).abs().max()}")
    inputs = [x, *layer.parameters()]

    def backward(function: Callable[[], Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(function().sum(), inputs)

    times = time_paired({name: backward(function) for name, function in forward.items()}, options.repeats)
    return {
        "length": length,
        "heads": heads,
        "head_width": head_width,
        "batch": BATCH,
        "kernels": {name: kernel(function) for name, function in forward.items()},
        "seconds": {name: spread(taken) for name, taken in times.items()},
        "mask_to_folded": compare(times["mask"], times["folded"]),
    }


def main(arguments: list[str]) -> None:
    """Time every size and report."""
    options = parse(AttentionOptions, "benchmarks.attention", arguments)
    rows = [measure(length, *shape, options) for shape in HEADS for length in LENGTHS]
    columns: dict[str, Callable[[Row], str]] = {
        "heads": lambda row: f"{row['heads']} x {row['head_width']}",
        "tokens": lambda row: str(row["length"]),
        "folded kernel": lambda row: row["kernels"]["folded"],
        "mask kernel": lambda row: row["kernels"]["mask"],
        "folded [s]": lambda row: f"{row['seconds']['folded']['median']:.5f}",
        "mask [s]": lambda row: f"{row['seconds']['mask']['median']:.5f}",
        "mask / folded": lambda row: "{ratio:.2f} ({ratio_min:.2f} to {ratio_max:.2f})".format(**row["mask_to_folded"]),
    }
    publish("attention", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
