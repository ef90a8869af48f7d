"""What the readers of graph files have in common."""

import re

from gram_pyro.errors import UserError

MAX_VERTICES = 100_000
MAX_DENSE_VERTICES = 20_000
MAX_EDGES = 10_000_000

INTEGER = re.compile(r"-?[0-9]{1,18}")


def check_vertices(n: int, limit: int = MAX_VERTICES) -> None:
    """Raise `UserError` unless a graph may have `n` vertices."""
    if not 1 <= n <= limit:
        raise UserError(f"the graph has {n or 'no'} vertices; from 1 to {limit} are possible")


def check_edges(count: int) -> None:
    """Raise `UserError` if a file lists too many edges."""
    if count > MAX_EDGES:
        raise UserError(f"more than {MAX_EDGES} edges are listed, which is the most that is read")


def check_loop(number: int, u: object, v: object) -> None:
    """Raise `UserError` if line `number` joins a vertex to itself."""
    if u == v:
        raise UserError(f"line {number}: an edge from vertex {u} to itself, which no coloring allows")


def quote(words: list[str]) -> str:
    """Return a line for an error message, cut if long."""
    line = " ".join(words)
    return repr(line if len(line) <= 40 else line[:40] + "...")
