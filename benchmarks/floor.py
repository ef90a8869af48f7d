"""How fast this machine could be: the arithmetic of a piece of work over the machine's own rate of multiplying."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from benchmarks.report import Row

SIZE, REPEATS = 1024, 12
COPIED = 2**26


def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Operations of torch's attention kernel for CPUs, which its own counter does not know."""
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def attention_backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Those of its gradient."""
    return int(sdpa_backward_flop_count(gradient, query, key, value))  # type: ignore[no-untyped-call]


KERNELS = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward,
}


def fastest(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of some calls: the machine without its disturbances."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


@lru_cache(maxsize=2)
def machine_rates(precision: torch.dtype) -> tuple[float, float]:
    """Floating-point operations a second of a large matrix product, and bytes a second of a large copy."""
    left, right = torch.randn(2, SIZE, SIZE).to(precision)
    source, target = torch.ones(COPIED // 4), torch.empty(COPIED // 4)
    product = fastest(lambda: torch.mm(left, right))
    copy = fastest(lambda: target.copy_(source))
    return 2 * SIZE**3 / product, 2 * COPIED / copy


def operations(work: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products in a call, its gradient included if it makes one."""
    with FlopCounterMode(display=False, custom_mapping=KERNELS) as counter:
        work()
    return int(counter.get_total_flops())


def floor_of(work: Callable[[], object], seconds: float, precision: torch.dtype = torch.float32) -> Row:
    """The least time that the arithmetic of a call takes here, and the part of `seconds` that it is."""
    count = operations(work)
    rate, copied = machine_rates(precision)
    least = count / rate
    return {
        "operations": count,
        "operations_a_second": round(rate),
        "bytes_a_second": round(copied),
        "floor_seconds": round(least, 6),
        "of_floor": round(least / seconds, 4),
    }


def floor_cell(row: Row) -> str:
    """A cell: how much of the time the arithmetic alone would take."""
    return f"{row['floor']['of_floor']:.2f}"
