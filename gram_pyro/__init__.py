"""Generative recursive reasoning models as Pyro programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gram_pyro.system.signals import starting

if TYPE_CHECKING:
    from gram_pyro.reasoner import Reasoner

__all__ = ["__version__", "load"]
__version__ = "0.1.0"

if sys.argv[:1] == ["-m"] and any(word.startswith("gram_pyro.") for word in sys.orig_argv):
    starting()  # `python -m gram_pyro.train`, which has yet to import its modules


def load(run: str, device: str = "auto") -> Reasoner:
    """A trained model, from a run folder or by the name of a checkpoint that comes with the package.

    `device` is auto (CUDA where there is one), cpu, cuda or cuda:1.
    Raises `gram_pyro.errors.UserError` if there is no such run.

    >>> import networkx as nx
    >>> reasoner = load("coloring")  # doctest: +SKIP
    >>> reasoner.sample(nx.petersen_graph()).solutions  # doctest: +SKIP
    """
    from gram_pyro.reasoner import Reasoner  # here, so that `import gram_pyro` does not import torch
    from gram_pyro.runs.store import load_run

    return Reasoner(load_run(run, device))
