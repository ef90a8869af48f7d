"""What color names do: any renaming of a coloring is the same coloring."""

from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.tasks.base import choose


def canonical_colors(colors: Tensor, k: int) -> Tensor:
    """Return colors `(..., n)` renamed by first occurrence."""
    n = colors.shape[-1]
    present = F.one_hot(colors, k).bool()  # (... n k)
    first = torch.where(present.any(-2), present.int().argmax(-2), n + torch.arange(k))  # (... k)
    return first.argsort(-1).argsort(-1).gather(-1, colors)


def draw_named(solutions: Tensor, log_probs: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Draw colorings by their probability at the decoder, among known ones and their renamings: `(batch, n)`.

    `solutions` `(batch, solutions, n)`, rows of -1 where there are fewer, `log_probs` `(batch, n, k)`.
    """
    names = torch.tensor(list(permutations(range(k))))
    colors = solutions.long().clamp(min=0)
    one_hot = F.one_hot(colors, k)
    renamed = log_probs[:, :, names].transpose(2, 3)  # (b n k names)
    scores = torch.einsum("bsnk,bnkp->bsp", one_hot.float(), renamed)
    unused = k - one_hot.amax(2).sum(-1, keepdim=True)  # unused colors make several renamings give the same answer
    scores = (scores - torch.lgamma(unused + 1.0)).masked_fill(solutions[..., :1] < 0, -torch.inf)
    chosen = choose(scores.flatten(1), generator)
    return names[chosen % len(names)].gather(1, colors[torch.arange(len(colors)), chosen // len(names)])


def align_names(solutions: Tensor, targets: Tensor, k: int) -> Tensor:
    """Rename the colors of known solutions `(batch, solutions, length)` after the targets `(batch, length)`.

    Color by color, the pair of names that most vertices agree on first. Positions of -1 stay.
    """
    known = solutions >= 0
    colors = solutions.clamp(min=0)
    both = (known & (targets >= 0)[:, None]).flatten(0, 1)[..., None]
    wanted = targets.clamp(min=0)[:, None].expand_as(colors).flatten(0, 1)
    agree = (F.one_hot(colors.flatten(0, 1), k) * both).float().mT @ F.one_hot(wanted, k).float()  # (rows own wanted)
    names = torch.zeros(len(agree), k, dtype=torch.long)
    for _ in range(k):
        own, new = (place[:, None] for place in torch.unravel_index(agree.flatten(1).argmax(1), (k, k)))
        names.scatter_(1, own, new)
        agree.scatter_(1, own[..., None].expand(-1, -1, k), -1.0)
        agree.scatter_(2, new[..., None].expand(-1, k, -1), -1.0)
    return names.gather(1, colors.flatten(0, 1)).view_as(colors).where(known, -1)
