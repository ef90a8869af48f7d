"""Generative recursive reasoning models as Pyro programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gram_pyro.reasoner import Reasoner

__all__ = ["__version__", "load"]
__version__ = "0.1.0"


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
