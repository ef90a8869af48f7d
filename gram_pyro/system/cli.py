"""Command lines from dataclasses."""

import contextlib
import difflib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, make_dataclass
from functools import partial
from typing import Any

import tyro

from gram_pyro.errors import UserError

MAX_COLUMNS = 120


def parse(config: Any, program: str, arguments: Sequence[str], default: Any = None) -> Any:
    """Fill a dataclass from command-line arguments. Raises `UserError` on unknown or malformed ones."""
    cli = partial(tyro.cli, config, prog=f"python -m {program}", **({} if default is None else {"default": default}))
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message), one_column():
            return cli(args=list(arguments))
    except SystemExit as stop:
        if not stop.code:
            raise
        wrong = unknown(arguments, option_names(cli)) or complaint(message.getvalue())
        raise UserError(f"{wrong}; see python -m {program} --help") from None


@contextlib.contextmanager
def one_column() -> Iterator[None]:
    """Keep tyro from setting groups of options side by side, and so out of their order, in a wide terminal."""
    before, width = os.environ.get("COLUMNS"), shutil.get_terminal_size().columns
    os.environ["COLUMNS"] = str(min(width, MAX_COLUMNS))
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def option_names(cli: Callable[..., Any]) -> list[str]:
    """Return the options of a command line, as its help lists them."""
    page = io.StringIO()
    with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit), one_column():
        cli(args=["--help"])
    rows = re.findall(r"^\W{1,3}((?:-h, )?--.*)", page.getvalue(), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"(?:^|, )(--[\w.-]+)", row.partition("  ")[0])]


def unknown(arguments: Sequence[str], names: Sequence[str]) -> str:
    """Return which options do not exist, and what may be meant; nothing if all exist."""
    given = [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]
    strange = [option for option in given if option.replace("_", "-") not in names]
    similar = dict.fromkeys(name for option in strange for name in difflib.get_close_matches(option, names, 2, 0.7))
    meant = f"; perhaps you meant {' or '.join(similar)}" if similar else ""
    return f"unknown option {', '.join(strange)}{meant}" if strange else ""


def complaint(box: str) -> str:
    """Return one sentence from the box that tyro prints: a title, what is wrong, then help that is left out."""
    title, *lines = [re.sub("[\u2500-\u257f]|-{5,}", "", line) for line in box.splitlines()]
    if "Required" in title:
        names = [line.strip() for line in lines if re.match(r" {5,6}\S(?!.*--help)", line)]
        return f"missing: {'; '.join(names)}"
    text = re.split("Got errors:|Argument helptext:|For full helptext", " ".join(" ".join(lines).split()))[0]
    return re.sub("^Unrecognized options:", "unexpected argument", text).strip().rstrip(".")


def split_prefixed(arguments: Sequence[str], prefix: str) -> tuple[list[str], list[str]]:
    """Return the arguments without the options that start so, and these options with all of their values."""
    parts: tuple[list[str], list[str]] = [], []
    inside = False
    for argument in arguments:
        inside = argument.startswith(prefix) or (inside and not argument.startswith("--"))
        parts[inside].append(argument)
    return parts


def parse_changes(part: Any, name: str, program: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a dataclass that options `--NAME.FIELD` set to something else. Raises `UserError`."""
    options = make_dataclass("Options", [(name, type(part))])
    chosen = getattr(parse(options, program, arguments, options(part)), name)
    values = {field.name: getattr(chosen, field.name) for field in fields(part)}
    return {field: value for field, value in values.items() if value != getattr(part, field)}


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
