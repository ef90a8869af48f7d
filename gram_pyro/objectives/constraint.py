"""The ELBO with a likelihood of the constraints on samples of the prior."""

from collections.abc import Callable
from typing import Any, Unpack

import pyro
import torch
from pyro import poutine
from torch import Tensor

from gram_pyro.effects.horizon import HorizonMessenger
from gram_pyro.objectives.elbo import Options, Terms, TruncatedTrace_ELBO
from gram_pyro.tasks.base import Problems

ConstraintLogProb = Callable[[Problems, Tensor], Tensor]


class ConstraintELBO(TruncatedTrace_ELBO):
    """ELBO plus `weight` times the log-probability that an answer of the prior satisfies the constraints.

    A second run of the model, without target and never recomputed, ends in an observed site `constraints`, whose
    log-probability is `Task.constraint_log_prob` of the decoder's probabilities. This trains the prior on states that
    the prior visits, and accepts any solution. The other parameters are those of `TruncatedTrace_ELBO`.
    """

    def __init__(
        self,
        horizon: int | None = 1,
        *,
        constraint_log_prob: ConstraintLogProb,
        weight: float = 0.1,
        balance: float | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(horizon, balance=balance, **options)
        if not weight >= 0:
            raise ValueError(f"weight must be 0 or more, not {weight}")
        self.constraint_log_prob, self.weight = constraint_log_prob, weight

    def terms(self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> Terms:
        """Run model and guide, then the model alone."""
        terms = super().terms(model, guide, *args, **kwargs)
        return terms._replace(loss=terms.loss - self.weight * self.prior_log_prob(model, args[0], **kwargs).sum())

    def prior_log_prob(
        self, model: Callable[..., Any], problems: Problems, solutions: Tensor | None = None, **run_kwargs: Any
    ) -> Tensor:
        """Return the log-probability that the constraints hold at the end of a run of the prior: `(batch,)`."""
        with HorizonMessenger(self.horizon, "last"):
            trace = poutine.trace(self._program).get_trace(model, problems, **{**run_kwargs, "supervise": "none"})
        site: Any = trace.nodes["constraints"]
        return site["fn"].log_prob(site["value"])  # type: ignore[no-any-return]

    def _program(self, model: Callable[..., Any], problems: Problems, **run_kwargs: Any) -> None:
        logits = model(problems, **run_kwargs).logits
        # in half precision a sure answer would be infinitely wrong
        with pyro.plate("judged", len(logits), dim=-1), torch.autocast(logits.device.type, enabled=False):
            pyro.factor("constraints", self.constraint_log_prob(problems, logits.softmax(-1)))
