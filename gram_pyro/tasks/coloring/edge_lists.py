"""Graphs in edge lists: a line of two names for each edge, of one name for a vertex without edges."""

from __future__ import annotations

import re
from collections.abc import Iterator

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

ARROW = "<?[-=]{1,3}>|<[-=]{1,3}|--+|[\u2192\u2194\u2014]"
SEPARATOR = re.compile(rf"\s+-\s+|\s*(?:{ARROW}|[,;|])\s*|\s+")
NAME = re.compile(rf"""(?!["'%(\[]|-$)(?:(?!{ARROW})[^\s#,;|{{}}\ufeff\ud800-\udfff])+(?<!:)""")
WEIGHT = re.compile(r"[-+]?[0-9]*\.[0-9]*(?:[eE][-+]?[0-9]+)?")
ATTRIBUTES = re.compile(r"\{[^{}]*\}\s*$")
COLUMNS = {
    "source target", "from to", "src dst", "src dest", "u v", "i j", "x y", "node1 node2", "nodea nodeb", "id1 id2",
    "vertex1 vertex2", "v1 v2", "start end", "tail head", "head tail", "fromnode tonode", "fromnodeid tonodeid",
    "sourceid targetid", "fromid toid", "vertex neighbor", "node neighbor",
}  # fmt: skip
"""What the first two columns of a table of edges are called, without the marks between words."""

Row = tuple[int, list[str]]
"""Number and words of a line."""


def parse_edge_list(content: bytes) -> nx.Graph:
    """Read the graph of an edge list; vertices in numerical order if all names are integers, else by first occurrence.

    White space, commas, semicolons, bars and arrows separate names. A first line of column names is passed over,
    and so are further columns below one. Without one, a third column may hold decimal weights or the attributes
    that networkx writes. A first line `VERTICES EDGES`, or one of both for each, is a header if it fits.
    """
    rows = list(rows_of(content))
    titled = has_titles(rows)
    rows = [(number, edge_of(number, words, titled)) for number, words in rows[titled:]]
    taken, announced = header(rows)
    names: dict[str, None] = {}
    edges: list[tuple[str, str]] = []
    for number, words in rows[taken:]:
        names.update(dict.fromkeys(words))
        check_vertices(len(names))
        if len(words) == 2:
            u, v = words
            check_loop(u, v, number)
            edges.append((u, v))
            check_edges(len(edges))
    if names and not edges:
        raise UserError("no line has two vertex names, so this is no list of edges; an edge is a line such as 'a b'")
    if announced:
        check_vertices(announced)
        known = set(map(int, names))
        names.update((str(v), None) for v in range(0 not in known, announced + (0 not in known)) if v not in known)
    check_vertices(len(names))
    labels = sorted(names, key=int) if all(map(INTEGER.fullmatch, names)) else list(names)
    index = {label: vertex for vertex, label in enumerate(labels)}
    graph = build(len(labels), ((index[u], index[v]) for u, v in edges))
    nx.set_node_attributes(graph, dict(enumerate(labels)), "label")
    return graph


def rows_of(content: bytes) -> Iterator[Row]:
    """Yield number and words of each line that is not blank, without comments, brackets around a line, and quotes.

    The fifth word is the rest of the line.
    """
    count = 0
    for number, line in text_lines(content):
        text = ATTRIBUTES.sub("", line.partition("#")[0]).strip(" \t\r\n,;|")
        if text.startswith("%"):
            continue
        if text[:1] + text[-1:] in ("()", "[]"):
            text = text[1:-1]
        words = [unquoted(word) for word in SEPARATOR.split(text, maxsplit=4) if word]
        if words:
            yield number, words
            count += 1
            check_edges(count - 2)  # two lines may be a header


def unquoted(word: str) -> str:
    """Return a word without the quotes around it."""
    return word[1:-1] if len(word) > 2 and word[0] == word[-1] in ("'", '"') else word


def edge_of(number: int, words: list[str], titled: bool) -> list[str]:
    """Return the one or two vertex names of a line. Raises `UserError` if it has others, or more."""
    weighted = len(words) == 3 and WEIGHT.fullmatch(words[2])
    if not all(map(NAME.fullmatch, words[:2])) or not (len(words) <= 2 or titled or weighted):
        raise UserError(
            f"line {number}: expected one or two vertex names, not {quote(words)}; a third column must hold "
            f"decimal weights, or stand below a first line such as 'source target weight'"
        )
    return words[:2]


def has_titles(rows: list[Row]) -> bool:
    """Return whether the first line names columns. Raises `UserError` if it seems to, and the names are not known."""
    if len(rows) < 2 or len(rows[0][1]) < 2:
        return False
    number, words = rows[0][0], rows[0][1][:2]
    below = {word for _, others in rows[1:] for word in others[:2]}
    known = " ".join(re.sub(r"[\W_]", "", word).lower() for word in words) in COLUMNS
    numbers = all(map(INTEGER.fullmatch, below)) and not any(map(INTEGER.fullmatch, words))
    if numbers and not known:
        raise UserError(
            f"line {number}: {quote(words)} stands above nothing but numbers, as column names do, but is "
            f"none that is known, such as 'source target'; leave the line out"
        )
    return known and (numbers or (min(map(len, words)) > 1 and below.isdisjoint(words)))


def header(rows: list[Row]) -> tuple[int, int]:
    """Return how many lines of sizes stand above the edges, and the number of vertices they announce; else (0, 0).

    Raises `UserError` if the first line seems to be such a header and does not fit what follows.
    """
    taken = 2 if [len(words) for _, words in rows[:2]] == [1, 1] else 1
    head = [word for _, words in rows[:taken] for word in words]
    edges = [words for _, words in rows[taken:]]
    names = {word for words in edges for word in words}
    if not edges or not all(len(words) == 2 for words in edges) or not all(map(INTEGER.fullmatch, {*head, *names})):
        return 0, 0
    vertices = set(map(int, names))
    first = 0 if 0 in vertices else 1
    n, m = int(head[0]), int(head[-1])
    counts = {len(edges), len({frozenset(map(int, words)) for words in edges})}
    inside = first <= min(vertices) and max(vertices) < first + n
    full = inside and len(vertices) == n
    # Lines of one number each may also name vertices, those of the edges below or more.
    if full if len(head) == 1 else inside and m in counts and (taken == 1 or full or n not in vertices):
        return taken, n
    if len(head) == 2 and taken == 1 and seems_header(n, m, vertices, len(edges)):
        raise UserError(
            f"line {rows[0][0]}: {quote(head)} looks like a header of {n} vertices and {m} edges, but {len(edges)} "
            f"edges follow, on vertices from {min(vertices)} to {max(vertices)}"
        )
    return 0, 0


def seems_header(n: int, m: int, vertices: set[int], edges: int) -> bool:
    """Return whether `n m`, above so many edges on `vertices`, is more likely a wrong header than an edge.

    As an edge it would be a loop, or leave a gap in the numbers, or join two vertices that have no other.
    """
    if n == m:
        return True
    together = vertices | {n, m}
    gap = min(together) not in (0, 1) or len(together) <= max(together) - min(together)
    return m > edges and m not in vertices and max(vertices) <= n and (gap or n not in vertices)


def write_edge_list(graph: nx.Graph) -> bytes:
    """Return an edge list that reads back in the same order: named vertices come first, one a line."""
    names = [str(graph.nodes[v].get("label", v)) for v in range(len(graph))]
    for name in names:
        if not NAME.fullmatch(name):
            raise UserError(f"the label {name!r} does not fit an edge list: no spaces, '#', separators or empty names")
    if len(set(names)) < len(names):
        raise UserError("two vertices have the same label, which an edge list cannot tell apart")
    edges = sorted_edges(graph)
    if not edges:
        raise UserError("a graph without edges cannot be written as an edge list")
    pairs = [f"{names[u]} {names[v]}" for u, v in edges]
    if names == [str(v) for v in range(len(graph))]:  # a number before the edges could be taken for their header
        lines = pairs + [name for v, name in enumerate(names) if not graph.degree[v]]
    else:
        lines = names + pairs
    return ("\n".join(lines) + "\n").encode()
