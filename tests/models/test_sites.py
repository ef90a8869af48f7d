"""The marks on sites: what they say, and that handlers, guides and objectives go by them and by no name."""

from __future__ import annotations

import re
from typing import Any, get_args

import networkx as nx
import pytest
import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from torch import Tensor

from gram_pyro.effects.change import ChangeMessenger
from gram_pyro.effects.horizon import HorizonMessenger
from gram_pyro.guides import GUIDES, GaussianGuide
from gram_pyro.inference.sampling import SamplingConfig, sample
from gram_pyro.models import MODELS, Gram, GramConfig, Trm
from gram_pyro.models.sites import Role, mark, sites_of, value_at
from gram_pyro.objectives.constraint import ConstraintELBO
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.objectives.importance import ImportanceELBO
from gram_pyro.objectives.wake_sleep import WakeSleepELBO
from gram_pyro.runs.config import config_of
from gram_pyro.tasks import Coloring

TASK = Coloring(n=5)
X = TASK.encode([nx.gnp_random_graph(5, 0.5, seed=seed) for seed in range(3)])
Y = torch.tensor([[0, 1, 2, 0, 1], [0, 0, 1, 1, 2], [2, 1, 0, 2, 1]])
CONFIG = GramConfig(width=16, heads=2, layers=1, hidden=16, transitions=2)
OTHER = {"high": "thought", "low": "memo", "proposal": "plan", "guidance": "nudge", "y": "reply"}
CARRIED = [name for name, kind in MODELS.items() if kind.recursion == "carried"]
ELBOS = {
    "elbo": TruncatedTrace_ELBO(1),
    "all": TruncatedTrace_ELBO(2, balance=0.8, kl_transitions="all"),
    "whole": TruncatedTrace_ELBO(None),
    "recompute": TruncatedTrace_ELBO(3, recompute=True),
    "importance": ImportanceELBO(1, particles=2),
    "wake_sleep": WakeSleepELBO(1),
    "constraint": ConstraintELBO(1, constraint_log_prob=TASK.constraint_log_prob),
}


class RenameMessenger(Messenger):
    """Give sites other names, and leave their marks."""

    def _pyro_sample(self, msg: Any) -> None:
        role, _, number = msg["name"].partition("_")
        if role in OTHER:
            msg["name"] = f"{OTHER[role]}-{number}"


class Renamed(Gram):
    """GRAM under other names."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        with RenameMessenger():
            return super().forward(*args, **kwargs)


class RenamedTrm(Renamed, Trm):
    """TRM under other names."""


def models(**config: Any) -> tuple[Gram, Gram]:
    """Equal models, of which the second has other names."""
    made = []
    for kind in (Gram, Renamed):
        torch.manual_seed(0)
        made.append(kind(TASK.spec, GramConfig(**{**vars(CONFIG), **config})))
    return made[0], made[1]


def gradients(loss: Tensor, *modules: torch.nn.Module) -> list[Tensor]:
    if loss.requires_grad:
        loss.backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad for module in modules for p in module.parameters()]


# The marks


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("targets", [Y, None], ids=["y", "prior"])
def test_every_site_of_every_model_is_marked(name: str, targets: Tensor | None) -> None:
    """But for the order of masked diffusion, which is no guidance."""
    model = MODELS[name](TASK.spec, config_of(name)(width=16, heads=2, layers=2, hidden=16))
    nodes = poutine.trace(model).get_trace(X, targets, steps=3, supervise="last").nodes
    sites = {key: site for key, site in nodes.items() if site["type"] == "sample" and key != "problems"}
    roles = {key: mark(site, "role") for key, site in sites.items()}
    assert {key for key, role in roles.items() if role is None} == ({"order"} if name == "mdlm" else set())
    assert {*roles.values()} - {None} <= {*get_args(Role)}
    answers = [key for key, _ in sites_of(nodes, "answer")]
    assert answers == [key for key in sites if key.startswith(("y_", "token_"))] and answers
    if name not in CARRIED:
        latent = {"vae": {"guidance"}, "d3pm": {"draft"}}.get(name, set())
        assert {*roles.values()} - {None} == {"answer"} | latent
        return
    guided = ("proposal", "guidance") if name == "gram" else ()
    for role in ("high", "low", *guided):
        times = [mark(site, "transition") for _, site in sites_of(nodes, role)]
        assert times == [*range(1 if role in guided else 0, 4)]
        assert [mark(site, "remaining") for _, site in sites_of(nodes, role)] == [
            3 - time for time in times if time is not None
        ]
    assert [key for key in sites if key.startswith("guidance")] == [key for key, _ in sites_of(nodes, "guidance")]


def test_marks_of_a_guided_run_are_those_of_the_model() -> None:
    model, _ = models()
    guide = GaussianGuide(TASK.spec, model)
    guide(X, Y, steps=2)
    alone = poutine.trace(model).get_trace(X, Y, steps=2).nodes
    for each in guide.get_traces():
        for key, site in each.nodes.items():
            assert [mark(site, name) for name in ("role", "transition", "remaining")] == [
                mark(alone[key], name) for name in ("role", "transition", "remaining")
            ]


def test_a_value_is_found_by_role_and_transition() -> None:
    model, other = models()
    for each in (model, other):
        torch.manual_seed(1)
        nodes = poutine.trace(each).get_trace(X, steps=2).nodes
        prefix = "high_" if each is model else "thought-"
        for t in (0, 1, 4):
            assert torch.equal(value_at(nodes, "high", t), nodes[f"{prefix}{t}"]["value"])
        with pytest.raises(KeyError, match="no proposal site of transition 0"):
            value_at(nodes, "proposal", 0)


# Other names


def test_the_other_names_are_others() -> None:
    nodes = poutine.trace(models()[1]).get_trace(X, Y, steps=2).nodes
    names = {re.split("[-_]", key)[0] for key, site in nodes.items() if site["type"] == "sample"}
    assert names == {*OTHER.values(), "problems"}


@pytest.mark.parametrize("elbo", ELBOS.values(), ids=[*ELBOS])
def test_objectives_go_by_marks(elbo: TruncatedTrace_ELBO) -> None:
    found = []
    for model in models():
        torch.manual_seed(1)
        guide = GaussianGuide(TASK.spec, model)
        torch.nn.init.normal_(guide.project_out.weight, std=0.1)
        terms = elbo.terms(model, guide, X, Y, steps=2)
        found.append((terms.loss, terms.kl, gradients(terms.loss, model, guide)))
    torch.testing.assert_close(found[0], found[1])
    assert any((part != 0).any() for part in found[0][2])


@pytest.mark.parametrize(
    "guide_name", [name for name in GUIDES if name not in ("empty", "fields", "diffusion", "encoder", "forward")]
)
def test_guides_go_by_marks(guide_name: str) -> None:
    found = []
    for model in models():
        torch.manual_seed(1)
        guide = GUIDES[guide_name](TASK.spec, model)
        for parameter in guide.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        found.append(TruncatedTrace_ELBO(None).terms(model, guide, X, Y, steps=2))
    torch.testing.assert_close(found[0][:3], found[1][:3])


@pytest.mark.parametrize("horizon", [1, 2, None])
@pytest.mark.parametrize("kl_transitions", ["last", "all"])
def test_the_horizon_goes_by_marks(horizon: int | None, kl_transitions: Any) -> None:
    graphs = []
    for model in models():
        with HorizonMessenger(horizon, kl_transitions):
            nodes = poutine.trace(model).get_trace(X, steps=2).nodes
        sites = [(role, t, value_at(nodes, role, t)) for role in ("proposal", "guidance", "high") for t in (1, 2, 3, 4)]  # type: ignore[arg-type]
        graphs.append({(role, t): value.grad_fn is not None for role, t, value in sites})
    assert graphs[0] == graphs[1]
    assert graphs[0]["high", 4] and graphs[0]["high", 1] == (horizon is None)


def test_detaching_and_noise_go_by_marks() -> None:
    for model in models():
        with ChangeMessenger("proposal", Tensor.detach):
            nodes = poutine.trace(model).get_trace(X).nodes
        assert not value_at(nodes, "proposal", 1).requires_grad and value_at(nodes, "high", 0) is not None
    drawn = []
    for kind in (Trm, RenamedTrm):
        torch.manual_seed(0)
        model = kind(TASK.spec)
        torch.manual_seed(1)
        with ChangeMessenger("high", lambda high: high + 0.5 * torch.randn_like(high)):
            nodes = poutine.trace(model).get_trace(X, steps=2).nodes
        drawn.append([value_at(nodes, "high", t) for t in (0, 1, 2)])
        plain = poutine.trace(model).get_trace(X, steps=2).nodes
        assert [torch.equal(value, value_at(plain, "high", t)) for t, value in enumerate(drawn[-1])] == [
            True,
            False,
            False,
        ]
    torch.testing.assert_close(drawn[0], drawn[1])


@pytest.mark.parametrize(
    "method", [SamplingConfig(), SamplingConfig(repel=2.0), SamplingConfig(random_start=True)], ids=str
)
def test_sampling_goes_by_marks(method: SamplingConfig) -> None:
    drawn = [sample(model.requires_grad_(False), X, 4, (1, 3), 0, method=method).decoded for model in models()]
    assert torch.equal(drawn[0], drawn[1])
    if method.repel:
        plain = sample(models()[1].requires_grad_(False), X, 4, (1, 3), 0).decoded
        assert not torch.equal(plain, drawn[1])
