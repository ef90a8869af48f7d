"""Training examples for graph coloring: a pool of graphs with all their colorings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Examples, TrainingSet

if TYPE_CHECKING:
    from gram_pyro.tasks.coloring.task import Coloring


class ColoringPool(TrainingSet):
    """Graphs of one size and their canonical colorings.

    A draw takes a graph uniformly, one of its colorings uniformly, and relabels the vertices at
    random; color names are random or canonical as the task says.
    """

    task: Coloring

    def __init__(self, task: Coloring, graphs: Sequence[nx.Graph]) -> None:
        self.task = task
        self.adjacency = torch.from_numpy(
            np.stack(
                [nx.to_numpy_array(graph, nodelist=range(len(graph)), weight=None).astype(bool) for graph in graphs]
            )
        )
        try:
            solutions = [task.solutions(graph) for graph in graphs]
        except TimeoutError:
            raise UserError(
                f"training lists all colorings of a graph, and some with n={task.n} and edge probability "
                f"{task.edge_probability} have too many; take smaller or denser graphs"
            ) from None
        width = min(task.listed, max(len(answers) for answers in solutions))
        self.listed = torch.full((len(graphs), width, len(graphs[0])), -1, dtype=torch.int8)
        for row, answers in zip(self.listed, solutions, strict=True):
            shown = answers[:: -(-len(answers) // width)]
            row[: len(shown)] = torch.tensor(shown)
        self.counts = torch.tensor([len(answers) for answers in solutions])
        self.offsets = self.counts.cumsum(0) - self.counts
        self.colorings = torch.tensor([answer for answers in solutions for answer in answers])

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """`count` relabelled graphs and colorings."""
        n = self.adjacency.shape[-1]
        graph = torch.randint(len(self.counts), (count,), generator=generator)
        choice = (torch.rand(count, generator=generator, dtype=torch.double) * self.counts[graph]).long()
        order = torch.rand(count, n, generator=generator).argsort(1)
        colors = self.colorings[self.offsets[graph] + choice].gather(1, order)
        rows = torch.arange(count)[:, None, None]
        adjacency = self.adjacency[graph][rows, order[:, :, None], order[:, None, :]]
        if self.task.names == "random":
            names = torch.rand(count, self.task.k, generator=generator).argsort(1)
            colors = names.gather(1, colors)
        else:
            colors = canonical_colors(colors, self.task.k)
        listed = self.listed[graph].gather(2, order[:, None, :].expand(-1, self.listed.shape[1], -1))
        return Examples(self.task.encode_adjacency(adjacency), self.task.encode_colors(colors), listed)

    def known(self, solutions: Tensor, targets: Tensor) -> Tensor:
        """The listed colorings, their colors named as close to the target's as may be."""
        return known_colorings(self.task, solutions, targets)

    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """A coloring drawn by its probability at the decoder, among the listed ones and their renamings.

        Where names are canonical, so is the result.
        """
        batch, _, n = solutions.shape
        k = self.task.k
        names = torch.tensor(list(permutations(range(k)) if self.task.names == "random" else [range(k)]))
        colors = solutions.long().clamp(min=0)
        if self.task.names == "canonical":
            colors = canonical_colors(colors.flatten(0, 1), k).view(colors.shape)
        renamed = log_probs[:, :n, names].transpose(2, 3)  # (batch, n, k, names)
        one_hot = F.one_hot(colors, k)
        scores = torch.einsum("bsnk,bnkp->bsp", one_hot.float(), renamed)
        if self.task.names == "random":  # unused colors make several renamings give the same answer
            unused = k - one_hot.amax(2).sum(-1, keepdim=True)
            scores = scores - torch.lgamma(unused + 1.0)
        scores = scores.masked_fill((solutions[..., :1] < 0), -torch.inf).flatten(1)
        chosen = torch.multinomial(scores.softmax(1), 1, generator=generator)[:, 0]
        rows = torch.arange(batch)
        return self.task.encode_colors(names[chosen % len(names)].gather(1, colors[rows, chosen // len(names)]))


def known_colorings(task: Coloring, listed: Tensor, targets: Tensor) -> Tensor:
    """Colorings `(batch, listed, n)`, rows of -1 where there are fewer, as targets `(batch, listed, length)`.

    Where names are random they are renamed after `targets` `(batch, length)`: color by color, the pair of names
    that most vertices agree on first. Where they are canonical they stay so.
    """
    batch, count, n = listed.shape
    colors, k = listed.long().clamp(min=0).flatten(0, 1), task.k
    if task.names == "random":
        wanted = targets[:, :n].clamp(min=0).repeat_interleave(count, 0)
        agree = F.one_hot(colors, k).float().mT @ F.one_hot(wanted, k).float()  # (rows, own name, wanted name)
        names = torch.zeros(len(colors), k, dtype=torch.long)
        for _ in range(k):
            own, new = (place[:, None] for place in torch.unravel_index(agree.flatten(1).argmax(1), (k, k)))
            names.scatter_(1, own, new)
            agree.scatter_(1, own[..., None].expand(-1, -1, k), -1.0)
            agree.scatter_(2, new[..., None].expand(-1, k, -1), -1.0)
        colors = names.gather(1, colors)
    else:
        colors = canonical_colors(colors, k)
    known = task.encode_colors(colors).view(batch, count, -1)
    return known.where(listed[..., :1] >= 0, -1)


def canonical_colors(colors: Tensor, k: int) -> Tensor:
    """Colors `(batch, n)` renamed by first occurrence."""
    n = colors.shape[1]
    present = F.one_hot(colors, k).bool()  # (batch, n, k)
    first = torch.where(present.any(1), present.int().argmax(1), n + torch.arange(k))  # (batch, k)
    return first.argsort(1).argsort(1).gather(1, colors)
