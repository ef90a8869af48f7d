"""q(trajectory | x, y): one posterior a file."""

from gram_pyro.guides.base import Guide
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.guides.prior import PriorGuide
from gram_pyro.registry import Registry

GUIDES = Registry("guide", Guide, gaussian=GaussianGuide, prior=PriorGuide)

__all__ = ["GUIDES", "GaussianGuide", "Guide", "PriorGuide"]
