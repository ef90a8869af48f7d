"""p(y, trajectory | x): what can be trained, one model a file."""

from torch import nn

from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.registry import Registry

MODELS = Registry("model", nn.Module, gram=Gram)

__all__ = ["MODELS", "Gram", "GramConfig"]
