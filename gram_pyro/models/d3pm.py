"""D3PM, discrete diffusion: an answer emerges from noise in its own values, or from masks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import pyro
import pyro.distributions as dist
import torch
import torch.nn.functional as F
from pyro import poutine
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Answers, Recursion, Supervise
from gram_pyro.models.layers import Stack
from gram_pyro.models.sites import answer_site, draft_site
from gram_pyro.models.transformer import Answered, Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Spec

Noise = Literal["uniform", "absorbing"]
AUXILIARY = 0.01  # weight in training of the likelihood of y_0 at the time drawn, as in the paper
TINY = 1e-30  # stands for a probability of zero in a logarithm
IMPOSSIBLE = -1e9  # logit of a value that the noise cannot have left
WAVES = 8  # cosines that tell the network how much is kept


@dataclass(frozen=True)
class D3pmConfig(TransformerConfig):
    """The shape of a Transformer, and what it removes."""

    noise: Noise = "uniform"
    """What a position that is not kept becomes: any value alike (uniform), or a mask (absorbing)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise not in get_args(Noise):
            raise UserError(f"model.noise must be uniform or absorbing, not {self.noise!r}")


def categoricals(probabilities: Tensor) -> dist.TorchDistribution:
    """Return independent states of probabilities `(batch, length, states)`: event shape `(length,)`."""
    return dist.Categorical(logits=probabilities.clamp(min=TINY).log()).to_event(1)  # type: ignore[no-any-return]


def forward(clean: Tensor, alpha_bar: Tensor, noise: Tensor) -> Tensor:
    """Return q(y_t | y_0) = alpha-bar_t y_0 + (1 - alpha-bar_t) m of `clean` `(batch, length, states)`."""
    return alpha_bar * clean + (1 - alpha_bar) * noise


class Reverse(NamedTuple):
    """A step back from y_t `(batch, length)`: alpha-bar_t and alpha-bar_{t-1} `(batch, 1, 1)`, the noise m `(states,)`,
    and p(y_0 | y_t, x) `(batch, length, states)`, zero where y_0 cannot have become y_t."""

    noisy: Tensor
    alpha_bar: Tensor
    before: Tensor
    noise: Tensor
    prediction: Tensor

    def states(self, clean: Tensor) -> Tensor:
        """Return sum over y_0 of q(y_{t-1} | y_t, y_0) `clean(y_0)`, `(batch, length, states)`, where
        `q(y_{t-1} | y_t, y_0) = q(y_t | y_{t-1}) q(y_{t-1} | y_0) / q(y_t | y_0)`."""
        here, chance = F.one_hot(self.noisy, len(self.noise)), self.noise[self.noisy][..., None]
        weights = clean / forward(here, self.alpha_bar, chance).clamp(min=TINY)
        onward = forward(here, self.alpha_bar / self.before, chance)
        return onward * (self.before * weights + (1 - self.before) * self.noise * weights.sum(-1, keepdim=True))

    def prior(self) -> dist.TorchDistribution:
        """Return p(y_{t-1} | y_t, x)."""
        return categoricals(self.states(self.prediction))

    def posterior(self, targets: Tensor) -> dist.TorchDistribution:
        """Return q(y_{t-1} | y_t, y_0) of `targets` `(batch, length)`; the prediction stands in where there is none."""
        clean = F.one_hot(targets.clamp(min=0), len(self.noise)).to(self.prediction)
        return categoricals(self.states(clean.where(targets[..., None] >= 0, self.prediction.detach())))


class D3pm(Transformer):
    """Discrete diffusion with the x0-parameterisation: `y_S -> ... -> y_1 -> y_0`, S = `steps`, y_0 the answer.

    Forward: `q(y_t | y_0) = alpha-bar_t y_0 + (1 - alpha-bar_t) m`, m uniform over values or all on a mask. With
    tau = t / S alpha-bar is `cos(pi tau / 2)` of uniform noise and `1 - tau` of masks, which makes mutual information
    linear in t. The network reads y_t, x and alpha-bar_t and tells p(y_0 | y_t, x).

    The program (`supervise="last"`): `draft_1` is y_S ~ m, `draft_n` is y_{S+1-n} ~ sum over y_0 of
    q(y_{S+1-n} | y_{S+2-n}, y_0) p(y_0 | y_{S+2-n}, x), and `y_1` the answer y_0 ~ p(y_0 | y_1, x). Under the guide
    `forward` its ELBO is the bound of S steps, each KL analytic. Samples end in the argmax of the last distribution, as
    they do in the other models with a latent state: the noise of a last draw would break answers and add none.

    Training (`supervise="every"`) draws one `time` t from 1..S and `noisy` y_t; `draft_1` is y_{t-1}, its KL scaled by
    S: an estimate of that bound, as at t = 1 the KL is -log p(y_0 | y_1, x). `y_1` adds an auxiliary likelihood of y_0.
    """

    Config: ClassVar = D3pmConfig
    guide: ClassVar[str] = "forward"
    recursion: Recursion = "planned"
    independent: ClassVar[bool] = False
    recipe: ClassVar[Mapping[str, Any]] = {**Transformer.recipe, "depth": 16, "horizon": 16, "draft_weight": 1.0}
    compiled: ClassVar = ("predict",)
    config: D3pmConfig
    noise: Tensor

    def __init__(self, spec: Spec, config: D3pmConfig | None = None) -> None:
        super().__init__(spec, config or D3pmConfig())
        self.masks = self.config.noise == "absorbing"
        uniform, mask = torch.full((spec.classes,), 1 / spec.classes), torch.eye(spec.classes + 1)[-1]
        self.register_buffer("noise", mask if self.masks else uniform, persistent=False)
        self.network = Stack(self.config.layers, *self.shape)
        self.answer_embedding = nn.Embedding(len(self.noise) + 1, self.width)
        self.time_embedding = nn.Linear(WAVES, self.width)

    def alpha_bar(self, time: Tensor, steps: int) -> Tensor:
        """Return alpha-bar_t of `time` t `(batch,)` out of `steps`: `(batch, 1, 1)`."""
        tau = time[:, None, None] / steps
        return 1 - tau if self.masks else torch.cos(math.pi / 2 * tau).where(tau < 1, 0)

    def predict(self, embedded: Tensor, noisy: Tensor, alpha_bar: Tensor, relations: Tensor | None) -> Tensor:
        """Return logits `(batch, length, classes)` from embedded problems, states `(batch, length)`, -1 where there is
        no answer, and alpha-bar `(batch, 1, 1)`."""
        waves = torch.cos(math.pi * alpha_bar * torch.arange(1, WAVES + 1, device=alpha_bar.device))
        features = embedded + self.answer_embedding(noisy + 1) + self.time_embedding(waves)
        positions = self.rotary(embedded.shape[-2], embedded.device)
        return self.decoder(self.network(features, relations, positions))  # type: ignore[no-any-return]

    def program(self, problems: Problems, targets: Tensor | None, steps: int, supervise: Supervise) -> Answered:
        """Go back from noise in `steps` steps, or estimate the bound at one time."""
        if targets is not None and supervise == "every":
            return self.moment(problems, targets, steps), None
        return self.generate(problems, targets, steps), None

    def moment(self, problems: Problems, targets: Tensor, steps: int) -> Tensor:
        """Return logits `(batch, length, classes)` at a random time."""
        every = torch.ones(len(targets), steps, device=targets.device)
        time = 1 + pyro.sample("time", dist.Categorical(every))
        told = targets[:, : problems.answered]
        clean = F.one_hot(told.clamp(min=0), len(self.noise)) * (told >= 0)[..., None]
        start = clean + self.noise * (told < 0)[..., None]
        noisy = pyro.sample("noisy", categoricals(forward(start, self.alpha_bar(time, steps), self.noise)))
        logits, reverse = self.look(problems, self.embed(problems), noisy, time, steps)
        with poutine.scale(scale=steps):
            draft_site(1, reverse.prior(), reverse, 1)
        with poutine.scale(scale=AUXILIARY):
            answer_site("y_1", Answers(logits), targets)
        return logits

    def generate(self, problems: Problems, targets: Tensor | None, steps: int) -> Tensor:
        """Return logits `(batch, length, classes)` of the answer, after all steps."""
        batch, embedded = len(problems.tokens), self.embed(problems)
        noisy = draft_site(1, categoricals(self.noise.expand(batch, problems.answered, -1)), None, steps)
        for t in range(steps, 0, -1):
            time = torch.full((batch,), t, device=noisy.device)
            logits, reverse = self.look(problems, embedded, noisy, time, steps)
            if t > 1:
                noisy = draft_site(steps + 2 - t, reverse.prior(), reverse, steps)
        answer_site("y_1", Answers(logits), targets)
        return logits

    def look(
        self, problems: Problems, embedded: Tensor, noisy: Tensor, time: Tensor, steps: int
    ) -> tuple[Tensor, Reverse]:
        """Return logits of the answer `(batch, length, classes)`, and the step back from y_t `(batch, answered)`."""
        alpha_bar, before = self.alpha_bar(time, steps), self.alpha_bar(time - 1, steps)
        rest = embedded.shape[1] - problems.answered
        logits = self.predict(embedded, F.pad(noisy, (0, rest), value=-1), alpha_bar, problems.relations)
        if self.masks:
            stays = F.one_hot(noisy, len(self.noise))[..., :-1].bool()
            gone = stays.any(-1, keepdim=True) & ~stays
            logits = logits.masked_fill(F.pad(gone, (0, 0, 0, rest)), IMPOSSIBLE)
        clean = F.pad(logits[:, : problems.answered].softmax(-1), (0, int(self.masks)))
        return logits, Reverse(noisy, alpha_bar, before, self.noise, clean)
