"""The paper's tables under one budget: `python -m gram_pyro.compare --task coloring --models all --minutes 4`."""

import json
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gram_pyro.comparison.config import Budget, CompareConfig, check, upgraded
from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse, take_option
from gram_pyro.system.files import make_folder, write_atomically
from gram_pyro.system.signals import Interrupted
from gram_pyro.system.startup import quick_imports

BUDGET = "budget.json"


def claim(folder: Path, budget: Budget) -> None:
    """Note the budget in the folder of the runs. Raises `UserError` if runs there were made under another."""
    path = folder / BUDGET
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        write_atomically(path, (json.dumps(asdict(budget), indent=2) + "\n").encode())
        return
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if not isinstance(theirs, dict):
        raise UserError(f"{path} is damaged; choose another --out")
    if other := budget.difference(upgraded(theirs)):
        raise UserError(f"{folder} holds runs made with {other}; choose another --out, or the same budget")


def end_with_parent() -> None:
    """Leave as soon as the process that started this one is gone, so that nobody writes a run's folder beside it.

    Ctrl-C goes to all processes at once; one that has nothing to do leaves it to its parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> None:
    """Compare. Raises `UserError` on wrong input, `Interrupted` on Ctrl-C."""
    more: dict[str, Any] = {
        name: take_option(arguments, name.replace("_", "-"), "") or "" for name in ("task_options", "training_options")
    }
    config: CompareConfig = parse(CompareConfig, "gram_pyro.compare", arguments)
    config = replace(config, given=replace(config.given, **more))
    names = check(config)
    with quick_imports():  # here: --help needs none of them
        from tqdm import tqdm

        from gram_pyro.comparison.comparison import Comparison

    comparison = Comparison(config, names)
    for entry in [entry for task in config.task for entry in comparison.first(task)]:
        entry.config(comparison.budget, 1)
    for folder in (comparison.out, Path(config.results or config.out)):
        make_folder(folder)
    claim(comparison.out, comparison.budget)
    with tqdm(total=0, unit="run", position=1, file=sys.stderr) as bar:
        if config.given.jobs == 1:
            comparison.run(bar, None)
            return
        os.environ["TQDM_DISABLE"] = "1"  # bars of several processes would overwrite each other
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(config.given.jobs, mp_context=context, initializer=end_with_parent)
        try:
            comparison.run(bar, pool)
        except KeyboardInterrupt:
            raise Interrupted("stopped, everything is saved; the same command goes on") from None
        except BrokenExecutor:
            raise UserError("a run was killed, perhaps for want of memory; the same command goes on") from None
        finally:
            pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    run_cli(main)
