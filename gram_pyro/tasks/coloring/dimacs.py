"""Graphs in DIMACS files."""

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.system.files import text_lines
from gram_pyro.tasks.coloring import limits
from gram_pyro.tasks.coloring.limits import INTEGER, quote


def parse_dimacs(content: bytes) -> nx.Graph:
    """Read the graph of a DIMACS file."""
    n = announced = 0
    edges: list[tuple[int, int]] = []
    for number, line in text_lines(content):
        words = line.split(maxsplit=4)
        kind = words[0] if words else "c"
        if kind.startswith("c") or (n and kind in ("n", "d", "v", "x")):
            continue
        integers = [int(word) for word in words[1:] if INTEGER.fullmatch(word)]
        if not n:
            if kind != "p" or len(words) != 4 or len(integers) != 2 or min(integers) < 0 or INTEGER.fullmatch(words[1]):
                raise UserError(f"line {number}: expected 'p edge VERTICES EDGES' first, not {quote(words)}")
            n, announced = integers
            limits.check_vertices(n)
            continue
        if kind != "e" or len(words) != 3 or len(integers) != 2:
            comment = " or a comment 'c ...'" * (kind != "e")
            raise UserError(f"line {number}: expected 'e VERTEX VERTEX'{comment}, not {quote(words)}")
        u, v = integers
        for vertex in (u, v):
            if not 1 <= vertex <= n:
                raise UserError(f"line {number}: vertex {vertex} is out of range; vertices go from 1 to {n}")
        limits.check_loop(number, u, v)
        edges.append((u - 1, v - 1))
        limits.check_edges(len(edges))
    if not n:
        raise UserError("no vertices: a line 'p edge VERTICES EDGES' is missing")
    count = len(edges)
    if announced not in (count, 2 * count) and 2 * announced != count:  # in one direction or both
        wrong = "the file is cut off or announces a wrong number"
        raise UserError(f"{announced} edges are announced, but {count} listed: {wrong}")
    graph = nx.empty_graph(n)
    graph.add_edges_from(edges)
    return graph
