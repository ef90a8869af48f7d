"""Graphs in DIMACS files."""

from __future__ import annotations

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.system.files import text_lines
from gram_pyro.tasks.coloring.limits import (
    INTEGER,
    build,
    check_edges,
    check_loop,
    check_vertices,
    quote,
    sorted_edges,
)


def parse_dimacs(content: bytes) -> nx.Graph:
    """Read the graph of a DIMACS file."""
    n = announced = 0
    edges: list[tuple[int, int]] = []
    for number, line in text_lines(content):
        words = line.split(maxsplit=4)
        kind = words[0] if words else "c"
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
    check_announced(announced, len(edges))
    return build(n, edges)


def check_announced(announced: int, listed: int) -> None:
    """Raises `UserError` unless as many edges are listed as announced, in one direction or both."""
    if announced not in (listed, 2 * listed) and 2 * announced != listed:
        raise UserError(
            f"{announced} edges are announced, but {listed} listed: the file is cut off or announces a wrong number"
        )


def write_dimacs(graph: nx.Graph) -> bytes:
    """Return a DIMACS file, each edge once."""
    edges = sorted_edges(graph)
    lines = [f"p edge {len(graph)} {len(edges)}", *(f"e {u + 1} {v + 1}" for u, v in edges)]
    return ("\n".join(lines) + "\n").encode()
