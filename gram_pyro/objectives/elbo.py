"""The evidence lower bound with a gradient horizon."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypedDict

import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.distributions.util import scale_and_mask
from pyro.infer import ELBO
from pyro.poutine.guide import GuideMessenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor
from torch.distributions import kl_divergence
from torch.utils.checkpoint import checkpoint

from gram_pyro.effects.horizon import HorizonMessenger
from gram_pyro.effects.substitute import SubstituteMessenger
from gram_pyro.guides.steered import detached
from gram_pyro.models.sites import mark

KL_DRAWS = 8  # draws of a guidance that a sampled KL is the mean of: with one, its noise drowns what is to be learned


class Parts(NamedTuple):
    """One run of model and guide taken apart, unweighted: `log_likelihood`, and `kl_cost` and `draft_cost`, which the
    guidance and the drafts cost, `(batch,)` with gradient; `kl` and `draft_kl`, the same by transition,
    `(charged transitions, batch)`; and the model's `trace` under the posterior's draws."""

    log_likelihood: Tensor
    kl_cost: Tensor
    draft_cost: Tensor
    kl: Tensor
    draft_kl: Tensor
    trace: Trace


class Terms(NamedTuple):
    """What an ELBO is made of: `loss` is the scalar to minimise, summed over problems, the others as in `Parts`."""

    loss: Tensor
    log_likelihood: Tensor
    kl: Tensor
    draft_kl: Tensor
    trace: Trace

    @property
    def outcome(self) -> Any:
        """What the model returned."""
        return self.trace.nodes["_RETURN"]["value"]


class Options(TypedDict, total=False):
    """What every objective takes, as in `TruncatedTrace_ELBO`."""

    beta: float | Tensor
    kl_transitions: Literal["last", "all"]
    recompute: bool
    draft_weight: float


class Divergences(NamedTuple):
    """KL by transition of one kind of sites, each `(batch,)`: their `values`, and what they cost with gradient."""

    values: list[Tensor]
    costs: list[Tensor]

    def rows(self) -> Tensor:
        """Return the values as `(transitions, batch)`."""
        return torch.stack(self.values) if self.values else torch.zeros(0, 1)


class TruncatedTrace_ELBO(ELBO):
    """ELBO whose gradient sees only the last `horizon` transitions of a run.

    The KL is analytic where torch knows one, else the mean of `KL_DRAWS` draws. Works in `pyro.infer.SVI` and as
    a module, `elbo(model, guide)`; values of an ordinary guide are replayed, a `GuideMessenger` runs interleaved.

    Parameters
    ----------
    horizon
        Number of last transitions that gradients run through; None means all of them, which with `beta=1`,
        `balance=None` and a model run with `supervise="last"` is the exact ELBO (13). 1 is the paper's surrogate (14).
    beta
        Coefficient of the KL: a number, or a tensor that broadcasts with `(batch,)`. It may be assigned between steps,
        by a controller or by a weighting of the KL over the steps (`TrainingConfig.kl_tilt`).
    balance
        b in `b * KL(sg(q) || p) + (1 - b) * KL(q || sg(p))`: 0.8 in the paper; None does not split the gradient.
    kl_transitions
        Which transitions pay KL: `"last"`, those inside the horizon (the paper), or `"all"`: those outside it train
        the Gaussian heads locally, their inputs detached.
    recompute
        Whether supervision steps but the last are run again for their gradient instead of being kept (activation
        checkpointing): memory for one step, and about half as much time again. Losses and gradients are the same, but
        for a guide that looks ahead, which does so anew at each step. Only for a `Model` that carries its state, or
        whose `state` knows its phase.
    draft_weight
        Coefficient of the KL of drafts, which `beta` and `balance` leave alone; at 0 it is not computed.
    """

    def __init__(
        self,
        horizon: int | None = 1,
        *,
        beta: float | Tensor = 1.0,
        balance: float | None = None,
        kl_transitions: Literal["last", "all"] = "last",
        recompute: bool = False,
        draft_weight: float = 1.0,
    ) -> None:
        super().__init__(num_particles=1)  # type: ignore[no-untyped-call]
        if horizon is not None and horizon < 1:
            raise ValueError(f"horizon must be at least 1 or None, not {horizon}")
        if balance is not None and not 0 <= balance <= 1:
            raise ValueError(f"balance must lie between 0 and 1, not {balance}")
        if kl_transitions not in ("last", "all"):
            raise ValueError(f"kl_transitions must be 'last' or 'all', not {kl_transitions!r}")
        self.horizon, self.beta, self.balance = horizon, beta, balance
        self.kl_transitions, self.recompute, self.draft_weight = kl_transitions, recompute, draft_weight

    @property
    def balances(self) -> bool:
        """Whether part of the KL's gradient goes to the posterior and part to the prior, which a sampled KL cannot."""
        return self.balance is not None and self.balance < 1

    def terms(self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> Terms:
        """Run model and guide once and take the bound apart."""
        parts = self.parts(model, guide, *args, **kwargs)
        loss = (self.cost(parts) - parts.log_likelihood).sum()
        return Terms(loss, parts.log_likelihood.detach(), parts.kl, parts.draft_kl, parts.trace)

    def cost(self, parts: Parts) -> Tensor:
        """Return the weighted KL of each problem, `(batch,)`."""
        return self.beta * parts.kl_cost + self.draft_weight * parts.draft_cost

    def parts(self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> Parts:
        """Run model and guide once: likelihood and KL of each problem, nothing weighted yet."""
        on_its_way = getattr(kwargs.get("state"), "phase", None) is not None  # steps are planned, and the plan is known
        goes_on = on_its_way or getattr(model, "recursion", None) == "carried"
        if self.recompute and goes_on and kwargs.get("steps", 1) > 1 and torch.is_grad_enabled():
            return self._recomputed_parts(model, guide, *args, **kwargs)
        return self._parts(self.horizon, model, guide, *args, **kwargs)

    def _recomputed_parts(self, model: Any, guide: Any, *args: Any, steps: int, **run_kwargs: Any) -> Parts:
        """Run step by step; what the last one keeps is needed first."""
        supervise, state = run_kwargs.pop("supervise", "every"), run_kwargs.pop("state", None)
        before = "none" if supervise == "last" else supervise

        def run(left: int, state: Any, supervise: str) -> Parts:
            horizon = None if self.horizon is None else self.horizon - left * model.transitions
            return self._parts(horizon, model, guide, *args, steps=1, state=state, supervise=supervise, **run_kwargs)

        def step(left: int, state: Any) -> tuple[Any, ...]:
            *parts, trace = run(left, state, before)
            outcome: Any = trace.nodes["_RETURN"]["value"]
            return *parts, outcome.state

        found: list[Any] = []
        for left in range(steps - 1, 0, -1):
            *parts, state = checkpoint(step, left, state, use_reentrant=False)
            found.append(parts)
        *parts, trace = run(0, state, supervise)
        log_likelihoods, costs, draft_costs, *by_transition = zip(*found, parts, strict=True)
        kl, draft_kl = (torch.cat([each for each in part if len(each)] or [part[-1]]) for part in by_transition)
        return Parts(total([*log_likelihoods]), total([*costs]), total([*draft_costs]), kl, draft_kl, trace)

    def _parts(self, horizon: int | None, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Parts:
        """Run once, where the gradient sees its last `horizon` transitions; 0 or less if it ends before the horizon."""
        with HorizonMessenger(horizon, self.kl_transitions):
            model_trace, guide_trace = self._get_trace(model, guide, args, kwargs)
        likelihoods: list[Tensor] = []
        guidance, drafts = Divergences([], []), Divergences([], [])
        charged = math.inf if horizon is None or self.kl_transitions == "all" else horizon
        sites: dict[str, Any] = model_trace.nodes
        for name, site in sites.items():
            if site["type"] != "sample" or site["infer"].get("_deterministic"):
                continue
            if site["is_observed"]:
                likelihoods.append(scale_and_mask(site["fn"].log_prob(site["value"]), site["scale"], site["mask"]))
            elif name in guide_trace.nodes and (mark(site, "remaining") or 0) < charged:
                draft = mark(site, "role") == "draft"
                if draft and self.draft_weight == 0:
                    continue
                divergence, cost = self._kl(name, guide_trace.nodes[name], site, None if draft else self.balance)
                chosen = drafts if draft else guidance
                chosen.values.append(divergence.detach())
                chosen.costs.append(cost)
        costs = total(guidance.costs), total(drafts.costs)
        return Parts(total(likelihoods), *costs, guidance.rows(), drafts.rows(), model_trace)

    def differentiable_loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Return the loss as a tensor with gradient."""
        return self.terms(model, guide, *args, **kwargs).loss

    def loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        """Return the loss as a number."""
        with torch.no_grad():
            return self.terms(model, guide, *args, **kwargs).loss.item()

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        """Return the loss as a number, and add its gradient to the parameters."""
        loss = self.differentiable_loss(model, guide, *args, **kwargs)
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def _get_trace(self, model: Any, guide: Any, args: Any, kwargs: Any) -> tuple[Trace, Trace]:
        if isinstance(interleaved := poutine.unwrap(guide), GuideMessenger):
            return traces_of(interleaved, *args, **kwargs)
        guide_trace = poutine.trace(guide).get_trace(*args, **kwargs)
        # pyro.poutine.replay would overwrite the marks of the model's sites
        values = {name: guide_trace.nodes[name]["value"] for name in guide_trace.stochastic_nodes}
        model_trace = poutine.trace(SubstituteMessenger(values)(model)).get_trace(*args, **kwargs)
        return prune_subsample_sites(model_trace), prune_subsample_sites(guide_trace)

    def _kl(self, name: str, guide_site: Any, model_site: Any, balance: float | None) -> tuple[Tensor, Tensor]:
        """Return the KL of one site, `(batch,)`, and the same value with the balanced gradient."""
        q, p, value = guide_site["fn"], model_site["fn"], guide_site["value"]
        if q is p:
            nothing = torch.zeros(q.batch_shape, device=value.device)
            return nothing, nothing
        check_density(name, q, value)
        scale, mask = guide_site["scale"], guide_site["mask"]
        if balance is None:
            divergence = scale_and_mask(divergence_of(q, p, value), scale, mask)
            return divergence, divergence
        train_prior = divergence_of(detached(q), p, value.detach())
        balanced = balance * train_prior + (1 - balance) * divergence_of(q, detached(p), value)
        return scale_and_mask(train_prior, scale, mask), scale_and_mask(balanced, scale, mask)


def traces_of(guide: GuideMessenger, *args: Any, **kwargs: Any) -> tuple[Trace, Trace]:
    """Return traces of model and guide in one run, of which the guide keeps nothing: its graph would live as long."""
    try:
        guide(*args, **kwargs)
        return guide.get_traces()
    finally:
        guide.trace = Trace()


def total(terms: list[Tensor]) -> Tensor:
    """Return the sum of terms of one shape, zero if there are none."""
    return sum(terms[1:], start=terms[0]) if terms else torch.zeros(())


def divergence_of(q: dist.TorchDistribution, p: dist.TorchDistribution, value: Tensor) -> Tensor:
    """Return KL(q || p), `(batch,)`: analytic if torch knows it, else a mean of `log q - log p` over `KL_DRAWS` draws.
    `value` is the first of them; the others cost no run of the network."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        draw = q.rsample if q.has_rsample else q.sample
        values = torch.cat((value[None], draw(torch.Size([KL_DRAWS - 1]))))
        return (q.log_prob(values) - p.log_prob(values)).mean(0)


def check_density(name: str, q: dist.TorchDistribution, value: Tensor) -> None:
    """Raise `ValueError` for a posterior that is a point mass, or one that learns though its draws carry no gradient.
    One that has nothing to learn, such as a fixed forward process, may draw as it likes."""
    base = q
    while hasattr(base, "base_dist"):
        base = base.base_dist
    if isinstance(base, dist.Delta):
        advice = "give it a scale, or train an AutoGuide with pyro.infer.Trace_ELBO"
        raise ValueError(f"the guide puts a point mass on {name!r}, which has no KL to a density; {advice}")
    if not q.has_rsample and q.log_prob(value).requires_grad:
        raise ValueError(f"the guide's {name!r} cannot be reparameterised, and its gradient would be lost")
