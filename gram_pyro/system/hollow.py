"""Modules with shapes and no numbers, to be filled from a file."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

INITIALISERS = {
    *(Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_),
    *(nn.init.normal_, nn.init.uniform_, nn.init.constant_, nn.init.kaiming_uniform_),
}


class Hollow(TorchFunctionMode):
    """Make modules without numbers or memory; under `torch.device("meta")` alone, initialisers import the compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.empty, torch.randn):
            return torch.empty(*args, **kwargs | {"device": "meta"})
        if func in INITIALISERS:
            return next(iter((*args, *kwargs.values())))
        return func(*args, **kwargs)


def fill(module: nn.Module, tensors: dict[str, Tensor], device: torch.device) -> None:
    """Give a module its numbers, copied to a device. Raises `RuntimeError` if names or shapes do not fit."""
    own = module.state_dict()
    copies = {name: tensor.to(device, own.get(name, tensor).dtype, copy=True) for name, tensor in tensors.items()}
    module.load_state_dict(copies, assign=True)
