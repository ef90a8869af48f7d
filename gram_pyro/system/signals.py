"""Stopping from outside: a long job, so that nothing is lost; a program that only starts, without a traceback."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Training was stopped from outside; everything is saved."""


def _exit_quietly(number: int, _: Any) -> None:
    os._exit(128 + number)  # while modules are imported there is nothing to save


def starting() -> None:
    """Leave quietly on Ctrl-C until `listen`, unless the process ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit_quietly)


def listen() -> None:
    """Raise `KeyboardInterrupt` on Ctrl-C again, if the program was `starting`."""
    if signal.getsignal(signal.SIGINT) is _exit_quietly:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
