"""Command lines from dataclasses."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any

import tyro

from gram_pyro.errors import UserError


def parse(config: Any, program: str, arguments: Sequence[str], default: Any = None) -> Any:
    """Fill a dataclass from command-line arguments. Raises `UserError` on unknown or malformed ones."""
    message = io.StringIO()
    options = {} if default is None else {"default": default}
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(config, prog=f"python -m {program}", args=list(arguments), **options)
    except SystemExit as stop:
        if not stop.code:
            raise
        words = re.sub(r"[^\x20-\x7e]+", " ", message.getvalue())
        words = re.sub(r"-{4,}|Parsing error", " ", words)
        words = re.sub(r"(Unrecognized options[-\s]*:?\s*)+", "unknown option ", words)
        words = re.sub(r"For full helptext.*", "", words)
        raise UserError(f"{' '.join(words.split()).strip(' -')}; see python -m {program} --help") from None


def take_option(arguments: list[str], name: str, default: str | None = None) -> str | None:
    """Remove `--name VALUE` or `--name=VALUE` from the arguments and return the value."""
    for i, argument in enumerate(arguments):
        if argument.startswith(f"--{name}="):
            return arguments.pop(i).partition("=")[2]
        if argument == f"--{name}":
            if i + 1 == len(arguments):
                raise UserError(f"--{name} needs a value")
            arguments.pop(i)
            return arguments.pop(i)
    return default
