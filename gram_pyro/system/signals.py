"""Stopping a long job from outside, so that nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Training was stopped from outside; everything is saved."""


@contextmanager
def watch_signals() -> Iterator[list[int]]:
    """A list that fills when Ctrl-C or a termination request comes; a second Ctrl-C stops at once."""
    caught: list[int] = []

    def catch(number: int, _: Any) -> None:
        if caught:
            os._exit(130)
        caught.append(number)
        print("\nstopping after this update; once more stops at once", file=sys.stderr)

    previous = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
