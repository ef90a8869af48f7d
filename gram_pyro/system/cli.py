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
        raise UserError(f"{complaint(message.getvalue())}; see python -m {program} --help") from None


def complaint(box: str) -> str:
    """One sentence from the box that tyro prints: a title, what is wrong, then help that is left out."""
    title, *lines = [re.sub("[\u2500-\u257f]", "", line) for line in box.splitlines()]
    if "Required" in title:
        names = [line.strip() for line in lines[1:] if re.match(r" {5}\S(?!.*--help)", line)]
        return f"missing: {'; '.join(names)}"
    text = re.split("Got errors:|Argument helptext:|For full helptext", " ".join(" ".join(lines).split()))[0]
    text, _, similar = text.partition("Perhaps you meant:")
    text = re.sub("^Unrecognized options:", "unknown option", text).strip().rstrip(".")
    names = re.findall(r"--[\w.-]+", similar)
    return f"{text}; perhaps you meant {' or '.join(names)}" if names else text


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
