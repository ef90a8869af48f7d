"""p(y, trajectory | x): what can be trained, one model a file."""

from gram_pyro.models.base import Model
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.registry import Registry

MODELS = Registry("model", Model, gram=Gram)

__all__ = ["MODELS", "Gram", "GramConfig", "Model"]
