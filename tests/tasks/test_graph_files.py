"""Graph files: what is written reads back, and whatever is wrong is said in one sentence."""

from __future__ import annotations

import csv
import gzip
import io
import os
import tempfile
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from benchmarks.graph_files import write_graph
from gram_pyro.errors import UserError
from gram_pyro.tasks.coloring import files as graph_files
from gram_pyro.tasks.coloring import limits
from gram_pyro.tasks.coloring.edge_lists import NAME, parse_edge_list
from gram_pyro.tasks.coloring.files import PARSERS, read_graph, vertex_names
from gram_pyro.tasks.coloring.task import Coloring

ENDINGS = [plain + packed for plain in PARSERS for packed in ("", ".gz")]
DIMACS_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "graph_coloring" / "dimacs"


@st.composite
def graphs(draw: st.DrawFn, largest: int = 12) -> nx.Graph:
    n = draw(st.integers(1, largest))
    pairs = [(u, v) for v in range(n) for u in range(v)]
    graph = nx.empty_graph(n)
    graph.add_edges_from(draw(st.lists(st.sampled_from(pairs))) if pairs else [])
    return graph


def edges(graph: nx.Graph) -> set[frozenset[int]]:
    return {frozenset(edge) for edge in graph.edges}


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def npy(array: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def fails(path: Path, match: str) -> None:
    with pytest.raises(UserError, match=match) as caught:
        read_graph(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


# What is right


@pytest.mark.parametrize("ending", ENDINGS)
@given(graph=graphs())
@example(graph=nx.disjoint_union(nx.path_graph(3), nx.empty_graph(1)))
def test_round_trip(ending: str, graph: nx.Graph) -> None:
    assume(graph.number_of_edges() or PARSERS[ending.removesuffix(".gz")] is not parse_edge_list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"graph{ending}"
        write_graph(graph, path)
        back = read_graph(str(path))
    assert list(back) == list(graph)
    assert edges(back) == edges(graph)


@pytest.mark.parametrize("ending", [".edges", ".txt.gz"])
@given(graph=graphs(), data=st.data())
def test_round_trip_keeps_labels(ending: str, graph: nx.Graph, data: st.DataObject) -> None:
    assume(graph.number_of_edges())
    # One letter in front: names that are all integers are sorted instead of kept in order.
    name = st.text("v12-=<>:;|'%([. #\u03a9").map(lambda text: f"v{text}").filter(NAME.fullmatch)
    labels = data.draw(st.lists(name, min_size=len(graph), max_size=len(graph), unique=True))
    nx.set_node_attributes(graph, dict(enumerate(labels)), "label")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"graph{ending}"
        write_graph(graph, path)
        back = read_graph(path)
    assert dict(back.nodes(data="label")) == dict(enumerate(labels))
    assert edges(back) == edges(graph)


@pytest.mark.parametrize("n", [13, 62, 63, 100, 300])
def test_graph6_of_larger_graphs(tmp_path: Path, n: int) -> None:
    graph = nx.gnp_random_graph(n, 0.3, seed=n)
    nx.write_graph6(graph, tmp_path / "graph.g6")
    assert edges(read_graph(tmp_path / "graph.g6")) == edges(graph)


def test_graph6_with_the_longest_size(tmp_path: Path) -> None:
    assert edges(read_graph(put(tmp_path, "k3.g6", b"~~?????Bw"))) == edges(nx.complete_graph(3))


def test_dimacs_as_found_in_the_wild(tmp_path: Path) -> None:
    text = "c a comment\r\n\r\ncanother\np col 4 6\nn 1 5\nd 1 2\nv 1 2\nx 1 2\n  e 1 2\ne 2 1\n\ne 3\t2\nc end"
    graph = read_graph(put(tmp_path, "Wild.COL", text))
    assert list(graph) == [0, 1, 2, 3]
    assert edges(graph) == {frozenset({0, 1}), frozenset({1, 2})}


def test_edge_list_with_numbers_is_in_numerical_order(tmp_path: Path) -> None:
    graph = read_graph(put(tmp_path, "a.txt", "\ufeff# numbers\n10 9\n9 -2 # a comment\n100\n10 9\n"))
    assert [graph.nodes[v]["label"] for v in range(4)] == ["-2", "9", "10", "100"]
    assert edges(graph) == {frozenset({1, 2}), frozenset({0, 1})}


def test_edge_list_with_names_is_in_order_of_appearance(tmp_path: Path) -> None:
    graph = read_graph(put(tmp_path, "a.edges", "Ωmega 2\nalone\n2 b\n"))
    assert [graph.nodes[v]["label"] for v in range(4)] == ["Ωmega", "2", "alone", "b"]
    assert edges(graph) == {frozenset({0, 1}), frozenset({1, 3})}


@pytest.mark.parametrize("form", [
    "{},{}", "{}, {}", "{};{}", "{}\t{}", "{}|{}", "| {} | {} |", "{}->{}", "{} -> {}", "{} -- {};", "{}--{}",
    "{} <-> {}", "{} - {}", "{} => {}", "{} \u2192 {}", "({}, {})", "[{}, {}],", "('{}', '{}')", '"{}","{}"',
    "{} {} {{}}", "{} {} {{'weight': 3}}", "{} {} 0.5", "{},{},1e-3", "{} {} # note",
])  # fmt: skip
@pytest.mark.parametrize("names", [("0", "1", "2"), ("north", "e-1", "f(x)")])
def test_edge_lists_may_separate_names_in_many_ways(tmp_path: Path, form: str, names: tuple[str, ...]) -> None:
    a, b, c = names
    text = "\n".join(form.format(*pair) for pair in ((a, b), (b, c)))
    if "1e-3" in form:
        text = text.replace("1e-3", "1.5e-3")
    graph = read_graph(put(tmp_path, "a.txt", f"% a comment\n{text}\n"))
    assert [graph.nodes[v]["label"] for v in graph] == list(names)
    assert edges(graph) == {frozenset({0, 1}), frozenset({1, 2})}


@pytest.mark.parametrize("titles", [
    "source target", "Source,Target,Type,Weight", "from to", "FromNodeId\tToNodeId", "node_1,node_2", "src;dst", "u v",
])  # fmt: skip
def test_column_names_are_no_edge(tmp_path: Path, titles: str) -> None:
    rows = "0,1,Undirected,3\n1,2,Undirected,2\n" if "Type" in titles else "0 1\n1 2\n"
    graph = read_graph(put(tmp_path, "a.edges", f"{titles}\n{rows}"))
    assert vertex_names(graph) is None and edges(graph) == {frozenset({0, 1}), frozenset({1, 2})}


def test_column_names_above_words_and_edges_that_look_like_them(tmp_path: Path) -> None:
    titled = read_graph(put(tmp_path, "a.edges", "source,target\nnorth,south\n"))
    assert vertex_names(titled) == ["north", "south"]
    for text in ("u v\nw x\n", "source target\ntarget a\n", "source target\n"):
        graph = read_graph(put(tmp_path, "b.edges", text))
        assert graph.number_of_edges() == text.count("\n"), text


@pytest.mark.parametrize(
    ("text", "names", "count"),
    [
        ("4 3\n0 1\n1 2\n1 3\n", "0 1 2 3", 3),
        ("4 3\n1 2\n2 3\n3 4\n", "1 2 3 4", 3),
        ("3 3\n1 2\n2 3\n1 3\n", "1 2 3", 3),
        ("5,1\n0,1\n", "0 1 2 3 4", 1),
        ("5 1\n1 2\n", "1 2 3 4 5", 1),
        ("3 2\n0 1\n1 0\n1 2\n2 1\n", "0 1 2", 2),  # both directions
        ("3 4\n0 1\n1 0\n1 2\n2 1\n", "0 1 2", 2),
        ("3\n2\n0 1\n1 2\n", "0 1 2", 2),
        ("3\n0 1\n1 2\n", "0 1 2", 2),
        # no header
        ("1 2\n2 3\n3 1\n", "1 2 3", 3),
        ("4 3\n0 1\n1 2\n2 3\n3 0\n", "0 1 2 3 4", 5),
        ("3 1\n0 1\n1 2\n2 0\n", "0 1 2 3", 4),
        ("5 4\n5 3\n5 2\n5 1\n", "1 2 3 4 5", 4),
        ("9 8\n8 7\n0 1\n", "0 1 7 8 9", 3),
        ("9\n0 1\n1 2\n", "0 1 2 9", 2),
        ("5\n1\n5 1\n", "1 5", 1),
        ("1 0\n", "0 1", 1),
    ],
)
def test_sizes_above_the_edges(tmp_path: Path, text: str, names: str, count: int) -> None:
    graph = read_graph(put(tmp_path, "a.txt", text))
    assert [graph.nodes[v]["label"] for v in graph] == names.split() and graph.number_of_edges() == count


@given(graph=graphs(), first=st.integers(0, 1), both=st.booleans())
def test_any_graph_may_have_its_sizes_above(graph: nx.Graph, first: int, both: bool) -> None:
    assume(graph.number_of_edges())
    pairs = [(u + first, v + first) for u, v in [*graph.edges, *((v, u) for u, v in graph.edges if both)]]
    lines = [(len(graph), graph.number_of_edges()), *pairs]
    with tempfile.TemporaryDirectory() as folder:
        back = read_graph(put(Path(folder), "a.edges", "".join(f"{u} {v}\n" for u, v in lines)))
    named = nx.relabel_nodes(back, lambda v: int(back.nodes[v]["label"]))
    assert len(back) == len(graph) and edges(named) == set(map(frozenset, pairs))


@pytest.mark.parametrize("announced", [3, 6])
def test_dimacs_may_announce_both_directions(tmp_path: Path, announced: int) -> None:
    once = "e 1 2\ne 2 3\ne 1 3\n"
    twice = once + "e 2 1\ne 3 2\ne 3 1\n"
    for listed in (once, twice):
        assert read_graph(put(tmp_path, "a.col", f"p edge 3 {announced}\n{listed}")).number_of_edges() == 3


def test_names_come_back(tmp_path: Path) -> None:
    graph = read_graph(put(tmp_path, "a.txt", "north south\nsouth east\n"))
    assert vertex_names(graph) == ["north", "south", "east"]
    assert vertex_names(Coloring().prepare(nx.Graph([("b", 7), (7, "a")]))) == ["b", "7", "a"]
    assert vertex_names(read_graph(put(tmp_path, "b.txt", "1 2\n"))) == ["1", "2"]
    assert vertex_names(read_graph(put(tmp_path, "c.txt", "0 1\n"))) is None
    assert vertex_names(read_graph(put(tmp_path, "d.col", "p edge 2 1\ne 1 2\n"))) is None


def test_bad_graphs_of_a_folder_may_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "loop.col", "p edge 3 3\ne 1 2\ne 2 3\ne 3 3\n")
    with pytest.raises(UserError, match=r"loop\.col: line 4: an edge from vertex 3 to itself"):
        Coloring().load(str(tmp_path), skip_bad=True)  # nothing else is there
    put(tmp_path, "sound.col", "p edge 2 1\ne 1 2\n")
    put(tmp_path, "sound.g6", "Bw")
    with pytest.raises(UserError, match=r"loop\.col: line 4"):
        Coloring().load(str(tmp_path))
    assert [len(graph) for graph in Coloring().load(str(tmp_path), skip_bad=True)] == [2, 3]
    said = capsys.readouterr().err
    assert "1 of 3 files" in said and "loop.col: line 4" in said and said.count("\n") == 1
    fixed = Coloring(n=3, positions=True)
    assert [len(graph) for graph in fixed.load(str(tmp_path), skip_bad=True)] == [3]
    assert "2 of 3 files" in (said := capsys.readouterr().err) and "sound.col: the graph has 2 vertices" in said


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "i4", "i8", ">i8", "u4", "f2", "f4", "f8", ">f8"])
def test_matrix_of_any_number_type(tmp_path: Path, dtype: str) -> None:
    graph = nx.cycle_graph(5)
    matrix = nx.to_numpy_array(graph).astype(dtype)
    assert edges(read_graph(put(tmp_path, "a.npy", npy(matrix)))) == edges(graph)
    assert edges(read_graph(put(tmp_path, "b.npy", npy(np.asfortranarray(matrix))))) == edges(graph)


def test_folder_is_sorted_and_other_files_are_passed_over(tmp_path: Path) -> None:
    write_graph(nx.path_graph(3), tmp_path / "b.col.gz")
    write_graph(nx.path_graph(2), tmp_path / "a.g6")
    put(tmp_path, "readme.md", "no graph")
    put(tmp_path, "README.txt", "1 2")
    (tmp_path / "folder.col").mkdir()
    assert [len(graph) for graph in Coloring().load(str(tmp_path))] == [2, 3]


@pytest.mark.skipif(not DIMACS_FOLDER.is_dir(), reason="the DIMACS graphs are not beside this checkout")
def test_dimacs_benchmark_graphs() -> None:
    with (DIMACS_FOLDER / "index.csv").open() as file:
        known = {row["name"]: (int(row["n"]), int(row["edges"])) for row in csv.DictReader(file)}
    paths = sorted(DIMACS_FOLDER.glob("*.col.gz"))
    assert paths
    for path in paths:
        graph = read_graph(path)
        assert (len(graph), graph.number_of_edges()) == known[path.name.removesuffix(".col.gz")], path.name


# What is wrong


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("e 1 2\np edge 2 1\n", "line 1: expected 'p edge VERTICES EDGES' first, not 'e 1 2'"),
        ("c\np edge 3\n", "line 2: expected 'p edge"),
        ("p edge three 3\n", "line 1: expected 'p edge"),
        ("p edge -3 3\n", "line 1: expected 'p edge"),
        ("p edge 3 3 3\n", "line 1: expected 'p edge"),
        (f"p edge {'9' * 5000} 3\n", "line 1: expected 'p edge"),
        ("c only a comment\n", "no vertices"),
        ("p edge 0 0\n", "no vertices"),
        ("p edge 100001 0\n", "100001 vertices; from 1 to 100000"),
        ("p edge 3 1\ne 1\n", "line 2: expected 'e VERTEX VERTEX', not 'e 1'"),
        ("p edge 3 1\ne 1 2 3\n", "line 2: expected 'e VERTEX VERTEX'"),
        ("p edge 3 1\ne 1 2.0\n", "line 2: expected 'e VERTEX VERTEX'"),
        ("p edge 3 1\n\ne 1 4\n", "line 3: vertex 4 is out of range; vertices go from 1 to 3"),
        ("p edge 3 1\ne 0 1\n", "line 2: vertex 0 is out of range; vertices go from 1 to 3"),
        ("p edge 3 1\ne 2 2\n", "line 2: an edge from vertex 2 to itself"),
        ("p edge 3 1\np edge 3 1\n", "line 2: expected 'e VERTEX VERTEX' or a comment"),
        ("p 3 edge 2\ne 1 2\n", "line 1: expected 'p edge"),
        ("p edge 8 28\ne 1 2\n", "28 edges are announced, but 1 listed: the file is cut off"),
        ("p edge 6 6\ne 1 2\ne 2 3\ne 3 1\ne 4 5\n", "6 edges are announced, but 4 listed"),
        ("p edge 3 1\ne 1 2\ne 2 1\ne 2 3\n", "1 edges are announced, but 3 listed"),
        ("p edge 3 1\n1 2\n", "line 2: expected 'e VERTEX VERTEX' or a comment"),
    ],
)
def test_wrong_dimacs(tmp_path: Path, text: str, match: str) -> None:
    fails(put(tmp_path, "wrong.col", text), match)
    fails(put(tmp_path, "wrong.col.gz", gzip.compress(text.encode())), match)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0 1\n0 1 2\n", "line 2: expected one or two vertex names, not '0 1 2'; a third column must hold decimal"),
        ("a b c d\n", "line 1: expected one or two vertex names"),
        ("0: 1 2\n", "line 1: expected one or two vertex names"),
        ("0: 1\n", "line 1: expected one or two vertex names"),
        ("[(0, 1), (1, 2)]\n", "line 1: expected one or two vertex names"),
        ("graph {\n0 -- 1\n}", "line 1: expected one or two vertex names"),
        ("a " * 1000, "line 1: expected one or two vertex names"),
        ("# nothing\n\n% nor here", "no vertices"),
        ("a b\nb b\n", "line 2: an edge from vertex b to itself"),
        ("\n".join(map(str, range(100_001))), "100001 vertices; from 1 to 100000"),
        ("100001 1\n1 2\n", "100001 vertices; from 1 to 100000"),
        ("0:1\n1:2\n", "no line has two vertex names"),
        ("a-b\n", "no line has two vertex names"),
        ("name other\n0 1\n1 2\n", "line 1: 'name other' stands above nothing but numbers"),
        ("5 7\n0 1\n1 2\n2 3\n", "line 1: '5 7' looks like a header of 5 vertices and 7 edges, but 3 edges follow"),
        ("5 4\n0 1\n1 2\n2 3\n", "line 1: '5 4' looks like a header"),
        ("4 6\n1 2\n2 3\n3 4\n", "line 1: '4 6' looks like a header .* on vertices from 1 to 4"),
        ("3 3\n0 1\n1 2\n2 5\n", "line 1: '3 3' looks like a header .* on vertices from 0 to 5"),
    ],
)
def test_wrong_edge_list(tmp_path: Path, text: str, match: str) -> None:
    fails(put(tmp_path, "wrong.edges", text), match)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\n", "not graph6"),
        (b">>graph6<<\n", "not graph6"),
        (b":Fa@x^\n", "not graph6"),
        (b"\xff\xfe", "not graph6"),
        (b"Bw\nBw\n", "more than one graph"),
        (b"?\n", "no vertices"),
        (b"B\n", "graph6 of 3 vertices takes 2 characters, not 1"),
        (b"Bww\n", "graph6 of 3 vertices takes 2 characters, not 3"),
        (b"~\n", "no vertices"),
        (b"~~\n", "no vertices"),
        (b"~~~~~~~~\n", f"{2**36 - 1} vertices; from 1 to 20000"),
    ],
)
def test_wrong_graph6(tmp_path: Path, content: bytes, match: str) -> None:
    fails(put(tmp_path, "wrong.g6", content), match)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"PK\x03\x04", "not a .npy file"),
        (b"\x93NUMPY", "must hold a matrix"),
        (npy([[None]]), "must hold a matrix"),
        (npy([["a"]]), "must hold a matrix"),
        (npy([[1j]]), "must hold a matrix"),
        (npy(np.zeros((2, 3))), r"must be square, not of shape \(2, 3\)"),
        (npy(np.zeros(4)), r"must be square, not of shape \(4\)"),
        (npy(np.zeros((2, 2, 2))), r"must be square, not of shape \(2, 2, 2\)"),
        (npy(np.zeros((0, 0))), "no vertices"),
        (npy([[0, 1, 0], [1, 0, 1], [0, 0, 0]]), r"row 1, column 2 \(from 0\) differs from its mirror image"),
        (npy([[0, 2], [2, 0]]), "row 0, column 1 .* must be 0 or 1"),
        (npy([[0, np.nan], [np.nan, 0]]), "row 0, column 1 .* must be 0 or 1"),
        (npy([[0, 1], [1, 1]]), "row 1, column 1 .* edge from a vertex to itself"),
        (npy(np.zeros((3, 3), bool))[:-1], "takes 9 bytes of data, not 8"),
        (npy(np.zeros((3, 3), bool)) + b"!", "takes 9 bytes of data, not 10"),
        (npy(np.zeros((9, 9), bool)).replace(b"(9, 9)", b"(20001, 20001)"), "20001 vertices; from 1 to 20000"),
        (npy(np.zeros((9, 9), bool)).replace(b"(9, 9)", b"(9999, 9999)"), "takes 99980001 bytes"),
        (npy(np.zeros((9, 9), bool))[:6] + b"\x02\x00\xff\xff\xff\xff", "must hold a matrix"),
        (npy(np.zeros((9, 9), bool))[:40], "must hold a matrix|takes 81 bytes"),
    ],
)
def test_wrong_matrix(tmp_path: Path, content: bytes, match: str) -> None:
    fails(put(tmp_path, "wrong.npy", content), match)


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_file(tmp_path: Path, ending: str) -> None:
    fails(tmp_path / f"missing{ending}", "no such file")


@pytest.mark.parametrize("ending", ["", ".col", ".npy.gz"])
def test_folder_in_place_of_a_file(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / f"folder{ending}"
    folder.mkdir()
    fails(folder, "folder, not a graph file")


@pytest.mark.parametrize("ending", ENDINGS)
def test_empty_file(tmp_path: Path, ending: str) -> None:
    fails(put(tmp_path, f"empty{ending}", b""), "empty")
    if ending.endswith(".gz"):
        fails(put(tmp_path, f"packed{ending}", gzip.compress(b"")), "empty")


@pytest.mark.parametrize("name", ["graph.dot", "graph", "graph.gz", "graph.col.zip", ".col"])
def test_unknown_ending(tmp_path: Path, name: str) -> None:
    match = r"unknown ending .*\.col, \.edges, \.edgelist, \.txt, \.g6, \.graph6, \.npy, each also with \.gz"
    text = b"p edge 1 0\n"
    fails(put(tmp_path, name, gzip.compress(text) if name.endswith(".gz") else text), match)


@pytest.mark.parametrize("ending", PARSERS)
def test_broken_gzip(tmp_path: Path, ending: str) -> None:
    write_graph(nx.path_graph(30), tmp_path / f"good{ending}.gz")
    good = (tmp_path / f"good{ending}.gz").read_bytes()
    fails(put(tmp_path, f"plain{ending}.gz", "p edge 1 0\n"), "not a sound gzip file")
    fails(put(tmp_path, f"cut{ending}.gz", good[:-12]), "gzip file is cut off")
    fails(put(tmp_path, f"garbled{ending}.gz", good[:10] + b"\xff" * (len(good) - 10)), "not a sound gzip file")


@pytest.mark.parametrize("name", ["latin.col", "latin.edges"])
def test_not_utf8(tmp_path: Path, name: str) -> None:
    content = "p edge 1 0\n" if name == "latin.col" else "a b\n"
    fails(put(tmp_path, name, content.encode() + "c caf\xe9\n".encode("latin-1")), "line 2: not UTF-8 text")


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.col")
    fails(tmp_path / "pipe.col", "not an ordinary file")


def test_name_that_no_system_has(tmp_path: Path) -> None:
    fails(tmp_path / f"{'a' * 5000}.col", "cannot be read|no such file")
    fails(tmp_path / "a\0b.col", "no such file")


def test_too_much_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_files, "MAX_BYTES", 1 << 20)
    fails(put(tmp_path, "bomb.col.gz", gzip.compress(b"c" * (1 << 21))), "more than 1 MiB of data")


def test_too_many_edges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for ending in PARSERS:
        write_graph(nx.complete_graph(5), tmp_path / f"k5{ending}")
    monkeypatch.setattr(limits, "MAX_EDGES", 9)
    for ending in PARSERS:
        fails(tmp_path / f"k5{ending}", "more than 9 edges")


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no graph file in this folder; endings read there"):
        Coloring().load(str(tmp_path))
    for missing in (str(tmp_path / "missing"), "", " "):
        with pytest.raises(UserError, match="no such file"):
            Coloring().load(missing)
    put(tmp_path, "b.col", "nonsense\n")
    with pytest.raises(UserError, match=r"b\.col: line 1"):
        Coloring().load(str(tmp_path))


# What is random

WORDS = st.sampled_from(["p", "e", "c", "edge", "n", "1", "2", "3", "-1", "9" * 30, "a", "#", ",", "\n", "\r", "\0"])
HEADS = [b"", b"p edge 3 2\n", b">>graph6<<", b"~", b"~~", npy(np.eye(2)), npy(np.eye(2))[:10], b"\x93NUMPY\x02\x00"]
TAILS = st.binary(max_size=100) | st.lists(WORDS).map(lambda words: " ".join(words).encode())


@pytest.mark.parametrize("ending", ENDINGS)
@given(head=st.sampled_from(HEADS), tail=TAILS, packed=st.booleans())
def test_any_bytes_give_a_graph_or_a_user_error(ending: str, head: bytes, tail: bytes, packed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder), f"any{ending}", gzip.compress(head + tail) if packed else head + tail)
        try:
            graph = read_graph(path)
        except UserError as error:
            assert path.name in str(error)
        else:
            assert list(graph) == list(range(len(graph)))
            assert not nx.number_of_selfloops(graph)


@pytest.mark.parametrize("ending", ENDINGS)
@given(graph=graphs(), data=st.data())
def test_damaged_files_give_a_graph_or_a_user_error(ending: str, graph: nx.Graph, data: st.DataObject) -> None:
    assume(graph.number_of_edges() or PARSERS[ending.removesuffix(".gz")] is not parse_edge_list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged{ending}"
        write_graph(graph, path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            assert len(read_graph(path)) >= 1
        except UserError as error:
            assert path.name in str(error)
