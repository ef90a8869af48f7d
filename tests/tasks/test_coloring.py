"""Graph coloring against oracles that share no code with it: polynomials, a SAT solver, plain loops."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations, product
from math import factorial, log
from pathlib import Path
from typing import get_args

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pysat.solvers import Minisat22
from torch import Tensor

from benchmarks.graph_files import write_graph
from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Problems, Split
from gram_pyro.tasks.coloring import task as coloring
from gram_pyro.tasks.coloring.matrices import adjacency_of
from gram_pyro.tasks.coloring.names import align_names, canonical_colors
from gram_pyro.tasks.coloring.solver import colorings
from gram_pyro.tasks.coloring.split import invariant, split_of
from gram_pyro.tasks.coloring.task import Coloring
from gram_pyro.tasks.pool import Pool
from gram_pyro.testing import check_task
from gram_pyro.train import main as train

SPLITS = get_args(Split)
LAYOUTS, NAMES = ("relations", "tokens"), ("random", "canonical")


@st.composite
def graphs(draw: st.DrawFn, largest: int = 8) -> nx.Graph:
    n = draw(st.integers(2, largest))
    pairs = list(combinations(range(n), 2))
    present = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    graph = nx.empty_graph(n)
    graph.add_edges_from(pair for pair, edge in zip(pairs, present, strict=True) if edge)
    return graph


@st.composite
def graphs_with_answers(draw: st.DrawFn) -> tuple[nx.Graph, int, tuple[int, ...], list[int]]:
    """A graph, k, an answer in k colors and an order of the vertices."""
    graph, k = draw(graphs()), draw(st.integers(2, 4))
    answer = draw(st.tuples(*[st.integers(0, k - 1)] * len(graph)))
    return graph, k, answer, draw(st.permutations(range(len(graph))))


def proper_colorings(graph: nx.Graph, k: int) -> int:
    """Their number, named colors, from the chromatic polynomial."""
    return int(nx.chromatic_polynomial(graph).subs("x", k))


def satisfiable(graph: nx.Graph, k: int) -> bool:
    """Whether k colors are enough, says a SAT solver."""
    clauses = [[v * k + c + 1 for c in range(k)] for v in graph]
    clauses += [[-(u * k + c + 1), -(v * k + c + 1)] for u, v in graph.edges for c in range(k)]
    with Minisat22(bootstrap_with=clauses) as solver:
        return bool(solver.solve())


def clashes(graph: nx.Graph, answer: tuple[int, ...]) -> int:
    count = 0
    for u in range(len(graph)):
        for v in range(u):
            if graph.has_edge(u, v) and answer[u] == answer[v]:
                count += 1
    return count


def first_occurrence(answer: tuple[int, ...], k: int) -> tuple[int, ...]:
    """The smallest of all renamings."""
    return min(tuple(names[color] for color in answer) for names in permutations(range(k)))


def relabelled(graph: nx.Graph, order: list[int]) -> nx.Graph:
    """Vertex v of the result is vertex order[v] of the graph."""
    result = nx.empty_graph(len(graph))
    result.add_edges_from((u, v) for u, v in combinations(range(len(graph)), 2) if graph.has_edge(order[u], order[v]))
    return result


def matrix(graph: nx.Graph) -> np.ndarray:
    return nx.to_numpy_array(graph, nodelist=range(len(graph))) > 0


def drawn_graphs(problems: Problems, n: int) -> list[nx.Graph]:
    """The graphs that a batch of encoded problems stands for, read by plain loops."""
    tokens, relations = problems.tokens, problems.relations
    result = []
    for row in range(len(tokens)):
        graph = nx.empty_graph(n)
        for place, (u, v) in enumerate(combinations(range(n), 2)):
            if relations is None:
                assert tokens[row, place] in (1, 2)
                edge = tokens[row, place] == 2
            else:
                edge = relations[row, 0, u, v] == 1
                assert relations[row, 0, u, v] == relations[row, 0, v, u]
            if edge:
                graph.add_edge(u, v)
        result.append(graph)
    return result


# Exact solutions


@settings(max_examples=30)
@given(graphs(largest=7), st.integers(2, 4))
def test_number_of_solutions_is_the_chromatic_polynomial(graph: nx.Graph, k: int) -> None:
    solutions = Coloring(n=8, k=k).solutions(graph)
    count = sum(factorial(k) // factorial(k - len(set(answer))) for answer in solutions)
    assert count == proper_colorings(graph, k)
    assert len(set(solutions)) == len(solutions)
    for answer in solutions:
        assert clashes(graph, answer) == 0 and first_occurrence(answer, k) == answer


@settings(max_examples=30)
@given(graphs(largest=6), st.integers(2, 4))
def test_targets_are_all_proper_colorings_or_the_canonical_ones(graph: nx.Graph, k: int) -> None:
    if satisfiable(graph, k):
        named = {tuple(target) for target in Coloring(k=k, names="random").targets(graph).tolist()}
        assert named == {a for a in product(range(k), repeat=len(graph)) if clashes(graph, a) == 0}
        canonical = [tuple(target) for target in Coloring(k=k, names="canonical").targets(graph).tolist()]
        assert sorted(canonical) == sorted({first_occurrence(answer, k) for answer in named})


@settings(max_examples=30)
@given(graphs(largest=5), st.integers(2, 5))
def test_entropy_is_that_of_a_coloring_and_then_its_names(graph: nx.Graph, k: int) -> None:
    if satisfiable(graph, k):
        proper = [a for a in product(range(k), repeat=len(graph)) if clashes(graph, a) == 0]
        count = len({first_occurrence(answer, k) for answer in proper})
        chances = [factorial(k - len(set(answer))) / factorial(k) / count for answer in proper]
        assert sum(chances) == pytest.approx(1)
        task = Coloring(k=k)
        assert task.entropy(task.targets(graph)) == pytest.approx(-sum(p * log(p) for p in chances))


def test_targets_are_drawn_as_often_as_they_are_listed() -> None:
    task, graph = Coloring(n=4, k=4), nx.path_graph(4)
    _, drawn, _ = Pool(task, [graph]).draw(20_000, torch.Generator().manual_seed(0))

    def shares(rows: Tensor) -> list[float]:
        used = Counter(len(set(row)) for row in rows.tolist())
        return [used[colors] / len(rows) for colors in (2, 3, 4)]

    assert shares(task.targets(graph)) == [1 / 5, 3 / 5, 1 / 5]
    assert shares(drawn) == pytest.approx([1 / 5, 3 / 5, 1 / 5], abs=0.015)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_sat_solver_agrees_on_what_can_be_colored(k: int) -> None:
    rng, answers = np.random.default_rng(k), Counter[bool]()
    for _ in range(60):
        graph = nx.gnp_random_graph(int(rng.integers(2, 10)), rng.uniform(0.1, 0.95), seed=int(rng.integers(2**31)))
        expected = satisfiable(graph, k)
        assert Coloring(k=k).solvable(graph) is expected
        answers[expected] += 1
    assert min(answers[True], answers[False]) > 5


def test_the_search_stops_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = nx.empty_graph(8)  # the first solution takes one branch a vertex
    assert next(colorings(graph, 3, limit=8)) == (0,) * 8
    with pytest.raises(TimeoutError, match="7 branches"):
        next(colorings(graph, 3, limit=7))
    monkeypatch.setattr(coloring, "SEARCH_LIMIT", 8)
    assert Coloring().solvable(graph) is True
    monkeypatch.setattr(coloring, "SEARCH_LIMIT", 7)
    assert Coloring().solvable(graph) is None


# The checker


@given(graphs_with_answers())
def test_violations_and_canonical_agree_with_plain_loops(
    case: tuple[nx.Graph, int, tuple[int, ...], list[int]],
) -> None:
    graph, k, answer, order = case
    task = Coloring(k=k)
    assert task.violations(graph, answer) == clashes(graph, answer)
    assert task.canonical(answer) == first_occurrence(answer, k)
    moved = tuple(answer[v] for v in order)
    assert task.violations(relabelled(graph, order), moved) == clashes(graph, answer)
    for names in permutations(range(k)):
        renamed = tuple(names[color] for color in answer)
        assert task.violations(graph, renamed) == clashes(graph, answer)
        assert task.canonical(renamed) == task.canonical(answer)


@given(graphs())
def test_a_recolored_end_of_an_edge_is_caught(graph: nx.Graph) -> None:
    task = Coloring()
    for solution in task.solutions(graph)[:3]:
        for u, v in graph.edges:
            wrong = list(solution)
            wrong[u] = wrong[v]
            assert task.violations(graph, tuple(wrong)) == clashes(graph, tuple(wrong)) > 0


def test_what_is_no_answer_at_all() -> None:
    task, path = Coloring(), nx.path_graph(3)
    assert task.violations(path, (0, 3, -1)) == 2
    assert task.violations(path, (3, 3, 0)) == 3
    with pytest.raises(UserError, match="3 vertices must have 3 colors, not 2"):
        task.violations(path, (0, 1))
    assert task.answer(path, torch.tensor([2, 1, 0, 7, 7])) == (2, 1, 0)


# The split


@given(graphs(), st.randoms(use_true_random=False))
def test_a_relabelled_graph_stays_in_its_split(graph: nx.Graph, random: object) -> None:
    order = list(range(len(graph)))
    random.shuffle(order)  # type: ignore[attr-defined]
    both = np.stack([matrix(graph), matrix(relabelled(graph, order))])
    first, second = invariant(both)
    assert first == second
    assert len(set(split_of(both))) == 1


def test_invariants_are_frozen() -> None:
    """Published splits stand on these numbers: they must never change."""
    for graph, number, split in (
        (nx.complete_bipartite_graph(3, 3), 6748204482300794540, "train"),
        (nx.wheel_graph(5), 8803289300179254624, "validation"),
        (nx.cycle_graph(11), 15348821664252115113, "test"),
    ):
        assert invariant(matrix(graph)[None]).tolist() == [number]
        assert split_of(matrix(graph)[None]).tolist() == [split]


def test_splits_have_their_shares() -> None:
    upper = np.triu(np.random.default_rng(0).random((4000, 9, 9)) < 0.5, 1)
    shares = Counter(split_of(upper | upper.transpose(0, 2, 1)).tolist())
    assert abs(shares["test"] / 4000 - 0.20) < 0.03
    assert abs(shares["validation"] / 4000 - 0.05) < 0.02


@pytest.mark.parametrize("n", [6, 7])
def test_no_graph_of_one_split_is_isomorphic_to_one_of_another(n: int) -> None:
    task = Coloring(n=n)
    splits = [[(sorted(d for _, d in g.degree), g) for g in task.generate(s, 60, 5)] for s in ("train", "test")]
    splits.append([(sorted(d for _, d in g.degree), g) for g in task.generate("validation", 20, 5)])
    compared = 0
    for left, right in combinations(splits, 2):
        for (degrees, first), (others, second) in product(left, right):
            if degrees == others:
                compared += 1
                assert not nx.is_isomorphic(first, second)
    assert compared > 10


def test_generate_is_seeded_and_gives_what_was_asked() -> None:
    task = Coloring(n=7, k=3, edge_probability=(0.3, 0.6))
    lists = [[sorted(g.edges) for g in task.generate("train", 40, seed)] for seed in (1, 1, 2)]
    assert lists[0] == lists[1] != lists[2]
    graphs = task.generate("train", 40, 1)
    assert len(graphs) == 40
    for graph in graphs:
        assert sorted(graph) == list(range(7)) and satisfiable(graph, 3)
    assert not all(satisfiable(graph, 3) for graph in (nx.gnp_random_graph(7, 0.6, seed=s) for s in range(40)))
    with pytest.raises(UserError, match="too few 2-colorable graphs"):
        Coloring(n=12, k=2, edge_probability=(0.99,)).generate("test", 2, 0)


# Graphs of the user's own to train on


def write_graphs(folder: Path, graphs: list[nx.Graph]) -> str:
    folder.mkdir()
    for place, graph in enumerate(graphs):
        write_graph(graph, folder / f"{place}.col")
    return str(folder)


def test_graphs_to_train_on_come_from_a_folder(tmp_path: Path) -> None:
    """The same splits as of random graphs; what cannot be colored is left out."""
    own = [graph for split in SPLITS for graph in Coloring(n=6).generate(split, 8, 1)]
    task = Coloring(n=6, data=write_graphs(tmp_path / "own", [*own, nx.complete_graph(6)]))
    parts = [[sorted(graph.edges) for graph in task.generate(split, 100, 0)] for split in SPLITS]
    assert [sorted(part) for part in parts] == [
        sorted(sorted(graph.edges) for graph in own[start : start + 8]) for start in (0, 8, 16)
    ]
    seeded = [[sorted(graph.edges) for graph in task.generate("train", 3, seed)] for seed in (0, 0, 1)]
    assert seeded[0] == seeded[1] == parts[0][:3] != seeded[2]
    check_task(task)


def test_a_file_is_data_too_and_its_names_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "my.edges").write_text("a b\nb c\n")
    graph = nx.path_graph(3)
    (split,) = split_of(matrix(graph)[None])
    (found,) = Coloring(n=3, data=str(tmp_path / "my.edges")).generate(split, 5, 0)
    assert sorted(found.edges) == sorted(graph.edges)


def test_data_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path) -> None:
    graphs = Coloring(n=5).generate("train", 3, 0)
    folder = write_graphs(tmp_path / "own", graphs)
    with pytest.raises(UserError, match=r"own: a graph has 5 vertices, and training takes n=8; see --task\.n"):
        Coloring(data=folder).generate("train", 3, 0)
    with pytest.raises(UserError, match=r"own: no 3-colorable graph in the test split; take more graphs"):
        Coloring(n=5, data=folder).generate("test", 3, 0)
    with pytest.raises(UserError, match=r"full: no 3-colorable graph in the train split"):
        Coloring(n=5, data=write_graphs(tmp_path / "full", [nx.complete_graph(5)])).generate("train", 3, 0)
    with pytest.raises(UserError, match=r"none: no such file"):
        Coloring(data=str(tmp_path / "none")).generate("train", 3, 0)


def test_own_graphs_are_trained_on_from_the_command_line(tmp_path: Path) -> None:
    own = [graph for split in SPLITS for graph in Coloring(n=5).generate(split, 4, 1)]
    folder = write_graphs(tmp_path / "own", own)
    options = "--task.n 5 --updates 2 --problems 20 --batch 8 --depth 2 --evaluations 1 --compile off --threads 1"
    options += " --model.width 16 --model.heads 2 --model.hidden 16"
    train(["--task", "coloring", "--task.data", folder, *options.split(), "--out", str(tmp_path / "run")])
    assert (tmp_path / "run" / "weights.safetensors").exists()


# Training examples


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("names", NAMES)
def test_every_drawn_target_colors_the_drawn_graph(layout: str, names: str) -> None:
    task = Coloring(n=6, layout=layout, names=names)  # type: ignore[arg-type]
    sources = task.generate("train", 30, 0)
    problems, targets, solutions = Pool(task, sources).draw(200, torch.Generator().manual_seed(3))
    assert targets.shape == problems.tokens.shape and (targets[:, 6:] == -1).all() and (solutions[..., 6:] == -1).all()
    assert (problems.answered, problems.values, problems.pins) == (6, 3, None)
    drawn = drawn_graphs(problems, 6)
    for graph, target, known in zip(drawn, targets[:, :6].tolist(), solutions[..., :6].tolist(), strict=True):
        assert set(target) <= {0, 1, 2} and clashes(graph, tuple(target)) == 0
        rows = [tuple(row) for row in known if row[0] >= 0]
        assert sorted(first_occurrence(row, 3) for row in rows) == Coloring(n=6).solutions(graph)
        if names == "canonical":
            assert all(first_occurrence(row, 3) == row for row in [tuple(target), *rows])
    assert len({tuple(sorted(graph.edges)) for graph in drawn}) > 100  # relabelled
    for graph in drawn[:20]:
        assert any(nx.is_isomorphic(graph, source) for source in sources)


def test_a_draw_depends_on_the_generator_alone() -> None:
    task = Coloring(n=6)
    pool = Pool(task, task.generate("train", 10, 0))
    generator = torch.Generator().manual_seed(1)
    start = generator.get_state()
    first = pool.draw(20, generator)
    second = pool.draw(20, generator)
    torch.manual_seed(99)
    generator.set_state(start)
    again = pool.draw(20, generator)
    assert torch.equal(first.targets, again.targets)
    assert torch.equal(first.problems.relations, again.problems.relations)
    assert not torch.equal(first.targets, second.targets)


def test_draws_are_uniform_over_graphs_then_solutions_then_names() -> None:
    task = Coloring(n=3)
    pool = Pool(task, [nx.complete_graph(3), nx.path_graph(3)])  # 1 and 2 canonical solutions
    problems, targets, _ = pool.draw(6000, torch.Generator().manual_seed(0))
    assert problems.relations is not None
    triangle = problems.relations.sum((1, 2, 3)) == 6
    assert abs(triangle.float().mean() - 0.5) < 0.03
    three = torch.tensor([len(set(target)) == 3 for target in targets[~triangle].tolist()])
    assert abs(three.float().mean() - 0.5) < 0.04
    namings = Counter(map(tuple, targets[triangle].tolist()))
    assert set(namings) == set(permutations(range(3)))
    assert max(namings.values()) < 1.3 * min(namings.values())
    targets = Pool(task, [nx.empty_graph(3)]).draw(6000, torch.Generator().manual_seed(0)).targets
    single = Counter(target[0] for target in targets.tolist() if len(set(target)) == 1)  # no relabelling renames these
    assert set(single) == {0, 1, 2} and max(single.values()) < 1.3 * min(single.values())


def test_vertices_are_relabelled_uniformly() -> None:
    """A path of four vertices has twelve labelings."""
    problems, _, _ = Pool(Coloring(n=4), [nx.path_graph(4)]).draw(6000, torch.Generator().manual_seed(0))
    seen = Counter(tuple(sorted(graph.edges)) for graph in drawn_graphs(problems, 4))
    assert len(seen) == 12 and max(seen.values()) < 1.3 * min(seen.values())


def test_the_order_in_which_a_graph_lists_its_vertices_means_nothing() -> None:
    task, graph = Coloring(n=4), nx.Graph([(3, 0), (0, 2), (2, 1)])
    assert list(graph) != [0, 1, 2, 3]
    problems, targets, _ = Pool(task, [graph]).draw(50, torch.Generator().manual_seed(0))
    for drawn, target in zip(drawn_graphs(problems, 4), targets.tolist(), strict=True):
        assert clashes(drawn, tuple(target)) == 0
    assert drawn_graphs(task.encode([graph]), 4)[0].edges == nx.Graph([(0, 2), (0, 3), (1, 2)]).edges


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize(("graph", "k"), [(nx.path_graph(3), 3), (nx.cycle_graph(4), 2), (nx.path_graph(3), 4)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_new_target_is_drawn_as_the_decoder_weighs_the_solutions(
    graph: nx.Graph, k: int, names: str, layout: str
) -> None:
    n = len(graph)
    task = Coloring(n=n, k=k, layout=layout, names=names)  # type: ignore[arg-type]
    examples = Pool(task, [graph]).draw(1, torch.Generator().manual_seed(4))
    drawn = drawn_graphs(examples.problems, n)[0]
    log_probs = torch.randn(1, task.length_of(len(graph)), k).log_softmax(-1)
    count = 8000
    targets = task.retarget(
        examples.solutions.expand(count, -1, -1), log_probs.expand(count, -1, -1), torch.Generator().manual_seed(0)
    )
    assert targets.shape == (count, task.length_of(len(graph))) and (targets[:, n:] == -1).all()
    proper = [answer for answer in product(range(k), repeat=n) if clashes(drawn, answer) == 0]
    if names == "canonical":
        proper = [answer for answer in proper if first_occurrence(answer, k) == answer]
    weights = torch.stack([sum(log_probs[0, v, c] for v, c in enumerate(answer)) for answer in proper]).softmax(0)
    found = Counter(map(tuple, targets[:, :n].tolist()))
    assert set(found) <= set(proper)
    shares = torch.tensor([found[answer] / count for answer in proper])
    torch.testing.assert_close(shares, weights, rtol=0, atol=0.02)


@given(st.integers(2, 5).flatmap(lambda k: st.tuples(st.just(k), st.lists(st.integers(0, k - 1), min_size=1))))
def test_canonical_colors_is_canonical_for_a_batch(case: tuple[int, list[int]]) -> None:
    k, colors = case
    batch = torch.tensor([colors, colors[::-1]])
    expected = [Coloring(k=k).canonical(tuple(row)) for row in batch.tolist()]
    assert list(map(tuple, canonical_colors(batch, k).tolist())) == expected


@given(st.integers(2, 4), st.integers(0, 2**31))
def test_known_colorings_are_named_after_the_target(k: int, seed: int) -> None:
    """A renaming of the target becomes the target; others agree with it no less than as they were."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(k, (1, 6), generator=generator)
    renamed = torch.randperm(k, generator=generator)[target]
    other, missing = torch.randint(k, (1, 6), generator=generator), torch.full((1, 6), -1)
    known = torch.stack((renamed, other, missing), 1)
    found = align_names(known, target, k)
    assert torch.equal(found[:, 0], target) and torch.equal(found[:, 2], missing)
    assert torch.equal(canonical_colors(found[:, 1], k), canonical_colors(other, k))
    padded = align_names(*(torch.nn.functional.pad(part, (0, 2), value=-1) for part in (known, target)), k)
    assert torch.equal(padded[..., :6], found) and (padded[..., 6:] == -1).all()


# Tensors


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_encoding_keeps_the_graph(layout: str, n: int) -> None:
    task = Coloring(n=n, layout=layout)  # type: ignore[arg-type]
    graphs = [nx.gnp_random_graph(n, 0.5, seed=seed) for seed in range(8)]
    problems = task.encode(graphs)
    assert problems.tokens.shape == (8, task.length_of(n)) and problems.tokens.max() < task.spec.vocabulary
    assert (problems.relations is None) == (task.spec.relations == 0)
    pairs = n * (n - 1) // 2
    assert layout == "relations" or (problems.tokens[:, pairs:] == 0).all()
    assert adjacency_of(problems).tolist() == [matrix(graph).tolist() for graph in graphs]
    for graph, read in zip(graphs, drawn_graphs(problems, n), strict=True):
        assert sorted(map(sorted, graph.edges)) == sorted(map(sorted, read.edges))


def test_a_network_with_positions_reads_one_size_only() -> None:
    for task in (Coloring(n=6, layout="tokens"), Coloring(n=6, positions=True)):
        assert task.spec.positions == "1d"
        with pytest.raises(UserError, match=r"has 5 vertices.*exactly 6"):
            task.encode([nx.path_graph(5)])
    free = Coloring(n=6)
    assert free.spec.positions == "none" and free.encode([nx.path_graph(9)]).tokens.shape == (1, 9)


@pytest.mark.parametrize("n", [8, 61, 600])
def test_the_picture_marks_what_is_broken(n: int) -> None:
    graph, axes = nx.cycle_graph(n), Figure().subplots()
    answer = (*(v % 2 for v in range(n - 1)), n % 2)  # the last two or the last and the first agree
    Coloring().draw(graph, answer, axes)
    thick = [edge for edge, line in zip(graph.edges, axes.lines, strict=True) if line.get_linewidth() > 1]
    assert len(thick) == clashes(graph, answer) > 0
    assert all(answer[u] == answer[v] for u, v in thick)
    Coloring().draw(graph, None, Figure().subplots())


@pytest.mark.parametrize("wrong", [{"n": 1}, {"k": 1}, {"edge_probability": ()}, {"edge_probability": (0.5, 1.0)}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        Coloring(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", ["random", "canonical"])
def test_a_graph_that_cannot_be_colored_has_no_targets(names: str) -> None:
    assert Coloring(n=4, names=names).targets(nx.complete_graph(4)).shape == (0, 4)
