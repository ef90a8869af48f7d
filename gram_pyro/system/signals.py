"""Stopping a long job from outside, so that nothing is lost."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Training was stopped from outside; everything is saved."""


@contextmanager
def watch_signals() -> Iterator[list[int]]:
    """Yield a list of signals, which fills in the main thread on Ctrl-C or SIGTERM; a second one stops at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

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
