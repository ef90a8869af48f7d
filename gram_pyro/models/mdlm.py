"""MDLM, masked diffusion: the answer appears position by position, in an order drawn at random or the surest first."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import pyro
import pyro.distributions as dist
import torch
import torch.nn.functional as F
from pyro import poutine
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Answers, Recursion, Supervise
from gram_pyro.models.layers import Stack
from gram_pyro.models.sites import answer_site
from gram_pyro.models.transformer import Answered, Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Spec

MIN_TIME = 1e-3
Order = Literal["even", "confidence"]


@dataclass(frozen=True)
class MdlmConfig(TransformerConfig):
    """The shape of a Transformer, what training weighs, and which positions are revealed first."""

    reweight: float = 0.0
    """Alpha: a masked position counts alpha (1 - p(value))^gamma times in training (MGDM: 0.25); 0: all count once."""
    gamma: float = 2.0
    """Gamma of that weight: the higher, the less easy positions count."""
    order: Order = "even"
    """Positions that a step reveals: drawn at random (even), or those of which the network is surest (confidence)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("reweight", "gamma"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise UserError(f"model.{name} must be a finite number from 0, not {value}")
        if self.order not in get_args(Order):
            raise UserError(f"model.order must be even or confidence, not {self.order!r}")


class Reweighted(Answers):
    """Answers of which a position counts `alpha (1 - p)^gamma` times, p the probability of its value.

    A training objective: `log_prob` is no log-density. Gradients take the weights as constants.
    """

    def __init__(self, logits: Tensor, alpha: float, gamma: float) -> None:
        super().__init__(logits)
        self.alpha, self.gamma = alpha, gamma

    def expand(self, batch_shape: Any, _instance: Any = None) -> Answers:
        """Return itself where nothing changes: every plate expands."""
        expanded = super().expand(batch_shape)
        return self if expanded is self else Reweighted(expanded.logits, self.alpha, self.gamma)

    def log_prob(self, value: Tensor) -> Tensor:
        """Sum weighted log-probabilities over the positions that have an answer: `(batch,)`."""
        surprise = self.surprise(value)
        weights = self.alpha * (-torch.expm1(-surprise.detach())) ** self.gamma
        return -(weights * surprise).sum(-1)


class EvenOrder(dist.TorchDistribution):
    """A step from 1..`steps` for each of `length` positions, as many in one as in another, all ways equally likely.
    Batch shape `(batch,)`, event shape `(length,)`. Fewer positions than steps have a step each, far apart."""

    arg_constraints: ClassVar = {}

    def __init__(self, batch: int, length: int, steps: int, device: torch.device) -> None:
        self.steps = steps
        self.places = 1 + torch.arange(length, device=device) * steps // max(1, length)
        super().__init__(torch.Size([batch]), torch.Size([length]), validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> dist.TorchDistribution:
        """Return orders for another number of problems."""
        (batch,) = torch.Size(batch_shape)
        return EvenOrder(batch, len(self.places), self.steps, self.places.device)

    @property
    def shares(self) -> list[int]:
        """How many positions each step has, by its number; step 0 has none."""
        return self.places.bincount(minlength=self.steps + 1).tolist()

    @property
    def support(self) -> Any:
        """The steps."""
        steps = dist.constraints.integer_interval(1, self.steps)  # type: ignore[no-untyped-call]
        return dist.constraints.independent(steps, 1)  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw orders `sample_shape + (batch, length)`."""
        return self.places[torch.rand(self._extended_shape(sample_shape), device=self.places.device).argsort(-1)]

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -log of the number of such orders, `(batch,)`; -inf for any other."""
        ways = math.lgamma(1 + len(self.places)) - sum(math.lgamma(1 + share) for share in self.shares)
        even = (value.sort(-1).values == self.places).all(-1)
        return torch.where(even, -ways, -math.inf)


def reveal_surest(order: Tensor, logits: Tensor, step: int, count: int) -> Tensor:
    """Return the order `(batch, answered)`, 0 where masked, with `step` at those `count` masked positions whose
    likeliest value is the most probable under `logits` `(batch, answered, classes)`; of equals at the first."""
    confidence = logits.softmax(-1).amax(-1).where(order == 0, -1)
    surest = confidence.argsort(dim=-1, descending=True, stable=True)[:, :count]
    return order.scatter(-1, surest, step)


class Mdlm(Transformer):
    """Masked diffusion with the linear schedule, as a program that says when each position is revealed.

    The program (`supervise="last"`) of S = `steps` steps: `order` gives each position a step from 1..S, at random and
    as evenly as can be, for what one step reveals is drawn independently; step s = S, ..., 1 sees the positions
    revealed so far and draws its own from `y_s`. So p(y | x) is a mean over orders, and with the prior as its own
    posterior the ELBO is the bound of masked diffusion at S steps.

    With `order="confidence"` step s reveals as many, those of which the network is surest, given what is revealed:
    `order` follows from x and y and is recorded, not drawn. So p(y | x) is that of one order, and the ELBO is no bound
    but log p(y | x) of this sampler. Training at a moment knows no order.

    Training (`supervise="every"`) takes one moment: `time` uniform on (MIN_TIME, 1), `masked` each position with
    that probability, `y_1` their likelihood scaled by 1 / time: an estimate of the bound at infinitely many steps. With
    `reweight` `y_1` weighs positions by how hard they are, as multi-granularity diffusion modelling (MGDM) does: the
    objective is no bound any more. The program of S steps, and so what evaluation reports, stays as it is.
    """

    Config: ClassVar = MdlmConfig
    guide: ClassVar[str] = "prior"
    recursion: Recursion = "planned"
    independent: ClassVar[bool] = False
    compiled: ClassVar = ("predict",)
    config: MdlmConfig

    def __init__(self, spec: Spec, config: MdlmConfig | None = None) -> None:
        super().__init__(spec, config or MdlmConfig())
        self.network = Stack(self.config.layers, *self.shape)
        self.answer_embedding = nn.Embedding(spec.classes + 1, self.width)

    def predict(self, embedded: Tensor, revealed: Tensor, relations: Tensor | None) -> Tensor:
        """Return logits `(batch, length, classes)` from embedded problems and values `(batch, length)`, -1 masked."""
        positions = self.rotary(embedded.shape[-2], embedded.device)
        features = self.network(embedded + self.answer_embedding(revealed + 1), relations, positions)
        return self.decoder(features)  # type: ignore[no-any-return]

    def program(self, problems: Problems, targets: Tensor | None, steps: int, supervise: Supervise) -> Answered:
        """Reveal the answer in `steps` steps, or estimate the bound at one moment."""
        if targets is not None and supervise == "every":
            return self.moment(problems, targets), None
        return self.reveal(problems, targets, steps)

    def moment(self, problems: Problems, targets: Tensor) -> Tensor:
        """Return logits `(batch, length, classes)` at a random time."""
        rates = targets.new_full((len(targets),), MIN_TIME, dtype=torch.float)
        time = pyro.sample("time", dist.Uniform(rates, torch.ones_like(rates)))
        chance = time[:, None].expand(targets.shape)
        masked = pyro.sample("masked", dist.Bernoulli(chance).to_event(1)).bool()
        logits = self.predict(self.embed(problems), targets.where(~masked, -1), problems.relations)
        alpha, gamma = self.config.reweight, self.config.gamma
        likelihood = Reweighted(logits, alpha, gamma) if alpha else Answers(logits)
        with poutine.scale(scale=1 / time):
            answer_site("y_1", likelihood, targets.where(masked, -1))
        return logits

    def reveal(self, problems: Problems, targets: Tensor | None, steps: int) -> tuple[Tensor, Tensor]:
        """Return logits at which each position was revealed, `(batch, length, classes)`, and values `(batch, length)`.
        Values are drawn; with targets they are the likeliest, as targets are what the next steps see."""
        tokens, answered = problems.tokens, problems.answered
        batch, length = tokens.shape
        even, by_confidence = EvenOrder(batch, answered, steps, tokens.device), self.config.order == "confidence"
        order = torch.zeros_like(tokens[:, :answered]) if by_confidence else pyro.sample("order", even)
        shares = even.shares
        embedded, revealed = self.embed(problems), torch.full_like(tokens, -1)
        logits = torch.zeros(batch, length, self.decoder.out_features, device=tokens.device)
        for s in range(steps, 0, -1):
            here = self.predict(embedded, revealed, problems.relations)
            if by_confidence:
                order = reveal_surest(order, here[:, :answered], s, shares[s])
            now = F.pad(order == s, (0, length - answered))
            obs = None if targets is None else targets.where(now, -1)
            revealed = answer_site(f"y_{s}", Answers(here, now), obs).where(now, revealed)
            logits = here.where(now[..., None], logits)
        if by_confidence:
            pyro.deterministic("order", order, event_dim=1)
        return logits, logits.argmax(-1) if targets is not None else revealed.clamp(min=0)
