"""Random colorings of a graph by Markov chain, where they are too many to list."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

CHAINED, BURN_IN = 4, 8
"""Colorings that are drawn of a graph, and moves a vertex before the first of them."""


def random_colorings(adjacency: Tensor, colors: Tensor, k: int, generator: Generator) -> Tensor:
    """Draw some colorings of each graph `(batch, n, n)` from a known one `(batch, n)`: `(batch, CHAINED, n)`."""
    drawn = []
    for rounds in (BURN_IN, *[1] * (CHAINED - 1)):
        colors = kempe_moves(adjacency, colors, k, rounds * colors.shape[1], generator)
        drawn.append(colors)
    return torch.stack(drawn, 1)


def kempe_moves(adjacency: Tensor, colors: Tensor, k: int, moves: int, generator: Generator) -> Tensor:
    """Swap two colors in a random Kempe chain, `moves` times: colorings `(batch, n)` of graphs `(batch, n, n)`.

    A vertex and another color are drawn; the two colors change places on all that is connected with the vertex in these
    colors (Wang, Swendsen and Kotecky 1989). Each move is as likely as the one back, so that the uniform distribution
    over the colorings that moves can reach stays as it is.
    """
    batch, n = colors.shape
    near = adjacency.float()
    colors = colors.clone()
    for _ in range(moves):
        vertex = torch.randint(n, (batch, 1), generator=generator)
        old = colors.gather(1, vertex)
        new = (old + torch.randint(1, k, (batch, 1), generator=generator)) % k
        both = (colors == old) | (colors == new)
        chain = F.one_hot(vertex[:, 0], n).bool()
        while True:
            grown = chain | (both & ((near @ chain.float()[..., None])[..., 0] > 0))
            if torch.equal(grown, chain):
                break
            chain = grown
        colors = torch.where(chain, old + new - colors, colors)
    return colors
