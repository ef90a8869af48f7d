"""Graphs from files: DIMACS, edge lists, graph6 and adjacency matrices, each also gzipped."""

from collections.abc import Callable
from pathlib import Path

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.system.files import MAX_BYTES, ending, file_bytes, naming
from gram_pyro.tasks.coloring.dimacs import parse_dimacs
from gram_pyro.tasks.coloring.edge_lists import parse_edge_list
from gram_pyro.tasks.coloring.matrices import parse_graph6, parse_matrix

PARSERS: dict[str, Callable[[bytes], nx.Graph]] = {
    ".col": parse_dimacs,
    **dict.fromkeys((".edges", ".edgelist", ".txt"), parse_edge_list),
    **dict.fromkeys((".g6", ".graph6"), parse_graph6),
    ".npy": parse_matrix,
}
IN_FOLDERS = [ending for ending in PARSERS if ending != ".txt"]  # in a folder, .txt is as often a README


def read_graph(path: str | Path) -> nx.Graph:
    """Read the graph in a file, on vertices `0..n-1` in the file's order; the format goes by the ending.

    `.col` is DIMACS; `.edges`, `.edgelist` and `.txt` are edge lists (names are kept as the node attribute "label");
    `.g6` and `.graph6` are graph6; `.npy` is a symmetric matrix of 0 and 1. Each may be gzipped (`.col.gz`). Repeated
    edges count once.

    Raises `UserError` if the file cannot be read or is not such a graph, or is larger than
    MAX_VERTICES (MAX_DENSE_VERTICES for graph6 and matrices), MAX_EDGES or MAX_BYTES unpacked."""
    path = Path(path)
    with naming(path):
        content = file_bytes(path, "graph", MAX_BYTES)
        if ending(path) not in PARSERS:
            known = f"known endings are {', '.join(PARSERS)}, each also with .gz"
            raise UserError(f"unknown ending {ending(path)!r}; {known}")
        return PARSERS[ending(path)](content)


def vertex_names(graph: nx.Graph) -> list[str] | None:
    """Return the names of vertices `0..n-1`, from the node attribute "label"; None if they are just these numbers."""
    names = [str(graph.nodes[v].get("label", v)) for v in range(len(graph))]
    return None if names == [str(v) for v in range(len(graph))] else names
