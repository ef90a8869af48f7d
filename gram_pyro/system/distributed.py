"""Several processes that train one model, as torchrun starts them."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import torch
import torch.distributed as dist
from torch import Tensor

from gram_pyro.errors import UserError

GIVING_UP = 0.5  # seconds


@dataclass(frozen=True)
class World:
    """The processes that train together; a process alone is a world of one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # which of the processes of its machine this one is

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """Return this process's own rows of a batch."""
        return slice(self.rank * (batch // self.size), (self.rank + 1) * (batch // self.size))

    def device(self, device: torch.device) -> torch.device:
        """Return a GPU of its own for each process of a machine."""
        return torch.device("cuda", self.local_rank) if device.type == "cuda" and self.size > 1 else device

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.size > 1:
            tensor = tensor.detach().clone()
            dist.all_reduce(tensor)
        return tensor

    def any(self, flags: Sequence[bool], device: torch.device) -> list[bool]:
        """Return which of the flags any process has set."""
        if self.size == 1:
            return [*flags]
        return [bool(flag) for flag in self.sum(torch.tensor(flags, dtype=torch.float, device=device)) > 0]

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the rows of all processes in order of their rank: `(rows, ...)` -> `(size * rows, ...)`."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(self.size)]
        dist.all_gather(parts, tensor.detach().contiguous())
        return torch.cat(parts)

    def broadcast(self, numbers: Sequence[int], device: torch.device) -> list[int]:
        """Return the numbers of the first process."""
        if self.size == 1:
            return [*numbers]
        first = torch.tensor(numbers, device=device)
        dist.broadcast(first, 0)
        return [int(number) for number in first]

    def close(self) -> None:
        """Leave the process group."""
        if self.size > 1:
            # A thread of the group needs the interpreter to give up the tensors of the last exchange, and whoever frees
            # the group waits for that thread without letting go of the interpreter.
            time.sleep(GIVING_UP)
            dist.destroy_process_group()


ALONE = World()


def processes() -> int:
    """Return how many processes share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def join(device: torch.device) -> World:
    """Return the world that torchrun made, or `ALONE`. Raises `UserError` if processes outnumber the GPUs."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        return ALONE
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    if device.type == "cuda":
        cards = torch.cuda.device_count()
        if processes() > cards:
            need = f"{processes()} processes here have {cards} GPUs"
            raise UserError(f"{need}; take --nproc-per-node {cards}, or --device cpu")
        torch.cuda.set_device(local_rank)
    # DistributedDataParallel imports it; imported after the group is made, it can abort the interpreter at its end.
    import_module("torch._dynamo")
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(dist.get_rank(), size, local_rank)
