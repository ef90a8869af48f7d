"""The sites of a program, and the marks by which handlers know them: `infer={"role": ..., "transition": t, ...}`.
`remaining` is how many transitions follow a site's own."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor

Role = Literal["high", "low", "proposal", "guidance", "draft", "answer"]
"""h_t and l_t after a transition, u_t, eps_t and the draft within it, and what is observed."""
DRAWN: tuple[Role, ...] = ("guidance", "draft")
"""What is drawn on the way."""


class FixedValue(dist.TorchDistribution):
    """The distribution of a decided value `(batch, length, width)`: less work than a masked `Delta`."""

    arg_constraints: ClassVar = {}
    support = dist.constraints.real
    has_rsample = True

    def __init__(self, value: Tensor) -> None:
        self.value = value
        super().__init__(value.shape[:-2], value.shape[-2:], validate_args=False)

    @property
    def base_dist(self) -> dist.Delta:
        """A point mass, as below `pyro.deterministic`; `pyro.render_model` looks for it."""
        return dist.Delta(self.value)

    def expand(self, batch_shape: Any, _instance: Any = None) -> dist.TorchDistribution:
        """Return itself where nothing changes: every plate expands."""
        if torch.Size(batch_shape) == self.batch_shape:
            return self
        return FixedValue(self.value.expand(torch.Size(batch_shape) + self.event_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Return the value."""
        return self.value.expand(torch.Size(sample_shape) + self.value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return zero: the site takes no part in any density."""
        return value.new_zeros(self.batch_shape)


def state_site(role: Role, transition: int, value: Tensor, total: int) -> Tensor:
    """Record a state `(batch, length, width)` of a transition from 0, of `total`; cheaper than `pyro.deterministic`."""
    marks = _marks(role, transition, total)
    return pyro.sample(f"{role}_{transition}", FixedValue(value), obs=value, infer=marks | {"_deterministic": True})


def guidance_site(transition: int, prior: dist.TorchDistribution, total: int) -> Tensor:
    """Draw eps_t from its prior, or where a guide steers it from the posterior."""
    return pyro.sample(f"guidance_{transition}", prior, infer=_marks("guidance", transition, total))


def draft_site(transition: int, prior: dist.TorchDistribution, look: Any, total: int) -> Tensor:
    """Draw draft_t from its prior; a guide finds in the mark `look` what a posterior is made of, None for the prior."""
    infer = _marks("draft", transition, total) | {"look": look}
    return pyro.sample(f"draft_{transition}", prior, infer=infer)


def answer_site(name: str, likelihood: dist.TorchDistribution, targets: Tensor | None) -> Tensor:
    """Observe the targets, or draw an answer where there are none."""
    marks: Any = {"role": "answer"}
    return pyro.sample(name, likelihood, obs=targets, infer=marks)


def mark(site: Mapping[str, Any], name: Literal["role", "transition", "remaining", "look"]) -> Any:
    """Return a mark of a message or of a node of a trace; None where it has none."""
    return site.get("infer", {}).get(name)


def sites_of(nodes: Mapping[str, Any], role: Role) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and sites of one role among the nodes of a trace, in the order of the program."""
    return ((name, site) for name, site in nodes.items() if mark(site, "role") == role)


def latent_values(nodes: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the values of what was drawn on the way, guidance and drafts, by the names of their sites."""
    return {name: site["value"] for role in DRAWN for name, site in sites_of(nodes, role)}


def value_at(nodes: dict[str, Any], role: Role, transition: int) -> Tensor:
    """Return the value of a site of a trace. Raises `KeyError` if there is none."""
    for site in reversed(nodes.values()):
        if mark(site, "role") == role and mark(site, "transition") == transition:
            return site["value"]  # type: ignore[no-any-return]
    raise KeyError(f"the trace has no {role} site of transition {transition}")


def _marks(role: Role, transition: int, total: int) -> Any:
    return {"role": role, "transition": transition, "remaining": total - transition}
