"""The clock that a training's minutes are counted by."""

import os
import time
from collections.abc import Callable

import torch


def processor_seconds() -> float:
    """Return the seconds that all threads of this process worked, and the compilers that it waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


class Clock:
    """Count the seconds that a training worked.
    On a CPU a second counts as far as the processor worked on the training in it: other programs on a busy machine
    take no updates from it. On a GPU, and where several processes wait for each other, every second counts."""

    def __init__(
        self,
        device: torch.device,
        processes: int = 1,
        wall: Callable[[], float] = time.perf_counter,
        processor: Callable[[], float] = processor_seconds,
    ) -> None:
        self.device, self.wall = device, wall
        self.processor = processor if device.type == "cpu" and processes == 1 else wall
        self.seconds = 0.0
        self._last = self.wall(), self.processor()

    def __call__(self) -> float:
        """Return the seconds counted so far."""
        now = self.wall(), self.processor()
        self.seconds += min(now[0] - self._last[0], now[1] - self._last[1])
        self._last = now
        return self.seconds

    def synchronized(self) -> float:
        """Return the seconds counted when a GPU has done its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self()
