"""Graphs in edge lists: a line of two names for each edge, of one name for a vertex without edges."""

import re
from collections.abc import Iterator

import networkx as nx

from gram_pyro.errors import UserError
from gram_pyro.system.files import text_lines
from gram_pyro.tasks.coloring import limits
from gram_pyro.tasks.coloring.limits import INTEGER, check_vertices, quote

ARROW = "<?[-=]{1,3}>|<[-=]{1,3}|--+|[\u2192\u2194\u2014]"
SEPARATOR = re.compile(rf"\s+-\s+|\s*(?:{ARROW}|[,;|])\s*|\s+")
NAME = re.compile(rf"""(?!["'%(\[]|-$)(?:(?!{ARROW})[^\s#,;|{{}}\ufeff\ud800-\udfff])+(?<!:)""")
WEIGHT = re.compile(r"[-+]?[0-9]*\.[0-9]*(?:[eE][-+]?[0-9]+)?")
QUOTED = re.compile(r"""^(['"])(.+)\1$""")
ATTRIBUTES = re.compile(r"\{[^{}]*\}\s*$")
COLUMNS = {
    "source target", "from to", "src dst", "src dest", "u v", "i j", "x y", "node1 node2", "nodea nodeb", "id1 id2",
    "vertex1 vertex2", "v1 v2", "start end", "tail head", "head tail", "fromnode tonode", "fromnodeid tonodeid",
    "sourceid targetid", "fromid toid", "vertex neighbor", "node neighbor",
}  # fmt: skip
"""What the first two columns of a table of edges are called, without the marks between words."""

Row = tuple[int, list[str]]  # number and words of a line


def parse_edge_list(content: bytes) -> nx.Graph:
    """Read the graph of an edge list; vertices in numerical order if all names are integers, else by first occurrence.

    White space, commas, semicolons, bars and arrows separate names. A first line of column names is passed over,
    and so are further columns below one. Without one, a third column may hold decimal weights or the attributes
    that networkx writes. A first line `VERTICES EDGES`, or one of both for each, is a header if it fits.
    """
    rows = list(rows_of(content))
    titled = has_titles(rows)
    rows = [(number, edge_of(number, words, titled)) for number, words in rows[titled:]]
    taken, isolated = header(rows)
    names = dict.fromkeys(isolated)
    for number, words in rows[taken:]:
        names.update(dict.fromkeys(words))
        check_vertices(len(names))
        if len(words) == 2:
            limits.check_loop(number, *words)
    edges = [words for _, words in rows[taken:] if len(words) == 2]
    if names and not edges:
        raise UserError("no line has two vertex names, so this is no list of edges; an edge is a line such as 'a b'")
    limits.check_edges(len(edges))
    check_vertices(len(names))
    graph = nx.Graph()
    graph.add_nodes_from(sorted(names, key=int) if all(map(INTEGER.fullmatch, names)) else names)
    graph.add_edges_from(edges)
    return nx.convert_node_labels_to_integers(graph, label_attribute="label")


def rows_of(content: bytes) -> Iterator[Row]:
    """Yield number and words, the fifth the rest of the line, of each line with some, without comments and brackets."""
    count = 0
    for number, line in text_lines(content):
        text = ATTRIBUTES.sub("", line.partition("#")[0]).strip(" \t\r\n,;|")
        if text.startswith("%"):
            continue
        if text[:1] + text[-1:] in ("()", "[]"):
            text = text[1:-1]
        if words := [QUOTED.sub(r"\2", word) for word in SEPARATOR.split(text, maxsplit=4) if word]:
            yield number, words
            count += 1
            limits.check_edges(count - 2)  # two lines may be a header


def edge_of(number: int, words: list[str], titled: bool) -> list[str]:
    """Return the one or two vertex names of a line. Raises `UserError` if it has others, or more."""
    weighted = len(words) == 3 and WEIGHT.fullmatch(words[2])
    if not all(map(NAME.fullmatch, words[:2])) or not (len(words) <= 2 or titled or weighted):
        third = "a third column must hold decimal weights, or stand below a first line such as 'source target weight'"
        raise UserError(f"line {number}: expected one or two vertex names, not {quote(words)}; {third}")
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
        hint = "as column names do, but is none that is known, such as 'source target'; leave the line out"
        raise UserError(f"line {number}: {quote(words)} stands above nothing but numbers, {hint}")
    return known and (numbers or (min(map(len, words)) > 1 and below.isdisjoint(words)))


def header(rows: list[Row]) -> tuple[int, list[str]]:
    """Return how many lines of sizes stand above the edges, and the vertices they announce that have no edges.

    Raises `UserError` if the first line seems to be such a header and does not fit what follows.
    """
    taken = 2 if [len(words) for _, words in rows[:2]] == [1, 1] else 1
    head = [word for _, words in rows[:taken] for word in words]
    edges = [words for _, words in rows[taken:]]
    names = {word for words in edges for word in words}
    if not edges or not all(len(words) == 2 for words in edges) or not all(map(INTEGER.fullmatch, {*head, *names})):
        return 0, []
    vertices = set(map(int, names))
    least, largest, first = min(vertices), max(vertices), int(0 not in vertices)
    n, m = int(head[0]), int(head[-1])
    counts = {len(edges), len({frozenset(map(int, words)) for words in edges})}
    inside = first <= least and largest < first + n
    full = inside and len(vertices) == n
    # Lines of one number each may also name vertices, those of the edges below or more.
    if full if len(head) == 1 else inside and m in counts and (taken == 1 or full or n not in vertices):
        check_vertices(n)
        return taken, [str(v) for v in range(first, first + n) if v not in vertices]
    if len(head) == 2 and taken == 1:
        together = vertices | {n, m}
        gap = min(together) not in (0, 1) or len(together) <= max(together) - min(together)
        # As an edge it would be a loop, or leave a gap in the numbers, or join two vertices that have no other.
        if n == m or (m > len(edges) and m not in vertices and largest <= n and (gap or n not in vertices)):
            follow = f"{len(edges)} edges follow, on vertices from {least} to {largest}"
            sizes = f"a header of {n} vertices and {m} edges"
            raise UserError(f"line {rows[0][0]}: {quote(head)} looks like {sizes}, but {follow}")
    return 0, []
