"""Noise that does not depend on how many processes share a batch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gram_pyro.system.distributed import World


class ShardedNoise(TorchFunctionMode):
    """Draw random numbers for the whole batch, of which each process keeps those of its rows.

    With generators in one state, rows see the noise that they would have had in one process. Holds for normal, uniform,
    Bernoulli and categorical draws whose first dimension is the batch, or a multiple of it.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (Tensor.normal_, Tensor.uniform_, Tensor.exponential_) and args[0].dim():
            return args[0].copy_(self._own(args[0], lambda whole: func(whole, *args[1:], **kwargs)))
        if func in (torch.rand, torch.randn):
            shape = torch.Size(args[0] if isinstance(args[0], Sequence) else args)
            if shape:
                whole: Tensor = func((shape[0] * self.world.size, *shape[1:]), **kwargs)
                return whole[self.world.rows(len(whole))]
        if func is torch.multinomial and args[1:2] == (1,):
            race = self._own(args[0], lambda whole: whole.exponential_(1))
            return (args[0] / race).argmax(-1, keepdim=True)
        if func is torch.bernoulli and args[0].dim():
            chances = torch.cat([args[0]] * self.world.size)
            return func(chances, *args[1:], **kwargs)[self.world.rows(len(chances))]
        return func(*args, **kwargs)

    def _own(self, like: Tensor, fill: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the rows of this process from a tensor for all of them."""
        rows = len(like) * self.world.size
        return fill(like.new_empty(rows, *like.shape[1:]))[self.world.rows(rows)]
