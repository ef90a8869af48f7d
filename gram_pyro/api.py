"""From Python: train a model, or load a trained one."""

from __future__ import annotations

from gram_pyro.reasoner import Reasoner
from gram_pyro.runs.store import load_run


def load(run: str, device: str = "auto") -> Reasoner:
    """Return a trained model, from a run folder or by the name of a checkpoint that comes with the package.

    `device` is auto (CUDA where there is one), cpu, cuda or cuda:1.
    Raises `gram_pyro.UserError` if there is no such run.

    >>> import networkx as nx
    >>> reasoner = load("coloring")  # doctest: +SKIP
    >>> reasoner.sample(nx.petersen_graph()).solutions  # doctest: +SKIP
    """
    return Reasoner(load_run(run, device))
