"""Latin squares: fill an n x n board so that no symbol comes twice in a row or a column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
import torch

from gram_pyro import Answer, Problems, Spec, Split, Task


@dataclass(frozen=True)
class LatinSquares(Task):
    """Squares of `n` x `n` cells of which `given` are given; an answer has a symbol for each cell."""

    n: int = 5
    given: int = 8

    @property
    def spec(self) -> Spec:
        return Spec(vocabulary=1 + self.n, values=(0,) * self.n, relations=2)  # symbols are only names

    @cached_property
    def rule(self) -> nx.Graph:  # cells are edges between rows and columns; those that meet must differ
        cells = nx.line_graph(nx.complete_bipartite_graph(self.n, self.n))
        return nx.convert_node_labels_to_integers(cells, ordering="sorted")

    def generate(self, split: Split, count: int, seed: int) -> list[Answer]:
        rng, found = np.random.default_rng(seed), dict[Answer, None]()
        while len(found) < count:
            rows, columns, names = (rng.permutation(self.n) for _ in range(3))
            square = names[(rows[:, None] + columns) % self.n].ravel()  # the squares of the cyclic group
            square[rng.permutation(self.n**2)[self.given :]] = -1
            problem = tuple(square.tolist())
            if ("test", "validation", "train")[min(hash(problem) % 10, 2)] == split:
                found[problem] = None
        return [*found]

    def encode(self, problems: Sequence[Answer]) -> Problems:
        lines = np.indices((self.n, self.n)).reshape(2, -1)  # the row and the column of each cell
        same = (lines[:, :, None] == lines[:, None]) & ~np.eye(self.n**2, dtype=bool)
        return Problems(torch.tensor(problems) + 1, torch.from_numpy(same).float(), torch.tensor(problems))

    def targets(self, problem: Answer) -> torch.Tensor:
        return torch.tensor([*self.completions(problem)])

    def violations(self, problem: Answer, answer: Answer) -> int:
        moved = sum(given not in (-1, symbol) for given, symbol in zip(problem, answer, strict=True))
        return moved + sum(answer[one] == answer[other] for one, other in self.rule.edges)

    def completions(self, square: Answer) -> Iterator[Answer]:
        if -1 not in square:
            yield square
        else:
            cell = square.index(-1)
            for symbol in {*range(self.n)} - {square[other] for other in self.rule[cell]}:
                yield from self.completions((*square[:cell], symbol, *square[cell + 1 :]))
