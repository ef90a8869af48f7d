"""Graph files as other programs write them: what the readers are tested with."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np

from gram_pyro.system.files import ending


def write_graph(graph: nx.Graph, path: Path) -> None:
    """Write a graph on vertices `0..n-1`; the format goes by the ending, as in `read_graph`.

    An edge list names vertices by their attribute "label" where they have one.
    """
    content = WRITERS[ending(path)](graph)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)


def dimacs(graph: nx.Graph) -> bytes:
    """Return a DIMACS file, each edge once."""
    lines = [f"p edge {len(graph)} {graph.number_of_edges()}", *(f"e {u + 1} {v + 1}" for u, v in graph.edges)]
    return "\n".join([*lines, ""]).encode()


def edge_list(graph: nx.Graph) -> bytes:
    """Return an edge list that reads back in the same order: named vertices come first, one a line."""
    names = dict(graph.nodes(data="label", default=None))
    pairs = [[str(v if names[v] is None else names[v]) for v in edge] for edge in graph.edges]
    # A number before the edges could be taken for their header.
    named = [name for name in names.values() if name is not None]
    alone = [] if named else map(str, nx.isolates(graph))
    return "\n".join([*named, *map(" ".join, pairs), *alone, ""]).encode()


def matrix(graph: nx.Graph) -> bytes:
    """Return the adjacency matrix as numpy saves it."""
    stream = io.BytesIO()
    np.save(stream, nx.to_numpy_array(graph, dtype=bool))
    return stream.getvalue()


def graph6(graph: nx.Graph) -> bytes:
    """Return a graph6 line without a header."""
    line: bytes = nx.to_graph6_bytes(graph, header=False)
    return line


WRITERS: dict[str, Callable[[nx.Graph], bytes]] = {
    ".col": dimacs,
    **dict.fromkeys((".edges", ".edgelist", ".txt"), edge_list),
    **dict.fromkeys((".g6", ".graph6"), graph6),
    ".npy": matrix,
}
