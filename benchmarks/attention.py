"""`python -m benchmarks.attention`: the relation bias folded into the dot product, given as a mask, or written out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.report import DeviceOptions, Row, compare, publish, spread, time_paired
from gram_pyro.errors import run_cli
from gram_pyro.models.layers import folded_attention, masked_attention, plain_attention
from gram_pyro.system.cli import parse
from gram_pyro.system.machine import arithmetic

BATCH = {"cpu": 32, "cuda": 768}
TOLERANCE = {"float32": 1e-5, "bfloat16": 3e-2}
LENGTHS = (8, 36, 81)
HEADS = ((4, 16), (8, 32), (8, 64))
Attention = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
WAYS: dict[str, Attention] = {"folded": folded_attention, "mask": masked_attention, "plain": plain_attention}
KERNELS = "aten::_scaled_dot_product"


@dataclass(frozen=True)
class AttentionOptions(DeviceOptions):
    """Time forward and backward of self-attention with a learned relation bias, three ways."""

    repeats: int = 30
    """Timed rounds of each size."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of what attention is given."""


def kernel(function: Callable[[], Tensor]) -> str:
    """The attention operators that a forward pass dispatched to."""
    with profile(activities=[ProfilerActivity.CPU]) as record:
        function()
    averages = record.key_averages()
    names = {event.key for event in averages if event.key.startswith(KERNELS)}
    return ", ".join(sorted(name.removeprefix(f"{KERNELS}_") for name in names))


def measure(length: int, heads: int, head_width: int, options: AttentionOptions) -> Row:
    """One row: all ways at one size. Raises `RuntimeError` if they do not compute the same."""
    torch.manual_seed(options.seed)
    device = options.chosen
    batch = BATCH[device.type]
    kind = {"dtype": getattr(torch, options.precision), "device": device, "requires_grad": True}
    inputs = [torch.randn(batch, heads, length, width, **kind) for width in (*[head_width] * 3, length)]
    masked = masked_attention(*inputs)
    for name, attention in WAYS.items():
        found, close = attention(*inputs), TOLERANCE[options.precision]
        if not torch.allclose(found, masked, rtol=close, atol=close):
            raise RuntimeError(f"{name} is not the same attention: outputs differ by {(found - masked).abs().max()}")
    fixed = [tensor.detach() for tensor in inputs]

    def train(attention: Attention) -> Callable[[], object]:
        return lambda: torch.autograd.grad(attention(*inputs).sum(), inputs)

    row: Row = {"length": length, "heads": heads, "head_width": head_width, "batch": batch}
    for use, tensors in (("training", inputs), ("inference", fixed)):
        calls = {name: partial(attention, *tensors) for name, attention in WAYS.items()}
        timed = {name: train(attention) for name, attention in WAYS.items()} if use == "training" else calls
        with arithmetic(device, options.precision) if use == "training" else nullcontext():
            times = time_paired(timed, options.repeats)
            kernels = {name: kernel(call) for name, call in calls.items()}
        row[use] = {
            "kernels": kernels,
            "seconds": {name: spread(taken) for name, taken in times.items()},
            "mask_to_folded": compare(times["mask"], times["folded"]),
            "plain_to_mask": compare(times["plain"], times["mask"]),
        }
    return row


def ratio(use: str, ways: str) -> Callable[[Row], str]:
    """A cell: a ratio with its extremes."""
    return lambda row: "{ratio:.2f} ({ratio_min:.2f} to {ratio_max:.2f})".format(**row[use][ways])


def main(arguments: list[str]) -> None:
    """Time every size and report."""
    options = parse(AttentionOptions, "benchmarks.attention", arguments)
    rows = [measure(length, *shape, options) for shape in HEADS for length in LENGTHS]
    columns: dict[str, Callable[[Row], str]] = {
        "heads": lambda row: f"{row['heads']} x {row['head_width']}",
        "tokens": lambda row: str(row["length"]),
        "folded kernel": lambda row: row["training"]["kernels"]["folded"],
        "mask kernel": lambda row: row["training"]["kernels"]["mask"],
        "without gradient": lambda row: row["inference"]["kernels"]["mask"],
        "training: mask / folded": ratio("training", "mask_to_folded"),
        "inference: mask / folded": ratio("inference", "mask_to_folded"),
        "training: plain / mask": ratio("training", "plain_to_mask"),
        "inference: plain / mask": ratio("inference", "plain_to_mask"),
    }
    publish("attention", options, columns, rows)


if __name__ == "__main__":
    run_cli(main)
