"""The networks and batches that the benchmarks run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gram_pyro.guides import GUIDES, GaussianGuide, Guide
from gram_pyro.models import MODELS, Gram, GramConfig
from gram_pyro.models.base import Phase, State
from gram_pyro.runs.config import config_of
from gram_pyro.runs.recipes import sized
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.tasks import Coloring
from gram_pyro.tasks.base import Problems
from gram_pyro.tasks.coloring.split import random_adjacency


@dataclass(frozen=True)
class Setting:
    """One size of problem and network."""

    name: str
    batch: int
    vertices: int
    model: GramConfig
    kind: str = "gram"
    """Name of the model."""


SMALL = Setting("small", 32, 8, GramConfig())
RECIPE = Setting("recipe", TrainingConfig().batch, Coloring().n, GramConfig())
LARGE = Setting("large", 64, 36, GramConfig(width=256, heads=8, hidden=512))
PAPER = Setting("paper", 768, 81, GramConfig(width=512, heads=8, hidden=512, refinements=4))
"""The paper's sizes, but for its three transitions, of which two are without gradient."""


def with_model(setting: Setting, kind: str) -> Setting:
    """The same sizes of another model; `fields` with a draft channel and nothing else that is latent."""
    model = sized(config_of(kind), setting.model)
    if kind == "fields":
        model = replace(model, draft="cosine", guidance=False)
    return replace(setting, model=model, kind=kind)


class Case(NamedTuple):
    """A setting made real: network, posterior, one fixed batch and the state it starts from."""

    model: Gram
    guide: Guide
    problems: Problems
    targets: Tensor
    state: State


def build(setting: Setting, seed: int, device: torch.device | str = "cpu") -> Case:
    """Random graphs with random colors; as in training, a part of the problems runs free, without an answer.

    The posterior is moved off the prior, so that no other KL is zero.
    """
    torch.manual_seed(seed)
    task = Coloring(n=setting.vertices)
    model: Gram = MODELS[setting.kind](task.spec, setting.model).to(device)
    guide: Guide = GUIDES[model.guide if model.draft is None else "diffusion"](task.spec, model).to(device)
    if isinstance(guide, GaussianGuide):
        nn.init.normal_(guide.project_out.weight, std=0.02)
    graphs = random_adjacency(setting.batch, setting.vertices, task.edge_probability, np.random.default_rng(seed))
    targets = torch.randint(task.spec.classes, (setting.batch, setting.vertices))
    free = {**vars(TrainingConfig()), **model.recipe, **guide.recipe}["prior_fraction"]
    targets[: int(free * setting.batch)] = -1
    state = model.initial_state(setting.batch, setting.vertices).map(torch.clone)
    if model.draft is not None:
        total = torch.full((setting.batch,), 16, device=device)
        phase = Phase.start(total, setting.vertices)
        state = state._replace(phase=phase._replace(step=torch.arange(setting.batch, device=device) % 16))
    problems = task.encode_adjacency(torch.from_numpy(graphs)).to(device)
    return Case(model, guide, problems, targets.to(device), state)
