"""How likely constraints hold when positions are independent; several constraints count as independent, too."""

import torch
from torch import Tensor

TINY = 1e-6  # least distance of chances from 0 and 1


def log_differ(probabilities: Tensor, pairs: Tensor) -> Tensor:
    """No two positions of a pair have the same value: `(batch,)`.
    `probabilities` `(batch, length, classes)`, `pairs` `([batch,] length, length)` symmetric, 1.0 where two are one."""
    same = probabilities @ probabilities.mT
    return (torch.log1p(-same.clamp(max=1 - TINY)) * pairs.triu(1)).sum((-2, -1))


def log_exactly_one(chances: Tensor, groups: Tensor) -> Tensor:
    """In each group exactly one position is chosen: `(...)`; `chances` `(..., length)`, `groups` `(groups, length)`."""
    none, odds = _none_and_odds(chances, groups)
    return (none + odds.log()).sum(-1)


def log_at_most_one(chances: Tensor, groups: Tensor) -> Tensor:
    """In each group at most one position is chosen; shapes as in `log_exactly_one`."""
    none, odds = _none_and_odds(chances, groups)
    return (none + odds.log1p()).sum(-1)


def log_given(probabilities: Tensor, given: Tensor) -> Tensor:
    """Positions have the values `given` `(batch, length)`, -1 where any will do: `(batch,)`."""
    chances = probabilities.gather(-1, given.clamp(min=0)[..., None])[..., 0]
    return (chances.clamp(min=TINY).log() * (given >= 0)).sum(-1)


def _none_and_odds(chances: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Log chance that nothing of a group is chosen, and the odds of its positions added up: `(..., groups)`."""
    chances = chances.clamp(TINY, 1 - TINY)
    groups = groups.to(chances)
    return torch.log1p(-chances) @ groups.T, (chances / (1 - chances)) @ groups.T
