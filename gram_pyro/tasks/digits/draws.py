"""What training draws of an image: its pixels by their gray values, and the part that is given."""

import numpy as np
import torch
from torch import Generator, Tensor

from gram_pyro.tasks.digits.images import BITS, Image, patches

BYTES = torch.tensor([24, 16, 8, 0])
"""Where the gray values of a patch stand in one integer."""


def packed_grays(problem: Image, top: int) -> Tensor:
    """Return the gray values of each patch in one integer: `(1, patches)`; `top` for black where none are known."""
    grays = problem.grays or bytes(top * pixel for pixel in problem.pixels)
    parts = torch.from_numpy(patches(np.frombuffer(grays, np.uint8)[None]).astype(np.int64))
    return (parts << BYTES).sum(-1)


def random_patches(packed: Tensor, top: int, generator: Generator) -> Tensor:
    """Return values of patches whose pixels are black with probability gray / `top`, in the shape of `packed`."""
    grays = packed[..., None] >> BYTES & 255
    black = torch.rand(grays.shape, generator=generator) * top < grays
    return (black * torch.from_numpy(BITS)).sum(-1)


def random_parts(count: int, half: int, share: float, generator: Generator) -> Tensor:
    """Return which patches of `count` images are given, in a `share` of them: `(count, patches)`.

    `half` is the number of patches along a side. Half of the time each number of patches is as likely; else it is the
    left, right, upper or lower half, without the middle where the number is odd.
    """
    chosen, scattered, part = torch.rand(3, count, 1, generator=generator).unbind()
    anywhere = torch.rand(count, half**2, generator=generator) < part
    side = torch.randint(4, (count,), generator=generator)
    return anywhere.where(scattered < 0.5, halves(half)[side]) & (chosen < share)


def halves(half: int) -> Tensor:
    """Return the left, right, upper and lower patches: `(4, patches)`."""
    first = torch.arange(half) < half // 2
    columns = torch.stack((first, first.flip(0)))[:, None].expand(-1, half, -1)
    return torch.cat((columns, columns.mT)).flatten(1)
