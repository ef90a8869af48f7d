"""`python -m benchmarks.kill_mid_write N MODULE ...`: run a module and kill it in the middle of its Nth write."""

from __future__ import annotations

import os
import runpy
import signal
import sys


def kill_at_write(left: int) -> None:
    """Count every write from here on; leave the one that is `left` writes away half done and send SIGKILL."""
    finish = os.fsync

    def fsync(file: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.ftruncate(file, os.fstat(file).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        finish(file)

    os.fsync = fsync  # type: ignore[assignment]


if __name__ == "__main__":
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        raise SystemExit("python -m benchmarks.kill_mid_write N MODULE [ARGUMENTS]: N is a number of writes")
    _, count, module, *rest = sys.argv
    kill_at_write(int(count))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
