"""What every model shares: its carried state, its outcome, and the likelihood of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import pyro
import pyro.distributions as dist
import torch
import torch.nn.functional as F
from pyro.poutine.runtime import _PYRO_STACK
from pyro.poutine.trace_messenger import TraceMessenger
from torch import Tensor, nn

from gram_pyro.models.layers import Embedding
from gram_pyro.tasks.base import Problems, Spec

Recursion = Literal["carried", "planned", "none"]
Supervise = Literal["every", "last", "none"]


class Phase(NamedTuple):
    """Where trajectories stand: `step` of `total` transitions, each `(batch,)`, and `order` `(batch, length)`, the rank
    of each position where a posterior reveals one after the other."""

    step: Tensor
    total: Tensor
    order: Tensor

    @classmethod
    def start(cls, total: Tensor, length: int, generator: torch.Generator | None = None) -> Phase:
        """Return the first phase of trajectories of `total` `(batch,)` transitions, a random order each."""
        order = torch.rand(len(total), length, generator=generator).argsort(-1)
        return cls(torch.zeros_like(total), total, order.to(total.device))


class State(NamedTuple):
    """z = (h, l), each `(batch, length, width)`, and where on its way each trajectory is, if that was planned."""

    high: Tensor
    low: Tensor
    phase: Phase | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> State:
        """Apply a function to each tensor."""
        phase = None if self.phase is None else Phase(*map(function, self.phase))
        return State(function(self.high), function(self.low), phase)

    def tensors(self) -> list[Tensor]:
        """Return all tensors, each with a row for every problem."""
        return [self.high, self.low, *(self.phase or ())]

    def detach(self) -> State:
        """Return the same values without gradient."""
        return self.map(Tensor.detach)

    def select(self, rows: Tensor) -> State:
        """Return the states at `rows` `(count,)`, which may repeat."""
        return self.map(lambda part: part[rows])


class Outcome(NamedTuple):
    """What a run of a model returns: the last state, its logits `(batch, length, classes)`, and the answers
    `(batch, length)` where they were drawn on the way; None where they are the argmax of the logits."""

    state: State
    logits: Tensor
    drawn: Tensor | None = None

    @property
    def answers(self) -> Tensor:
        """The answers `(batch, length)`."""
        return self.logits.argmax(-1) if self.drawn is None else self.drawn


class Answers(dist.TorchDistribution):
    """Independent categorical answers, one a position: event shape `(length,)`, -1 at positions without an answer.
    `logits` `(batch, length, classes)`; `mask` `(batch, length)` says where values are drawn, None at all."""

    arg_constraints: ClassVar = {}

    def __init__(self, logits: Tensor, mask: Tensor | None = None) -> None:
        self.logits, self.answer_mask = logits, mask
        super().__init__(logits.shape[:-2], logits.shape[-2:-1], validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Answers:
        """Return itself where nothing changes: every plate expands."""
        if torch.Size(batch_shape) == self.batch_shape:
            return self
        shape = torch.Size(batch_shape) + self.logits.shape[-2:]
        mask = None if self.answer_mask is None else self.answer_mask.expand(shape[:-1])
        return Answers(self.logits.expand(shape), mask)

    @property
    def support(self) -> Any:
        """The classes, or -1."""
        classes = dist.constraints.integer_interval(-1, self.logits.shape[-1] - 1)  # type: ignore[no-untyped-call]
        return dist.constraints.independent(classes, 1)  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw values where the mask allows, -1 elsewhere: `sample_shape + (batch, length)`."""
        values: Tensor = dist.Categorical(logits=self.logits).sample(torch.Size(sample_shape))
        return values if self.answer_mask is None else values.where(self.answer_mask, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Sum over the positions that have an answer: `(batch,)`."""
        return -self.surprise(value).sum(-1)

    def surprise(self, value: Tensor) -> Tensor:
        """Return -log p of each position's value, 0 where it has none: `(batch, length)`."""
        value = torch.broadcast_tensors(value, self.logits[..., 0])[0]  # type: ignore[no-untyped-call]
        logits = self.logits.expand((*value.shape, -1))
        surprise = F.cross_entropy(logits.flatten(0, -2), value.flatten(), ignore_index=-1, reduction="none")
        return surprise.view(value.shape)


def register(name: str, module: nn.Module) -> None:
    """Offer a module's parameters to Pyro, as `pyro.module` does, but only if somebody collects them, as SVI does.
    Under `elbo(model, guide)` a site per parameter would cost more than the likelihood."""
    if any(isinstance(handler, TraceMessenger) and handler.param_only for handler in _PYRO_STACK):
        pyro.module(name, module)


def inputs_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Problems, Tensor | None]:
    """Return the problems and targets of a call `model(problems, targets)`, each by place or by name."""
    problems: Problems = args[0] if args else kwargs["problems"]
    targets: Tensor | None = args[1] if len(args) > 1 else kwargs.get("targets")
    return problems, targets


class Model(nn.Module):
    """What training and inference need of a model beside its program,
    `forward(problems, targets=None, *, steps, state, supervise) -> Outcome`."""

    width: int
    """Features of a position (D)."""
    transitions: int = 1
    """Transitions in a supervision step (T)."""
    blocks: int
    """Blocks (attention and feed-forward) that a supervision step runs every position through: its price."""
    draws: bool = True
    """Whether two runs on one problem may differ; one that draws nothing is run once for all samples."""
    recursion: Recursion = "carried"
    """What steps are: a run goes on from that of fewer steps; all are planned from the first; or there is one step."""
    searches: bool = False
    """Whether it looks for one answer in noise that does not fade, and is done when the answer stays."""
    jumps: bool = False
    """Whether `jump` draws the state of any step at once, so that training need not run there."""
    nameless: ClassVar[bool] = False
    """Whether its weights are the same for all values of a kind, so that it answers in any number of them."""
    independent: ClassVar[bool] = True
    """Whether its answers at different positions are independent, given the latent state."""
    guide: ClassVar[str] = "gaussian"
    """Default posterior."""
    recipe: ClassVar[Mapping[str, Any]] = {}
    """Fields of `TrainingConfig` that it needs otherwise than a recipe has them."""
    compiled: ClassVar[tuple[str, ...]] = ()
    """Names of the functions, from tensors to tensors and free of sites, that `torch.compile` may compile."""

    @property
    def carries(self) -> bool:
        """Whether training carries its state from one update to the next."""
        return self.recursion == "carried"

    def add_embedding(self, spec: Spec, width: int) -> None:
        """Add what `embed` needs: an embedding of tokens, and one of groups where a task has them."""
        self.embedding = Embedding(spec.vocabulary, width)
        self.group_embedding = nn.Embedding(spec.groups, width) if spec.groups else None

    def embed(self, problems: Problems) -> Tensor:
        """e_x (1): `(batch, length, width)`, with the puzzle embedding where problems have a group."""
        embedded: Tensor = self.embedding(problems.tokens)
        if self.group_embedding is not None and problems.group is not None:
            embedded = embedded + self.group_embedding(problems.group)[:, None]
        return embedded

    def fitted(self, spec: Spec) -> Model:
        """Return the model for a task of this spec: itself, unless its weights serve other numbers of values."""
        return self

    def start_of(self, batch: int, problems: Problems) -> State:
        """Return z_0 of a batch of problems like these, which may be more or fewer."""
        return self.initial_state(batch, problems.tokens.shape[1])

    def initial_state(self, batch: int, length: int) -> State:
        """z_0: two tensors `(batch, length, width)`; `(batch, length, 0)` where nothing is carried."""
        nothing = next(self.parameters()).new_zeros(batch, length, 0)
        return State(nothing, nothing)

    def jump(self, state: State, targets: Tensor, noise: Tensor) -> State:
        """Draw the state where a trajectory stands, under the posterior of its targets; `noise` as `low`."""
        raise NotImplementedError

    def summary(self, high: Tensor) -> Tensor:
        """Return what heads see of h `(batch, length, width)`, free of the names of values: `(batch, length, n)`."""
        return high

    def decode(self, high: Tensor) -> Tensor:
        """f_dec: h `(batch, length, width)` -> logits `(batch, length, classes)`; for samples that repel each other."""
        raise NotImplementedError

    def logits(self, state: State) -> Tensor:
        """Return logits `(batch, length, classes)` at a state: the decoder's, and what else the state says."""
        return self.decode(state.high)
