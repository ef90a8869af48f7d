"""`gram_pyro train --task coloring`: the commands by name, as `python -m gram_pyro.train` runs them."""

import sys
from importlib import import_module

from gram_pyro import __version__
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.startup import begin_imports

COMMANDS = {
    "train": "train a model, and keep everything about it in a run folder",
    "evaluate": "measure a trained model: validity, coverage, conflicts, and its bound",
    "sample": "draw many different solutions of one problem, each checked",
    "arc": "answer ARC puzzles by votes over views, and score them by the official protocol",
    "compare": "train and measure what the paper compares with, all under one budget",
    "inspect": "show when prior and posterior decide on a problem, and how likely each answer is",
    "program": "draw a model's program: its sites, and how they depend on each other",
    "playground": "show trained networks think, in a page that this machine serves to its own browser",
    "export": "write one supervision step of a trained model as ONNX, for programs without torch",
    "fetch": "fetch a public data set, and check that it is what it should be",
    "train_heads": "train value and halt heads for a trained model, and store them with it",
}
MODULES = {name: name for name in (*COMMANDS, "inspection")} | {"inspect": "inspection"}


def main() -> None:
    """Run the command that the first argument names. Raises `SystemExit` as `run_cli` does."""
    name, arguments = "".join(sys.argv[1:2]), sys.argv[2:]
    if name in MODULES:
        begin_imports()
        run_cli(import_module(f"gram_pyro.{MODULES[name]}").main, arguments)
    else:
        run_cli(choose, [name])


def choose(arguments: list[str]) -> None:
    """Say which commands there are, or the version. Raises `UserError` for a command that there is not."""
    if arguments == ["--version"]:
        print(f"gram_pyro {__version__}")
        return
    if arguments not in ([""], ["-h"], ["--help"]):
        raise UserError(f"unknown command {arguments[0]!r}; known are {', '.join(COMMANDS)}")
    print("usage: gram_pyro COMMAND [options]; gram_pyro COMMAND --help lists the options\n")
    for name, words in COMMANDS.items():
        print(f"  {name:12} {words}")


if __name__ == "__main__":
    main()
