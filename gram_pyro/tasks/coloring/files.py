"""Graphs from and to files: DIMACS, edge lists, graph6 and adjacency matrices, each also gzipped."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from gram_pyro.errors import UserError
from gram_pyro.system.files import (
    MAX_BYTES,
    check_file,
    ending,
    file_bytes,
    folder_files,
    is_gzip,
    naming,
    reason,
    text_lines,
)

MAX_VERTICES = 100_000
MAX_DENSE_VERTICES = 20_000
MAX_EDGES = 10_000_000

INTEGER = re.compile(r"-?[0-9]{1,18}")
NAME = re.compile("[^\\s#,\ufeff\ud800-\udfff]+")
NPY_SHAPE = re.compile(rb"'shape': *\(([0-9, ]*)\)")
NPY_DTYPE = re.compile(rb"'descr': *'([<>|=]?(?:b1|[iu][1248]|f[248]))'")


def read_graph(path: str | Path) -> nx.Graph:
    """The graph in a file, on vertices `0..n-1` in the file's order; the format goes by the ending.

    `.col` is DIMACS; `.edges`, `.edgelist` and `.txt` are edge lists (names are kept as the node
    attribute "label"); `.g6` and `.graph6` are graph6; `.npy` is a symmetric matrix of 0 and 1.
    Each may be gzipped (`.col.gz`). Repeated edges count once.

    Raises `UserError` if the file cannot be read or is not such a graph, or is larger than
    MAX_VERTICES (MAX_DENSE_VERTICES for graph6 and matrices), MAX_EDGES or MAX_BYTES unpacked.
    """
    path = Path(path)
    with naming(path):
        check_file(path, "graph")
        return file_format(path).parse(file_bytes(path, MAX_BYTES))


def read_graphs(folder: str | Path) -> list[tuple[str, nx.Graph]]:
    """File name and graph for every file of a folder with a known ending, sorted by name.

    Raises `UserError` if there is none, or if one of them cannot be read.
    """
    folder = Path(folder)
    with naming(folder):
        paths = folder_files(folder, IN_FOLDERS, "graph")
    return [(path.name, read_graph(path)) for path in paths]


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
            path.write_bytes(gzip.compress(content, mtime=0) if is_gzip(path) else content)
        except (OSError, ValueError) as error:
            raise UserError(f"cannot be written ({reason(error)})") from None


def check_vertices(n: int, limit: int = MAX_VERTICES) -> None:
    """Raises `UserError` unless a graph may have `n` vertices."""
    if not 1 <= n <= limit:
        raise UserError(f"the graph has {n or 'no'} vertices; from 1 to {limit} are possible")


def check_edges(count: int) -> None:
    """Raises `UserError` if a file lists too many edges."""
    if count > MAX_EDGES:
        raise UserError(f"more than {MAX_EDGES} edges are listed, which is the most that is read")


def check_loop(u: object, v: object, number: int) -> None:
    """Raises `UserError` if line `number` joins a vertex to itself."""
    if u == v:
        raise UserError(f"line {number}: an edge from vertex {u} to itself, which no coloring allows")


def build(n: int, edges: Iterable[Iterable[int]]) -> nx.Graph:
    """A graph of `n` vertices."""
    graph = nx.empty_graph(n)
    graph.add_edges_from(edges)
    return graph


def sorted_edges(graph: nx.Graph) -> list[tuple[int, int]]:
    """The distinct edges, smaller vertex first."""
    return sorted({(min(u, v), max(u, v)) for u, v in graph.edges()})


def line_words(content: bytes, comment: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and words of each line that is not blank, without what follows `comment`.

    The fifth word is the rest of the line. Raises `UserError` where the text is not UTF-8.
    """
    for number, text in text_lines(content):
        if words := text.partition(comment)[0].split(maxsplit=4):
            yield number, words


def quote(words: list[str]) -> str:
    """A line for an error message, cut if long."""
    line = " ".join(words)
    return repr(line if len(line) <= 40 else line[:40] + "...")


def parse_dimacs(content: bytes) -> nx.Graph:
    """The graph in a DIMACS file."""
    n = announced = 0
    edges: list[tuple[int, int]] = []
    for number, words in line_words(content, comment="\n"):  # a comment is always a line of its own
        kind = words[0]
        if kind.startswith("c"):
            continue
        integers = [int(word) for word in words[1:] if INTEGER.fullmatch(word)]
        if not n:
            if kind != "p" or len(words) != 4 or len(integers) != 2 or min(integers) < 0 or INTEGER.fullmatch(words[1]):
                raise UserError(f"line {number}: expected 'p edge VERTICES EDGES' first, not {quote(words)}")
            n, announced = integers
            check_vertices(n)
        elif kind == "e":
            if len(words) != 3 or len(integers) != 2:
                raise UserError(f"line {number}: expected 'e VERTEX VERTEX', not {quote(words)}")
            u, v = integers
            for vertex in (u, v):
                if not 1 <= vertex <= n:
                    raise UserError(f"line {number}: vertex {vertex} is out of range; vertices go from 1 to {n}")
            check_loop(u, v, number)
            edges.append((u - 1, v - 1))
            check_edges(len(edges))
        elif kind not in ("n", "d", "v", "x"):
            raise UserError(f"line {number}: expected 'e VERTEX VERTEX' or a comment 'c ...', not {quote(words)}")
    if not n:
        raise UserError("no vertices: a line 'p edge VERTICES EDGES' is missing")
    if 2 * len(edges) < announced:  # some files announce both directions and list one
        raise UserError(f"{announced} edges are announced, but {len(edges)} listed: the file seems to be cut off")
    return build(n, edges)


def write_dimacs(graph: nx.Graph) -> bytes:
    """A DIMACS file, each edge once."""
    edges = sorted_edges(graph)
    lines = [f"p edge {len(graph)} {len(edges)}", *(f"e {u + 1} {v + 1}" for u, v in edges)]
    return ("\n".join(lines) + "\n").encode()


def parse_edge_list(content: bytes) -> nx.Graph:
    """The graph in an edge list; vertices in numerical order if all names are integers, else by first occurrence."""
    names: dict[str, None] = {}
    edges: list[tuple[str, str]] = []
    for number, words in line_words(content, comment="#"):
        if len(words) > 2 or not all(map(NAME.fullmatch, words)):
            raise UserError(
                f"line {number}: expected one or two vertex names with a space between and no commas "
                f"(networkx writes this with data=False), not {quote(words)}"
            )
        names.update(dict.fromkeys(words))
        check_vertices(len(names))
        if len(words) == 2:
            u, v = words
            check_loop(u, v, number)
            edges.append((u, v))
            check_edges(len(edges))
    check_vertices(len(names))
    labels = sorted(names, key=int) if all(map(INTEGER.fullmatch, names)) else list(names)
    index = {label: vertex for vertex, label in enumerate(labels)}
    graph = build(len(labels), ((index[u], index[v]) for u, v in edges))
    nx.set_node_attributes(graph, dict(enumerate(labels)), "label")
    return graph


def write_edge_list(graph: nx.Graph) -> bytes:
    """An edge list that reads back in the same order: named vertices come first, one a line."""
    names = [str(graph.nodes[v].get("label", v)) for v in range(len(graph))]
    for name in names:
        if not NAME.fullmatch(name):
            raise UserError(f"the label {name!r} does not fit an edge list: no spaces, '#', commas or empty names")
    if len(set(names)) < len(names):
        raise UserError("two vertices have the same label, which an edge list cannot tell apart")
    plain = names == [str(v) for v in range(len(graph))]
    alone = [name for v, name in enumerate(names) if not plain or not graph.degree[v]]
    lines = alone + [f"{names[u]} {names[v]}" for u, v in sorted_edges(graph)]
    return ("\n".join(lines) + "\n").encode()


def parse_graph6(content: bytes) -> nx.Graph:
    """The one graph in a graph6 file."""
    line = content.strip().removeprefix(b">>graph6<<")
    if len(line.split()) > 1:
        raise UserError("more than one graph in the file; put each into a file of its own")
    if not line or min(line) < 63 or max(line) > 126:
        raise UserError("not graph6, which has only the characters from '?' to '~'")
    digits = np.frombuffer(line, np.uint8) - 63
    head = digits[:2].tolist()
    start, end = (2, 8) if head == [63, 63] else (1, 4) if head[0] == 63 else (0, 1)  # digits that spell n
    n = int("0" + "".join(f"{digit:02o}" for digit in digits[start:end]), 8)
    check_vertices(n, MAX_DENSE_VERTICES)
    pairs = n * (n - 1) // 2
    if len(digits) != end + -(-pairs // 6):
        raise UserError(f"graph6 of {n} vertices takes {end + -(-pairs // 6)} characters, not {len(digits)}")
    bits = np.unpackbits(digits[end:, None], axis=1)[:, 2:].ravel()[:pairs]
    check_edges(int(np.count_nonzero(bits)))
    places = np.flatnonzero(bits)
    firsts = np.arange(n) * np.arange(-1, n - 1) // 2  # where the pairs (0, v), (1, v), ... begin
    v = np.searchsorted(firsts, places, side="right") - 1
    return build(n, zip((places - firsts[v]).tolist(), v.tolist(), strict=True))


def write_graph6(graph: nx.Graph) -> bytes:
    """A graph6 line without a header."""
    matrix = adjacency(graph)
    n = len(matrix)
    size = f"{n:02o}" if n <= 62 else f"77{n:06o}"
    bits = matrix[np.tri(n, k=-1, dtype=bool)]
    sixes = np.pad(bits, (0, -len(bits) % 6)).reshape(-1, 6)
    digits = np.packbits(np.pad(sixes, ((0, 0), (2, 0))), axis=1).ravel() + 63
    return bytes(int(size[i : i + 2], 8) + 63 for i in range(0, len(size), 2)) + digits.tobytes() + b"\n"


def parse_matrix(content: bytes) -> nx.Graph:
    """The graph whose adjacency matrix is in a numpy file; nothing is allocated before the header is checked."""
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
    found = len(content) - data - length
    if found != n * n * dtype.itemsize:
        raise UserError(f"a matrix of this shape takes {n * n * dtype.itemsize} bytes of data, not {max(found, 0)}")
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
    check_edges(int(np.count_nonzero(matrix)) // 2)
    return build(n, np.argwhere(np.triu(matrix)).tolist())


def write_matrix(graph: nx.Graph) -> bytes:
    """The adjacency matrix as a numpy file of bools."""
    stream = io.BytesIO()
    np.save(stream, adjacency(graph), allow_pickle=False)
    return stream.getvalue()


def adjacency(graph: nx.Graph) -> NDArray[np.bool_]:
    """The adjacency matrix `(n, n)`. Raises `UserError` if there are too many vertices for one."""
    check_vertices(len(graph), MAX_DENSE_VERTICES)
    matrix = np.zeros((len(graph), len(graph)), dtype=bool)
    u, v = np.array(sorted_edges(graph), dtype=int).reshape(-1, 2).T
    matrix[u, v] = matrix[v, u] = True
    return matrix


class Format(NamedTuple):
    """How one kind of file is read and written."""

    parse: Callable[[bytes], nx.Graph]
    write: Callable[[nx.Graph], bytes]


DIMACS = Format(parse_dimacs, write_dimacs)
EDGE_LIST = Format(parse_edge_list, write_edge_list)
GRAPH6 = Format(parse_graph6, write_graph6)
MATRIX = Format(parse_matrix, write_matrix)
FORMATS = {
    ".col": DIMACS,
    ".edges": EDGE_LIST,
    ".edgelist": EDGE_LIST,
    ".txt": EDGE_LIST,
    ".g6": GRAPH6,
    ".graph6": GRAPH6,
    ".npy": MATRIX,
}
IN_FOLDERS = [ending for ending in FORMATS if ending != ".txt"]  # in a folder, .txt is as often a README
KNOWN_ENDINGS = f"known endings are {', '.join(FORMATS)}, each also with .gz"


def file_format(path: Path) -> Format:
    """The format that a file's ending names. Raises `UserError` if none."""
    if ending(path) not in FORMATS:
        raise UserError(f"unknown ending {ending(path)!r}; {KNOWN_ENDINGS}")
    return FORMATS[ending(path)]
