"""`gram_pyro train --task coloring`: the commands by name, as `python -m gram_pyro.train` runs them."""

import sys
from importlib import import_module

from gram_pyro import __version__
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.startup import begin_imports

COMMANDS = {name: name for name in ("train", "evaluate", "sample", "compare", "train_heads", "program")}
COMMANDS["inspect"] = "inspection"


def main() -> None:
    """Run the command that the first argument names. Raises `SystemExit` as `run_cli` does."""
    name, arguments = "".join(sys.argv[1:2]), sys.argv[2:]
    if name in COMMANDS:
        begin_imports()
        run_cli(import_module(f"gram_pyro.{COMMANDS[name]}").main, arguments)
    else:
        run_cli(choose, [name])


def choose(arguments: list[str]) -> None:
    """Say which commands there are, or the version. Raises `UserError` unless one of them is wanted."""
    usage = f"gram_pyro {'|'.join(COMMANDS)} [options]; gram_pyro COMMAND --help lists the options of one"
    if arguments == ["--version"]:
        print(f"gram_pyro {__version__}")
        return
    if arguments not in (["-h"], ["--help"]):
        raise UserError(f"unknown command {arguments[0]!r}; usage: {usage}")
    print(usage)


if __name__ == "__main__":
    main()
