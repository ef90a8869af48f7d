"""Deep supervision with carried state: the batch of half-solved problems between two updates."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from gram_pyro.models.base import Model, Outcome, Phase, State, inputs_of
from gram_pyro.system.distributed import ALONE, World
from gram_pyro.tasks import Examples, Pool, Problems, Task

CHUNK = 2048
"""Examples that are drawn together, fewer where their relations are large."""
MAX_RELATED = 2**26  # entries of the relations of a chunk


class Carry:
    """`batch` problems, each with its target, its latent state and its depth.

    Problems that reached their last round are replaced by new ones; each has a number of rounds drawn from `shortest`
    to `depth`, by default `depth`. Depths start spread evenly. A state's phase counts `moves` transitions a round.
    A part `prior_fraction` of the problems starts with a prior rollout of random length: its targets are -1, so that
    the guide leaves it to the prior and no likelihood is charged. Then it gets a target drawn from p(y | z) among the
    solutions of the problem, and is steered from where the prior really goes.
    In a `world` of several processes each knows all problems and keeps the states of its own rows.
    """

    def __init__(
        self,
        pool: Pool,
        initial: State,
        depth: int,
        prior_fraction: float,
        generator: Generator,
        world: World = ALONE,
        *,
        shortest: int | None = None,
        moves: int = 1,
    ) -> None:
        self.pool, self.initial, self.depth, self.generator, self.world = pool, initial, depth, generator, world
        self.shortest, self.moves = depth if shortest is None else shortest, moves
        self.prior_fraction = prior_fraction if depth > 1 else 0.0  # a prior rollout needs a step left to be steered in
        self.choices, self.plans = (Generator().manual_seed(generator.initial_seed() + i) for i in (1, 2))
        batch, self.device = len(initial.high), initial.high.device
        self.rows = world.rows(batch)
        self.lengths, self.orders = self._plan(batch)
        self.depths = torch.arange(batch) * self.lengths // batch
        self._place(initial.map(lambda latent: latent[self.rows].clone()))
        self.prior_until = torch.zeros(batch, dtype=torch.long)
        related = max(1, pool.task.spec.relations * self.initial.high.shape[1] ** 2)
        self._chunk_size = max(min(CHUNK, MAX_RELATED // related), batch)
        self._refill()
        self.examples = self._take(batch)

    @property
    def from_start(self) -> Tensor:
        """Which problems have been steered from their first step: `(batch,)`, on the CPU."""
        return self.prior_until == 0

    def advance(self, state: State, logits: Tensor) -> None:
        """Store the state of this process's rows, give targets where a prior rollout ends, replace the finished.

        The logits are those of the whole batch. Where one is NaN nothing gets a target: the log will say so.
        """
        self.depths += 1
        if len(freed := (self.depths == self.prior_until).nonzero()[:, 0]):
            log_probs = logits.detach()[freed].cpu().log_softmax(-1)
            if not log_probs.isnan().any():
                targets = self.pool.task.retarget(self.examples.solutions[freed], log_probs, self.choices)
                self.examples.targets[freed] = targets.to(self.device)
        state = state.detach()
        if len(finished := (self.depths >= self.lengths).nonzero()[:, 0]):
            self._replace(finished, state)
        self._place(state)

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on exactly here."""
        return {
            "state": [self.world.gather(latent) for latent in self.state[:2]],
            "depths": self.depths,
            "plans": [self.lengths, self.orders, self.plans.get_state()],
            "free_until": self.prior_until,
            "examples": _tensors(self.examples),
            "chunk_start": self._chunk_start,
            "cursor": self._cursor,
            "choices": self.choices.get_state(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.depths, self.prior_until = saved["depths"].clone(), saved["free_until"].clone()
        lengths, orders, plans = saved["plans"]
        self.lengths, self.orders = lengths.clone(), orders.clone()
        self.plans.set_state(plans)
        self._place(State(*(latent[self.rows].to(self.device) for latent in saved["state"])))
        for old, new in zip(_tensors(self.examples), saved["examples"], strict=True):
            old.copy_(new)
        self.generator.set_state(saved["chunk_start"])
        self._refill()
        self._cursor = saved["cursor"]
        self.choices.set_state(saved["choices"])

    def _plan(self, count: int) -> tuple[Tensor, Tensor]:
        """Draw rounds `(count,)` and orders of the positions `(count, length)` of new problems."""
        lengths = torch.randint(self.shortest, self.depth + 1, (count,), generator=self.plans)
        return lengths, torch.rand(count, self.initial.high.shape[1], generator=self.plans).argsort(1)

    def _place(self, state: State) -> None:
        """Set the state of this process's rows, with the phase that belongs to their depths."""
        step, total = (self.moves * part[self.rows] for part in (self.depths, self.lengths))
        phase = Phase(step, total, self.orders[self.rows])
        self.state = State(state.high, state.low, Phase(*(part.to(self.device) for part in phase)))

    def _replace(self, rows: Tensor, state: State) -> None:
        fresh = self._take(len(rows))
        by_prior = torch.rand(len(rows), generator=self.choices) < self.prior_fraction
        until = torch.randint(1, max(2, self.depth), (len(rows),), generator=self.choices)
        self.lengths[rows], self.orders[rows] = self._plan(len(rows))
        self.depths[rows] = 0
        self.prior_until[rows] = torch.where(by_prior, until.minimum(self.lengths[rows] - 1), 0)
        fresh.targets[by_prior] = -1
        for old, new in zip(_tensors(self.examples), _tensors(fresh), strict=True):
            old[rows] = new
        mine = rows[(rows >= self.rows.start) & (rows < self.rows.stop)] - self.rows.start
        for latent, start in zip(state[:2], self.initial[:2], strict=True):
            latent[mine] = start[: len(mine)]

    def _refill(self) -> None:
        self._chunk_start = self.generator.get_state()
        self._chunk = self.pool.draw(self._chunk_size, self.generator)
        self._cursor = 0

    def _take(self, count: int) -> Examples:
        if self._cursor + count > self._chunk_size:
            self._refill()
        rows = torch.arange(self._cursor, self._cursor + count)
        self._cursor += count
        problems, targets, solutions = self._chunk
        return Examples(problems.select(rows).to(self.device), targets[rows].to(self.device), solutions[rows])


class Batch(NamedTuple):
    """Half-solved problems, to go one update further: `targets` `(batch, length)`, -1 all over in a prior rollout."""

    problems: Problems
    targets: Tensor
    state: State


def carried(
    task: Task,
    model: Model,
    problems: Sequence[Any],
    *,
    batch: int = 128,
    depth: int = 16,
    prior_fraction: float = 0.5,
    seed: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of `Carry` without end, for a training loop of one's own.

    In each iteration run the model once, `elbo(problems, targets, state=state)`: the next batch goes on from the state
    that it reached. A problem stays for `depth` batches; a batch is valid until the next one.
    Raises `RuntimeError` if the model did not run on a batch.

    >>> for problems, targets, state in carried(task, model, graphs):  # doctest: +SKIP
    ...     svi.step(problems, targets, state=state)
    """
    pool, generator = Pool(task, problems), Generator().manual_seed(seed)
    rounds = depth if model.carries else 1
    initial = model.start_of(batch, pool.problems)
    carry = Carry(pool, initial, rounds, prior_fraction, generator, moves=model.transitions)
    reached = Outcome(carry.state, torch.empty(0))

    def follow(_: Any, args: Any, kwargs: Any, outcome: Outcome) -> None:
        """Note a run with targets that goes on from here; a second one of a batch, or the prior's, does not count."""
        nonlocal reached
        if inputs_of(args, kwargs)[1] is not None and kwargs.get("state") is reached.state:
            reached = outcome

    hook = model.register_forward_hook(follow, with_kwargs=True)
    try:
        while True:
            start = reached = Outcome(carry.state, torch.empty(0))
            yield Batch(carry.examples.problems, carry.examples.targets, carry.state)
            if reached is start:
                raise RuntimeError("the model did not run on this batch: pass it targets and state=state")
            carry.advance(reached.state, reached.logits)
    finally:
        hook.remove()


def _tensors(examples: Examples) -> list[Tensor]:
    problems, targets, solutions = examples
    return [*problems.rows(), targets, solutions]
