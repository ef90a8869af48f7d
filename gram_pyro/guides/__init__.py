"""q(trajectory | x, y): one posterior a file."""

from gram_pyro.guides.base import Guide
from gram_pyro.guides.diffusion import DiffusionGuide
from gram_pyro.guides.empty import EmptyGuide
from gram_pyro.guides.encoder import EncoderGuide
from gram_pyro.guides.fields import FieldsGuide
from gram_pyro.guides.flow import FlowGuide
from gram_pyro.guides.forward import ForwardGuide
from gram_pyro.guides.gaussian import GaussianGuide
from gram_pyro.guides.lookahead import LookaheadGuide
from gram_pyro.guides.low_rank import LowRankGuide
from gram_pyro.guides.mean_only import MeanOnlyGuide
from gram_pyro.guides.prior import PriorGuide
from gram_pyro.guides.relational import RelationalGuide
from gram_pyro.guides.revealed import RevealedGuide
from gram_pyro.guides.scale_only import ScaleOnlyGuide
from gram_pyro.guides.solution_set import SolutionSetGuide
from gram_pyro.registry import Registry

GUIDES = Registry(
    "guide", Guide, gaussian=GaussianGuide, mean_only=MeanOnlyGuide, scale_only=ScaleOnlyGuide, low_rank=LowRankGuide,
    flow=FlowGuide, fields=FieldsGuide, diffusion=DiffusionGuide, revealed=RevealedGuide, relational=RelationalGuide,
    lookahead=LookaheadGuide, solution_set=SolutionSetGuide, encoder=EncoderGuide, forward=ForwardGuide,
    prior=PriorGuide, empty=EmptyGuide,
)  # fmt: skip

__all__ = [
    "GUIDES", "DiffusionGuide", "EmptyGuide", "EncoderGuide", "FieldsGuide", "FlowGuide", "ForwardGuide",
    "GaussianGuide", "Guide", "LookaheadGuide", "LowRankGuide", "MeanOnlyGuide", "PriorGuide", "RelationalGuide",
    "RevealedGuide", "ScaleOnlyGuide", "SolutionSetGuide",
]  # fmt: skip
