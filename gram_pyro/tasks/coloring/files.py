"""Graphs from and to files: DIMACS, edge lists, graph6 and adjacency matrices, each also gzipped."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.system.files import MAX_BYTES, ending, file_bytes, naming, reason
from gram_pyro.tasks.coloring.dimacs import parse_dimacs, write_dimacs
from gram_pyro.tasks.coloring.edge_lists import parse_edge_list, write_edge_list
from gram_pyro.tasks.coloring.limits import check_vertices
from gram_pyro.tasks.coloring.matrices import parse_graph6, parse_matrix, write_graph6, write_matrix


class Format(NamedTuple):
    """How one kind of file is read and written."""

    parse: Callable[[bytes], nx.Graph]
    write: Callable[[nx.Graph], bytes]


EDGE_LIST = Format(parse_edge_list, write_edge_list)
FORMATS = {
    ".col": Format(parse_dimacs, write_dimacs),
    **dict.fromkeys((".edges", ".edgelist", ".txt"), EDGE_LIST),
    **dict.fromkeys((".g6", ".graph6"), Format(parse_graph6, write_graph6)),
    ".npy": Format(parse_matrix, write_matrix),
}
IN_FOLDERS = [ending for ending in FORMATS if ending != ".txt"]  # in a folder, .txt is as often a README


def read_graph(path: str | Path) -> nx.Graph:
    """Read the graph in a file, on vertices `0..n-1` in the file's order; the format goes by the ending.

    `.col` is DIMACS; `.edges`, `.edgelist` and `.txt` are edge lists (names are kept as the node attribute "label");
    `.g6` and `.graph6` are graph6; `.npy` is a symmetric matrix of 0 and 1. Each may be gzipped (`.col.gz`). Repeated
    edges count once.

    Raises `UserError` if the file cannot be read or is not such a graph, or is larger than
    MAX_VERTICES (MAX_DENSE_VERTICES for graph6 and matrices), MAX_EDGES or MAX_BYTES unpacked.
    """
    path = Path(path)
    with naming(path):
        content = file_bytes(path, "graph", MAX_BYTES)
        return file_format(path).parse(content)


def write_graph(graph: nx.Graph, path: str | Path) -> None:
    """Write an undirected graph on vertices `0..n-1`; the format goes by the ending, as in `read_graph`.

    Edge lists name vertices by their attribute "label" where they have one; no other format keeps labels.
    Raises `UserError` if the format cannot hold the graph or the file cannot be written.
    """
    path = Path(path)
    with naming(path):
        write = file_format(path).write
        if graph.is_directed() or set(graph) != set(range(len(graph))):
            raise UserError("only undirected graphs on vertices 0..n-1 can be written")
        if nx.number_of_selfloops(graph):
            raise UserError("a graph with an edge from a vertex to itself cannot be written")
        check_vertices(len(graph))
        content = write(graph)
        try:
            path.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)
        except (OSError, ValueError) as error:
            raise UserError(f"cannot be written ({reason(error)})") from None


def file_format(path: Path) -> Format:
    """Return the format that a file's ending names. Raises `UserError` if none."""
    if ending(path) not in FORMATS:
        known = f"known endings are {', '.join(FORMATS)}, each also with .gz"
        raise UserError(f"unknown ending {ending(path)!r}; {known}")
    return FORMATS[ending(path)]


def vertex_names(graph: nx.Graph) -> list[str] | None:
    """Return the names of vertices `0..n-1`, from the node attribute "label"; None if they are just these numbers."""
    names = [str(graph.nodes[v].get("label", v)) for v in range(len(graph))]
    return None if names == [str(v) for v in range(len(graph))] else names
