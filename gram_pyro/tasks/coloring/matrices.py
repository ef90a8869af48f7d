"""Adjacency matrices of graphs: in graph6 files, in those of numpy, and among tensors."""

import re
from typing import Any

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.coloring.limits import MAX_DENSE_VERTICES, check_edges, check_vertices

NPY_SHAPE = re.compile(rb"'shape': *\(([0-9, ]*)\)")
NPY_DTYPE = re.compile(rb"'descr': *'([<>|=]?(?:b1|[iu][1248]|f[248]))'")


def parse_graph6(content: bytes) -> nx.Graph:
    """Read the one graph in a graph6 file."""
    line = content.strip().removeprefix(b">>graph6<<")
    if len(line.split()) > 1:
        raise UserError("more than one graph in the file; put each into a file of its own")
    if not line or min(line) < 63 or max(line) > 126:
        raise UserError("not graph6, which has only the characters from '?' to '~'")
    digits = np.frombuffer(line, np.uint8) - 63
    start, end = (2, 8) if line.startswith(b"~~") else (1, 4) if line.startswith(b"~") else (0, 1)  # digits of n
    n = int("0" + "".join(f"{digit:02o}" for digit in digits[start:end]), 8)
    check_vertices(n, MAX_DENSE_VERTICES)
    pairs = n * (n - 1) // 2
    if len(digits) != end + -(-pairs // 6):
        raise UserError(f"graph6 of {n} vertices takes {end + -(-pairs // 6)} characters, not {len(digits)}")
    matrix = np.zeros((n, n), dtype=bool)
    matrix[np.tri(n, k=-1, dtype=bool)] = np.unpackbits(digits[end:, None], axis=1)[:, 2:].ravel()[:pairs]
    return graph_of(matrix)


def parse_matrix(content: bytes) -> nx.Graph:
    """Read the graph whose adjacency matrix is in a numpy file; nothing is allocated before the header is checked."""
    if not content.startswith(b"\x93NUMPY"):
        raise UserError("not a .npy file as numpy.save writes it")
    data = 10 if content[6:7] == b"\x01" else 12
    length = int.from_bytes(content[8:data], "little")
    header = content[data : data + min(length, 10_000)]
    shape, kind = NPY_SHAPE.search(header), NPY_DTYPE.search(header)
    if not shape or not kind:
        raise UserError("the .npy file must hold a matrix of numbers or bools")
    sizes = shape[1].decode().replace(",", " ").split()
    if len(sizes) != 2 or sizes[0] != sizes[1]:
        raise UserError(f"an adjacency matrix must be square, not of shape ({', '.join(sizes)})"[:200])
    n = int(sizes[0][:18])  # so many digits are too large anyhow
    check_vertices(n, MAX_DENSE_VERTICES)
    dtype = np.dtype(kind[1].decode().replace("b1", "u1"))
    found, expected = len(content) - data - length, n * n * dtype.itemsize
    if found != expected:
        raise UserError(f"a matrix of this shape takes {expected} bytes of data, not {max(found, 0)}")
    values: NDArray[Any] = np.frombuffer(content, dtype, offset=data + length).reshape(n, n)
    matrix = values == 1
    for wrong, problem in (
        (~matrix & (values != 0), "must be 0 or 1"),
        (matrix & np.eye(n, dtype=bool), "must be 0, as an edge from a vertex to itself allows no coloring"),
        (matrix != matrix.T, "differs from its mirror image, but the matrix must be symmetric"),
    ):
        if wrong.any():
            row, column = divmod(int(wrong.argmax()), n)
            raise UserError(f"the entry in row {row}, column {column} (from 0) {problem}")
    return graph_of(np.tril(matrix))


def graph_of(matrix: NDArray[np.bool_]) -> nx.Graph:
    """Return the graph with this lower triangle of its adjacency matrix."""
    check_edges(int(np.count_nonzero(matrix)))
    return nx.from_numpy_array(matrix, edge_attr=None)


def adjacency(graph: nx.Graph) -> NDArray[np.bool_]:
    """Return the adjacency matrix `(n, n)`. Raises `UserError` if there are too many vertices for one."""
    check_vertices(len(graph), MAX_DENSE_VERTICES)
    matrix: NDArray[np.bool_] = nx.to_numpy_array(graph, range(len(graph)), bool, weight=None)
    return matrix


def adjacency_of(problems: Problems) -> Tensor:
    """Return the adjacency matrices of encoded graphs: `(batch, n, n)`."""
    if problems.relations is not None:
        return problems.relations[:, 0].bool()
    n = problems.answered
    rows, columns = torch.triu_indices(n, n, 1)
    joined = problems.tokens.new_zeros(len(problems.tokens), n, n, dtype=torch.bool)
    joined[:, rows, columns] = problems.tokens[:, : len(rows)] == 2
    return joined | joined.mT
