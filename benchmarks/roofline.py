"""The roofline of this machine: the least time that the arithmetic and the bytes of a piece of work take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from benchmarks.report import Row, wall_clock

SIZE, COPIED = {"cpu": 1024, "cuda": 8192}, {"cpu": 2**26, "cuda": 2**32}
REPEATS = 12
CPU = torch.device("cpu")


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


ROOFLINE = "of the roofline (arithmetic, bytes)"
"""Heading of `roofline_cell`."""


UNMOVED = (torch.ops.aten._unsafe_view.default, torch.ops.aten.empty.memory_format, torch.ops.aten.empty_like.default)
"""Operations that move nothing, beside those that torch calls views."""


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the `bytes` of what operations read and write, each of them by itself; views move nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation and count its tensors."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view and func not in UNMOVED:
            for part in tree_iter((args, kwargs, result)):
                if isinstance(part, Tensor):
                    self.bytes += min(part.nbytes, part.untyped_storage().nbytes())
        return result


def fastest(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of some calls: the machine without its disturbances."""
    times = []
    for _ in range(repeats):
        began = wall_clock()
        work()
        times.append(wall_clock() - began)
    return min(times)


@lru_cache(maxsize=2)
def machine_rates(precision: torch.dtype, device: torch.device) -> tuple[float, float]:
    """Floating-point operations a second of a large matrix product, and bytes a second of a large copy.

    The first is that of the `arithmetic` around: TF32 or not.
    """
    size, copied = SIZE[device.type], COPIED[device.type]
    left, right = torch.randn(2, size, size, device=device).to(precision)
    source, target = torch.ones(copied // 4, device=device), torch.empty(copied // 4, device=device)
    product = fastest(lambda: torch.mm(left, right))
    copy = fastest(lambda: target.copy_(source))
    return 2 * size**3 / product, 2 * copied / copy


def operations(work: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products in a call, its gradient included if it makes one."""
    with FlopCounterMode(display=False, custom_mapping=KERNELS) as counter:
        work()
    return int(counter.get_total_flops())


def traffic(work: Callable[[], object]) -> int:
    """Bytes that the operations in a call read and write."""
    with Traffic() as counter:
        work()
    return int(counter.bytes)


def roofline(
    work: Callable[[], object],
    seconds: float,
    precision: torch.dtype = torch.float32,
    device: torch.device = CPU,
) -> Row:
    """The least time that a call takes here for its arithmetic, and for its bytes if nothing is fused.

    `of_arithmetic` and `of_copy` say what parts of `seconds` these are.
    """
    count, moved = operations(work), traffic(work)
    rate, copied = machine_rates(precision, device)
    least, copying = count / rate, moved / copied
    return {
        "operations": count,
        "operations_a_second": round(rate),
        "bytes_a_second": round(copied),
        "arithmetic_seconds": round(least, 6),
        "of_arithmetic": round(least / seconds, 4),
        "bytes": moved,
        "copy_seconds": round(copying, 6),
        "of_copy": round(copying / seconds, 4),
    }


def roofline_cell(row: Row) -> str:
    """A cell: what parts of the time its arithmetic and its bytes alone would take."""
    return "{of_arithmetic:.2f}, {of_copy:.2f}".format(**row["roofline"])
