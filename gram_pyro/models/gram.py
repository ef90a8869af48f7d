"""GRAM: recursive latent reasoning with a learned Gaussian guidance, as a Pyro program."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import pyro
import pyro.distributions as dist
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Answers, Model, Outcome, Phase, State, Supervise, register
from gram_pyro.models.draft import TIMES, Draft, Receiver, Schedule, Times, pinned
from gram_pyro.models.layers import MAX_SIZE, Decoder, Shape, Stack, at_least_float32, rotary
from gram_pyro.models.sites import answer_site, guidance_site, state_site
from gram_pyro.tasks.base import Problems, Spec

MIN_SCALE = 0.01
Core = Literal["hierarchical", "shared", "flat"]
Memory = Literal["none", "beside", "alone"]


@dataclass(frozen=True)
class GramConfig(Shape):
    """The shape of a GRAM network; `layers` are those of f_L and of f_H."""

    refinements: int = 2
    """Low-level refinements before each proposal (K)."""
    transitions: int = 1
    """Transitions in a supervision step (T)."""
    core: Core = "hierarchical"
    """Two latents (h, l) with a network each, or with one network for both; or a single latent."""
    guidance: bool = True
    """Whether transitions draw a Gaussian guidance; without it the recursion is deterministic."""
    mean: bool = True
    """Whether the prior's guidance has a mean of its own, mu(u_t); without it N(0, sigma(u_t)^2)."""
    pooled: bool = False
    """Whether the guidance is one vector a problem, the same at all positions, instead of one a position."""
    variance: bool = True
    """Whether its scale is learned; without it next to none, MIN_SCALE."""
    draft: Schedule = "none"
    """Noisy looks at the answer: from noise to it (cosine), a Bayesian flow network's (flow), all noise (constant)."""
    draft_times: Times = TIMES
    """Of the first and the last of cosine's drafts, from 0 (all noise) to 1 (the answer)."""
    receiver: Receiver = "mean"
    """Prior of a draft: a Gaussian around the decoder's probabilities, or a mixture of one around each value."""
    memory: Memory = "none"
    """What a flat core sees: the last draft; what all drafts say together, beside h, or instead of h (alone)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (1 <= self.refinements <= MAX_SIZE and 1 <= self.transitions <= MAX_SIZE):
            raise UserError(f"model.refinements and transitions must lie between 1 and {MAX_SIZE:,}")
        if self.memory not in get_args(Memory):
            raise UserError(f"model.memory must be none, beside or alone, not {self.memory!r}")
        if self.remembers and (self.core != "flat" or self.draft not in ("cosine", "flow")):
            raise UserError("model.memory needs model.core flat, and model.draft cosine or flow")

    @property
    def remembers(self) -> bool:
        """Whether there is a memory of drafts."""
        return self.memory != "none"


class Gram(Model):
    """p(y, trajectory | x): the generative model of the paper's equations (1)-(9).

    Sites, with t counting transitions from 1 and n supervision steps from 1: `high_0`, `low_0` the start; `proposal_t`
    u_t (7); `guidance_t` eps_t (4)(8); `high_t`, `low_t` the state after the move (5)(9); `y_n` the answer, its
    distribution's `logits` the decoder's output. All but `guidance_t` and `y_n` are deterministic.
    With a draft channel (`model.draft`), `draft_t` comes before u_t: a Gaussian around the decoder's probabilities.
    """

    Config: ClassVar = GramConfig
    compiled: ClassVar = ("propose", "guidance", "decode")
    decoder: nn.Module
    initial_high: Tensor
    initial_low: Tensor

    def __init__(self, spec: Spec, config: GramConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or self.Config()
        self.width, self.transitions = config.width, config.transitions
        self.draft = None if config.draft == "none" else Draft(config.draft, config.receiver, config.draft_times)
        self.draws = config.guidance or self.draft is not None
        if self.draft is not None:
            self.searches = self.draft.held
            self.recursion = "carried" if self.searches else "planned"
        self.jumps = config.memory == "alone"
        self.positions, self.classes = spec.positions, spec.classes
        self.add_networks(spec)
        if self.draft is not None:
            self.add_draft(spec)

    @property
    def carries(self) -> bool:
        """Whether training carries its state: always, as a state knows its phase."""
        return True

    def add_networks(self, spec: Spec) -> None:
        """Add the networks of the core, the guidance head and the decoder, and the start of both latents."""
        config = self.config
        self.add_embedding(spec, config.width)
        shape = (config.layers, config.width, config.heads, config.hidden, spec.relations)
        self.high_network = Stack(*shape)
        self.low_network = Stack(*shape) if config.core == "hierarchical" else None
        self.guidance_head = nn.Linear(config.width, 2 * config.width) if config.guidance else None
        self.decoder = Decoder(config.width, spec.classes)
        passes = config.refinements + (config.core != "flat")
        self.blocks = config.transitions * passes * config.layers
        self.register_buffer("initial_high", torch.randn(config.width))
        self.register_buffer("initial_low", torch.randn(config.width))

    def add_draft(self, spec: Spec) -> None:
        """Add the embedding of drafts, or of what they say together."""
        self.draft_embedding = self.value_embedding(spec)

    def value_embedding(self, spec: Spec) -> nn.Module:
        """Return weights for `embed_values`."""
        embedding = nn.Linear(spec.classes, self.config.width, bias=False)
        if self.config.remembers:
            nn.init.normal_(embedding.weight)  # as large as the embedded problems
        return embedding

    def remembered(self, embedded: Tensor, state: State, pins: Tensor | None) -> Tensor:
        """Return embedded problems with what all drafts so far say together: the posterior of independent values."""
        return embedded + self.embed_values(self.draft_embedding, pinned(state.low.softmax(-1), pins))

    def logits(self, state: State) -> Tensor:
        """Return logits `(batch, length, classes)`: the decoder's and, by Bayes, what memory says of each value."""
        decoded = super().logits(state)
        return decoded + state.low if self.config.remembers else decoded

    def jump(self, state: State, targets: Tensor, noise: Tensor) -> State:
        """Draw the memory of each trajectory where it stands, under the posterior of `targets` `(batch, length)`, from
        standard normal `noise` `(batch, length, values)`."""
        assert self.draft is not None and state.phase is not None
        y = pinned(torch.zeros_like(noise), targets)
        return state._replace(low=self.draft.accumulated(state.phase, y, noise))

    def embed_values(self, embedding: nn.Module, numbers: Tensor) -> Tensor:
        """Return a number for each value, `(batch, length, values)`, in the shape of the embedded problems."""
        return embedding(numbers)  # type: ignore[no-any-return]

    def initial_state(self, batch: int, length: int) -> State:
        """Return z_0, the same stored vectors at every position: two tensors `(batch, length, width)`; with `memory`
        low is what the drafts have said, nothing yet: `(batch, length, values)`."""
        high = self.initial_high.expand(batch, length, -1)
        low = high.new_zeros(self.classes) if self.config.remembers else self.initial_low
        return State(high, low.expand(batch, length, -1))

    def begin(self, start: State, problems: Problems, embedded: Tensor, relations: Any) -> State:
        """Return the state before the first transition: z_0, of which memory that says nothing makes a proposal."""
        if not self.config.remembers:
            return start
        here = self.remembered(embedded, start, problems.pins)
        return start._replace(high=self.propose(start, here, relations)[0])

    def relate(self, relations: Tensor | None) -> Any:
        """Return relations, as in `Problems`, in the form that `propose` takes."""
        return relations

    def propose(self, state: State, embedded: Tensor, relations: Tensor | None) -> tuple[Tensor, Tensor]:
        """Refine K times (6) and propose (7): u_t and l_t, each `(batch, length, width)`; a flat core keeps `low`."""
        high, low = state[:2]
        positions = rotary(self.positions, high.shape[-2], self.config.width // self.config.heads, high.device)
        if self.config.core == "flat":
            for _ in range(self.config.refinements):
                high = self.high_network(high + embedded, relations, positions)
            return high, low
        low_network = self.low_network or self.high_network
        for _ in range(self.config.refinements):
            low = low_network(low + high + embedded, relations, positions)
        return self.high_network(high + low, relations, positions), low

    def guidance(self, proposal: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu(u_t) and sigma(u_t) (8): two tensors `(batch, length, width)`, `(batch, 1, width)` if pooled."""
        assert self.guidance_head is not None
        if self.config.pooled:
            proposal = proposal.mean(-2, keepdim=True)
        location, raw = at_least_float32(self.guidance_head(proposal)).chunk(2, -1)
        if not self.config.mean:
            location = torch.zeros_like(location)
        return location, F.softplus(raw) + MIN_SCALE if self.config.variance else torch.full_like(raw, MIN_SCALE)

    def decode(self, high: Tensor) -> Tensor:
        """f_dec: `(batch, length, width)` -> logits `(batch, length, classes)`."""
        return self.decoder(high)  # type: ignore[no-any-return]

    def likelihood(self, logits: Tensor) -> dist.TorchDistribution:
        """p(y | h) at the end of a supervision step, batch `(batch,)`, event `(length,)`."""
        return Answers(logits)

    def forward(
        self,
        problems: Problems,
        targets: Tensor | None = None,
        *,
        steps: int = 1,
        state: State | None = None,
        supervise: Supervise = "every",
    ) -> Outcome:
        """Run `steps` supervision steps of the program, from `state` or from the start.

        `targets` `(batch, length)`, -1 at positions without an answer; None draws guidance and answers from the prior.
        `supervise` puts a likelihood after every step (deep supervision), after the last, or nowhere.
        """
        register("model", self)
        batch, length = problems.tokens.shape
        total = steps * self.transitions
        embedded = here = self.embed(problems)
        relations = self.relate(problems.relations)
        start, remembers = self.start_of(batch, problems), self.config.remembers
        state = state or self.begin(start, problems, embedded, relations)
        phase, drafts = state.phase, self.draft is not None
        if phase is None and drafts:
            phase = Phase.start(torch.full((batch,), total, device=embedded.device), length)
        logits = self.logits(state) if drafts else embedded
        with pyro.plate("problems", batch, dim=-1):
            state = State(state_site("high", 0, state.high, total), state_site("low", 0, state.low, total))
            for t in pyro.markov(range(1, total + 1)):
                if self.draft is not None and phase is not None:
                    draft = self.draft.draw(t, total, phase, logits, problems.pins, self.training)
                    if remembers:
                        high = start.high if self.config.memory == "alone" else state.high
                        state = State(high, state.low + self.draft.evidence(t, phase, draft))
                        here = self.remembered(embedded, state, problems.pins)
                    else:
                        here = embedded + self.embed_values(self.draft_embedding, draft)
                high, low = self.propose(state, here, relations)
                if self.guidance_head is not None:
                    high = state_site("proposal", t, high, total)
                    high = high + guidance_site(t, dist.Normal(*self.guidance(high)).to_event(2), total)
                state = State(state_site("high", t, high, total), state_site("low", t, low, total))
                step, within = divmod(t, self.transitions)
                answers = within == 0 and (supervise == "every" or t == total)
                if answers or drafts:
                    logits = self.logits(state)
                if answers and supervise != "none":
                    answer_site(f"y_{step}", self.likelihood(logits), targets)
        if phase is not None:
            state = state._replace(phase=phase._replace(step=phase.step + total))
        return Outcome(state, logits)
