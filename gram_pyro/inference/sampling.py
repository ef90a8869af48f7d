"""Trajectories from the prior, in depth (steps) and in width (samples)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyro
import torch
import torch.nn.functional as F
from torch import Tensor

from gram_pyro.effects.noise import NoiseMessenger
from gram_pyro.effects.repel import RepelMessenger
from gram_pyro.errors import UserError
from gram_pyro.inference.smc import ParticleFilter
from gram_pyro.models.base import Answers, Model, Outcome, State
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.tasks.base import Problems

MAX_NUMBER = 1_000_000
"""The most samples or steps that are asked for at once."""
MAX_POSITIONS = 2**16
CPU_POSITIONS = 2**13
"""Positions that run together on a CPU, whose caches are small: 1.6 times as fast as MAX_POSITIONS."""
MAX_PAIRS = 2**23
MAX_COUPLED = 2**23
"""Pairs of samples times positions that are compared at once."""

Halt = Literal["never", "simple", "q"]


@dataclass(frozen=True)
class SamplingConfig:
    """How trajectories run beside each other. The defaults are independent trajectories of equal length."""

    halt: Halt = "never"
    """When a trajectory stops: never before the last step; where its halt head says that the answer is right
    (simple); or where halting is worth more than going on (q)."""
    halt_threshold: float = 0.5
    """Probability of a right answer from which `simple` halts."""
    resample: bool = False
    """Sequential Monte Carlo: trajectories of little value give way to copies of better ones."""
    repel: float = 0.0
    """Length of the moves that keep the samples of a problem apart; 0 leaves them independent."""
    repel_steps: int = 4
    """First supervision steps in which samples repel each other."""
    repel_iterations: int = 4
    """Moves in each of those transitions."""
    noise: float = 0.0
    """Scale of Gaussian noise that is added to h after every transition, whatever the model draws itself."""
    random_start: bool = False
    """Whether z_0 is drawn from N(0, I) for every sample, instead of the one that the model was trained with."""
    categorical: bool = False
    """Whether answers are drawn from the decoder's probabilities, instead of taking the likeliest."""

    def __post_init__(self) -> None:
        if self.halt not in ("never", "simple", "q"):
            raise UserError(f"halt must be never, simple or q, not {self.halt!r}")
        if not 0 < self.halt_threshold < 1:
            raise UserError(f"halt_threshold must lie between 0 and 1, not {self.halt_threshold}")
        if not 0 <= self.repel <= 1000:
            raise UserError(f"repel must lie between 0 and 1000, not {self.repel}")
        if not 1 <= self.repel_steps <= MAX_NUMBER or not 1 <= self.repel_iterations <= 1000:
            raise UserError(f"repel_steps must lie between 1 and {MAX_NUMBER:,}, repel_iterations between 1 and 1,000")
        if not 0 <= self.noise <= 1000:
            raise UserError(f"noise must lie between 0 and 1000, not {self.noise}")
        if self.couples and self.halt != "never":
            raise UserError("trajectories that halt leave the others alone; choose halt, or resample and repel")

    @property
    def couples(self) -> bool:
        """Whether the samples of a problem know of each other."""
        return self.resample or self.repel > 0

    @property
    def needs_heads(self) -> bool:
        """Whether a checkpoint must have value and halt heads for this."""
        return self.resample or self.halt != "never"

    @property
    def needs_recursion(self) -> bool:
        """Whether it acts on the state that a trajectory carries from step to step."""
        return self.needs_heads or self.repel > 0 or self.noise > 0 or self.random_start

    @property
    def draws(self) -> bool:
        """Whether it makes samples differ even where the model draws nothing."""
        return self.noise > 0 or self.random_start or self.categorical

    def check(self, model: Model, heads: Heads | None) -> None:
        """Raises `UserError` if it needs heads and there are none, or if the model carries no state."""
        if self.needs_recursion and model.recursion != "carried":
            raise UserError(
                f"{type(model).__name__} carries no latent state from step to step; halting, resampling, repulsion, "
                f"noise and a random start are for models that do"
            )
        if self.needs_heads and heads is None:
            raise UserError(
                "halting and resampling need value and halt heads, and this checkpoint has none; "
                "python -m gram_pyro.train_heads RUN trains them"
            )


class Draws(NamedTuple):
    """Samples of a batch of problems at one or more depths.

    `decoded` `(depths, batch, samples, length)` argmax decodes; `values` `(depths, batch, samples)`
    v(z_t), the probability of a right end according to the value head, None without heads; `spent`
    of the same shape, supervision steps that were run for each sample: evaluations of the network. Not
    counted are the heads, which `SamplingConfig.needs_heads` asks once a step, and the decoder, which samples that
    repel ask `repel_iterations` times a transition.
    """

    decoded: Tensor
    values: Tensor | None
    spent: Tensor


INDEPENDENT = SamplingConfig()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from generators of its own, leaving the global ones as they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@torch.no_grad()
def sample(
    model: Model,
    problems: Problems,
    num_samples: int,
    steps: Sequence[int],
    seed: int,
    *,
    method: SamplingConfig = INDEPENDENT,
    heads: Heads | None = None,
    equivalence_probs: Callable[[Tensor], Tensor] = lambda probabilities: probabilities,
) -> Draws:
    """Argmax decodes of prior trajectories.

    One trajectory a sample runs to the deepest of `steps` (supervision steps, ascending) and is
    decoded at each of them, unless it halts before. Trajectories fold into the batch in chunks of
    bounded size; those of one problem stay together where they know of each other. What is decoded are
    the particles before they are resampled, without their weights. `heads` judge the states; `equivalence_probs` is
    the task's, for `method.repel`.
    A model that draws nothing is run once for all samples.
    A model whose steps are planned from the first (`Model.recursion`) runs anew for each depth.
    Raises `UserError` if the method needs heads and there are none, or a latent state that the model has not, if
    too many samples would have to know of each other, or if the model draws no guidance that could be repelled.
    """
    method.check(model, heads)
    if num_samples > 1 and not (model.draws or method.draws or method.couples):
        single = sample(model, problems, 1, steps, seed, method=method, heads=heads)
        return Draws(*(None if part is None else part.repeat_interleave(num_samples, 2) for part in single))  # type: ignore[arg-type]
    device = next(model.parameters()).device
    count, length = problems.tokens.shape
    owner = torch.arange(count).repeat_interleave(num_samples)
    positions = min(MAX_POSITIONS, CPU_POSITIONS) if device.type == "cpu" else MAX_POSITIONS
    chunk = max(1, min(positions // length, MAX_PAIRS // length**2))
    if method.couples:
        most = max(1, min(MAX_POSITIONS // length, MAX_PAIRS // length**2))
        if method.repel:
            most = min(most, int((MAX_COUPLED / length) ** 0.5))
            chunk = min(chunk, MAX_COUPLED // (num_samples * length))
        if num_samples > most:
            raise UserError(f"at most {most:,} samples of this problem can know of each other, not {num_samples:,}")
        chunk = max(num_samples, chunk // num_samples * num_samples)
    parts: list[Draws] = []
    with seeded(seed), pyro.validation_enabled(False):
        for start in range(0, len(owner), chunk):
            part = problems.select(owner[start : start + chunk]).to(device)
            if model.recursion == "carried":
                parts.append(_run(model, part, num_samples, steps, method, heads, equivalence_probs))
            else:
                parts.append(_run_anew(model, part, steps, method))
    decoded, values, spent = zip(*parts, strict=True)
    shape = (len(steps), count, num_samples)
    return Draws(
        torch.cat(decoded, 1).view(*shape, length),
        None if values[0] is None else torch.cat(values, 1).view(shape),
        torch.cat(spent, 1).view(shape),
    )


def _run(
    model: Model,
    problems: Problems,
    num_samples: int,
    steps: Sequence[int],
    method: SamplingConfig,
    heads: Heads | None,
    equivalence_probs: Callable[[Tensor], Tensor],
) -> Draws:
    """Run one chunk: draws of shape `(depths, rows, ...)`."""
    rows, length = problems.tokens.shape
    device = problems.tokens.device
    decoded = torch.empty(len(steps), rows, length, dtype=torch.long)
    values = torch.empty(len(steps), rows)
    spent = torch.empty(len(steps), rows, dtype=torch.long)
    particles = ParticleFilter(rows // num_samples, num_samples) if method.resample else None
    repel = RepelMessenger(model.decode, equivalence_probs, num_samples, method.repel, method.repel_iterations)
    running = torch.arange(rows)
    state = random_state(model, rows, length) if method.random_start else None
    noise: AbstractContextManager[object] = NoiseMessenger(method.noise) if method.noise else nullcontext()
    reached = 0
    for target, depth in _legs(steps, method):
        apart = method.repel > 0 and reached < method.repel_steps
        effect: AbstractContextManager[object] = repel if apart else nullcontext()
        with effect, noise:
            outcome: Outcome = model(problems, steps=depth - reached, state=state, supervise="last")
        state = outcome.state
        if apart and num_samples > 1 and not repel.met:
            raise UserError("the model draws no guidance, so that its samples cannot repel each other")
        reached = depth
        verdict = heads(state.high, problems) if heads is not None else None
        decoded[target:, running] = answers_of(outcome, method).cpu()
        spent[target:, running] = depth
        if verdict is not None:
            values[target:, running] = verdict.value.sigmoid().cpu()
            if particles is not None:
                log_values = F.logsigmoid(verdict.value).view(-1, num_samples).cpu()
                ancestors = particles.step(log_values) + torch.arange(0, rows, num_samples)[:, None]
                kept = ancestors.flatten().to(device)
                state = State(state.high[kept], state.low[kept])
            going = ~halting(verdict, method).cpu()
            if not going.all():
                running = running[going]
                if not len(running):
                    break
                kept = going.nonzero()[:, 0].to(device)
                problems = problems.select(kept)
                state = State(state.high[kept], state.low[kept])
    return Draws(decoded, None if heads is None else values, spent)


def _run_anew(model: Model, problems: Problems, steps: Sequence[int], method: SamplingConfig) -> Draws:
    """Run one chunk of a model without a state to carry: once for each depth, or once for all if there are none."""
    planned = model.recursion == "planned"
    runs: list[Tensor] = []
    for depth in steps if planned else (1,):
        runs.append(answers_of(model(problems, steps=depth, supervise="last"), method).cpu())
    decoded = torch.stack(runs).expand(len(steps), -1, -1)
    spent = torch.tensor(steps if planned else [1] * len(steps))[:, None].expand(-1, len(problems.tokens))
    return Draws(decoded, None, spent)


def answers_of(outcome: Outcome, method: SamplingConfig) -> Tensor:
    """The answers `(batch, length)` that a run ends in."""
    if method.categorical and outcome.drawn is None:
        return Answers(outcome.logits).sample()
    return outcome.answers


def random_state(model: Model, batch: int, length: int) -> State:
    """z_0 drawn from N(0, I) at every position of every sample."""
    return State(*(torch.randn_like(latent) for latent in model.initial_state(batch, length)))


def _legs(steps: Sequence[int], method: SamplingConfig) -> Iterator[tuple[int, int]]:
    """Place in `steps` and depth of each stop: every step where heads decide on the way, else only where asked.

    A stop before the first depth asked for counts for it: a trajectory that halts keeps its answer.
    """
    asked = set(steps)
    if method.needs_heads:
        asked |= {*range(1, max(steps))}
    elif method.repel and method.repel_steps < max(steps):
        asked.add(method.repel_steps)
    target = 0
    for depth in sorted(asked):
        yield target, depth
        target += depth in steps


def halting(verdict: HeadLogits, method: SamplingConfig) -> Tensor:
    """Which trajectories stop here: `(batch,)`."""
    if method.halt == "simple":
        return verdict.halt.sigmoid() > method.halt_threshold
    if method.halt == "q":
        return verdict.halt > verdict.proceed
    return torch.zeros_like(verdict.halt, dtype=torch.bool)
