"""Wake and sleep: the model learns from the posterior's trajectories, the posterior from the model's."""

from collections.abc import Callable
from typing import Any, Unpack

import torch
from pyro import poutine
from pyro.poutine.trace_struct import Trace
from torch import Tensor

from gram_pyro.effects.change import ChangeMessenger
from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.models.sites import latent_values, sites_of
from gram_pyro.objectives.elbo import Options, Terms, TruncatedTrace_ELBO, total, traces_of


class WakeSleepELBO(TruncatedTrace_ELBO):
    """Two losses in one: awake, the ELBO as the model sees it; asleep, `-log q(trajectory | x, y)` of prior draws.

    Awake, the posterior's draws are data: `-log p(y | z) + beta KL(sg(q) || p)` trains the model alone. Asleep, the
    model draws a trajectory and an answer from the prior, and the guide alone learns to find the trajectory again from
    the answer: it comes to cover what the prior does, and cannot leak. Parameters as in `TruncatedTrace_ELBO`;
    `recompute` leaves the sleep phase. Not for a guide that sees solutions.
    """

    def __init__(self, horizon: int | None = 1, **options: Unpack[Options]) -> None:
        super().__init__(horizon, balance=1.0, **options)

    def terms(self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> Terms:
        """Run the wake phase, then the sleep phase."""
        terms = super().terms(model, guide, *args, **kwargs)
        asleep = gradient_only_to(guide, self.sleep_phase(model, guide, *args, **kwargs).sum())
        return terms._replace(loss=terms.loss - asleep)

    def _get_trace(self, model: Any, guide: Any, args: Any, kwargs: Any) -> tuple[Trace, Trace]:
        with ChangeMessenger("guidance", Tensor.detach):
            return super()._get_trace(model, guide, args, kwargs)

    def sleep_phase(self, model: Any, guide: Any, problems: Any, targets: Tensor, **run_kwargs: Any) -> Tensor:
        """Return log q of a trajectory of the prior, given the answer that the decoder draws at its end: `(batch,)`."""
        with torch.no_grad(), poutine.block():
            sites: Any = poutine.trace(model).get_trace(problems, **{**run_kwargs, "supervise": "last"}).nodes
        trajectory = latent_values(sites)
        if not trajectory:
            return torch.zeros(())
        answer = [site["value"] for _, site in sites_of(sites, "answer")][-1]
        answer = answer.where(targets >= 0, -1)
        with poutine.block(), ChangeMessenger("proposal", Tensor.detach), SubstituteMessenger(trajectory):
            _, guide_trace = traces_of(guide, problems, answer, **run_kwargs)
        found: dict[str, Any] = guide_trace.nodes
        return total([site["fn"].log_prob(trajectory[name]) for name, site in found.items() if name in trajectory])


def gradient_only_to(guide: Any, value: Tensor) -> Tensor:
    """Return the same value with a gradient to the guide's parameters alone."""
    parameters = [parameter for parameter in guide.parameters() if parameter.requires_grad]
    if not value.requires_grad or not parameters:
        return value.detach()
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    pairs = zip(gradients, parameters, strict=True)
    reached = total([(gradient * parameter).sum() for gradient, parameter in pairs if gradient is not None])
    return value.detach() + reached - reached.detach()
