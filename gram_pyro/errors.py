"""What a user did wrong, in one sentence."""

import io
import os
import re
import sys
from collections.abc import Callable

from gram_pyro.system.startup import started


class UserError(Exception):
    """A mistake in what the user gave, in one sentence; command-line programs print it and exit with code 2."""


class Diverged(UserError):
    """A model whose numbers are not finite any more."""


def run_cli(main: Callable[[list[str]], None], arguments: list[str] | None = None) -> None:
    """Run a command-line program on `arguments`, by default `sys.argv[1:]`; errors become a line on standard error.
    Raises `SystemExit` with code 2 on a `UserError`, or where memory or the disk below standard output runs out, 130 on
    Ctrl-C, 141 where nobody reads on. Of several processes (torchrun) the first of each machine prints the error."""
    started()
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files; a shell in Jupyter names a backend that may be missing
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            main(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except UserError as error:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except (MemoryError, RuntimeError) as error:
        lines = str(error).splitlines() or ["out of memory"]
        if not isinstance(error, MemoryError) and not re.search("allocate|out of memory", lines[0]):
            raise
        print(f"error: not enough memory ({lines[0]}); take less at a time", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would write again at the end
        if isinstance(error, BrokenPipeError):
            raise SystemExit(141) from None
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        if str(stop):
            print(stop, file=sys.stderr)
        raise SystemExit(130) from None
