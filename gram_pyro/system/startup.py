"""The first seconds of a command, which go into imports."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def begin_imports() -> None:
    """Until `end_imports`, leave quietly on Ctrl-C, unless the process ignores it, and collect no garbage.

    Collecting takes a quarter of the time that imports take, and finds nothing.
    """
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit_quietly)


def end_imports() -> None:
    """Raise `KeyboardInterrupt` on Ctrl-C and collect garbage again, after `begin_imports`."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    if signal.getsignal(signal.SIGINT) is _exit_quietly:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import between `begin_imports` and `end_imports`; no change if torch is imported already."""
    if "torch" in sys.modules:
        yield
        return
    begin_imports()
    try:
        yield
    finally:
        end_imports()


def _exit_quietly(number: int, _: Any) -> None:
    os._exit(128 + number)  # while modules are imported there is nothing to save
