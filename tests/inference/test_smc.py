"""Sequential Monte Carlo over trajectories, against Pyro's filter and against what weights must be."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from pyro.infer import SMCFilter
from torch import Tensor

from gram_pyro.inference.config import SamplingConfig
from gram_pyro.inference.sampling import sample, seeded
from gram_pyro.inference.smc import ParticleFilter, systematic
from gram_pyro.models.base import Answers, Outcome, State
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.heads import Heads
from gram_pyro.tasks.coloring.task import Coloring

PARTICLES, STEPS, SEED = 12, 6, 5
SMC = SamplingConfig(resample=True)
TASK = Coloring(n=5)


def parts() -> tuple[Gram, Heads]:
    """An untrained model with heads that have opinions."""
    torch.manual_seed(1)
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, layers=1, hidden=16, refinements=1))
    heads = Heads(TASK.spec, model)
    torch.nn.init.normal_(heads.doubt.weight)
    return model.requires_grad_(False), heads.requires_grad_(False)


class Trajectory:
    """The same recursion as a Pyro program for `SMCFilter`: the prior proposes, the value is a factor."""

    def __init__(self, guided: bool) -> None:
        self.model, self.heads = parts()
        self.guided = guided
        graph = TASK.encode(TASK.generate("test", 1, 0))
        self.x = graph.select(torch.zeros(PARTICLES, dtype=torch.long))

    def init(self, state: Any) -> None:
        if not self.guided:
            start = self.model.initial_state(PARTICLES, 5)
            state["high"], state["low"], state["log_value"] = start.high, start.low, torch.zeros(PARTICLES)

    def step(self, state: Any) -> None:
        before = State(state["high"], state["low"])
        high, low = self.model.propose(before, self.model.embed(self.x), self.x.relations)
        high = high + pyro.sample("guidance", dist.Normal(*self.model.guidance(high)).to_event(2))
        pyro.sample("y", Answers(self.model.decode(high)))
        if not self.guided:
            log_value = F.logsigmoid(self.heads(high, self.x).value)
            pyro.factor("value", log_value - state["log_value"])
            state["high"], state["low"], state["log_value"] = high, low, log_value


@pytest.mark.parametrize("threshold", [0.5, 0.999, 1e-6])
def test_one_problem_agrees_with_the_filter_of_pyro(threshold: float) -> None:
    filtered = SMCFilter(Trajectory(False), Trajectory(True), PARTICLES, 0, ess_threshold=threshold)
    with seeded(SEED):
        filtered.init()
        for _ in range(STEPS):
            filtered.step()
    model, heads = parts()
    x = Trajectory(False).x
    particles = ParticleFilter(1, PARTICLES, threshold)
    state: State | None = None
    with seeded(SEED):
        for _ in range(STEPS):
            state, *_ = model(x, steps=1, state=state, supervise="last")
            ancestors = particles.step(F.logsigmoid(heads(state.high, x).value)[None])[0]
            state = State(state.high[ancestors], state.low[ancestors])
    assert state is not None
    torch.testing.assert_close(state.high, filtered.state["high"])
    torch.testing.assert_close(particles.log_values[0], filtered.state["log_value"])
    weights = filtered.state._log_weights
    torch.testing.assert_close(particles.log_weights[0], weights - weights.logsumexp(0))


@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 10**6))
def test_systematic_resampling_gives_each_its_share(problems: int, particles: int, seed: int) -> None:
    with seeded(seed):
        weights = torch.rand(problems, particles).pow(4)
        weights = weights / weights.sum(1, keepdim=True)
        ancestors = systematic(weights)
    for row, share in zip(ancestors, weights, strict=True):
        copies = torch.bincount(row, minlength=particles)
        assert (copies >= (particles * share).floor() - 1e-3).all() and (copies <= (particles * share).ceil() + 1).all()
        assert copies.sum() == particles


@given(st.integers(0, 10**6))
def test_problems_do_not_share_weights(seed: int) -> None:
    """A problem whose particles are all alike is left alone beside one whose particles are not."""
    torch.manual_seed(seed)
    filter_ = ParticleFilter(2, 8)
    log_values = torch.stack((torch.full((8,), -0.5), torch.arange(8.0) * 50 - 400))
    ancestors = filter_.step(log_values)
    assert ancestors[0].tolist() == [*range(8)] and set(ancestors[1].tolist()) == {7}
    torch.testing.assert_close(filter_.log_weights.logsumexp(1), torch.zeros(2))
    torch.testing.assert_close(filter_.log_evidence, log_values.logsumexp(1) - torch.tensor(8.0).log())


def expected_log_value(problems: int) -> Tensor:
    """log E[v(z_T)] on one problem, from plain draws."""
    model, heads = parts()
    x = TASK.encode(TASK.generate("test", 1, 0)).select(torch.zeros(problems, dtype=torch.long))
    state, *_ = model(x, steps=STEPS, supervise="last")
    return F.logsigmoid(heads(state.high, x).value).logsumexp(0) - torch.tensor(float(problems)).log()


def test_the_evidence_is_the_expected_value() -> None:
    model, heads = parts()
    x = TASK.encode(TASK.generate("test", 1, 0))
    batch = x.select(torch.zeros(40 * 16, dtype=torch.long))
    with seeded(0):
        plain = expected_log_value(20_000)
        filter_ = ParticleFilter(40, 16, ess_threshold=0.9)
        state: State | None = None
        for _ in range(STEPS):
            state, *_ = model(batch, steps=1, state=state, supervise="last")
            log_values = F.logsigmoid(heads(state.high, batch).value).view(40, 16)
            kept = (filter_.step(log_values) + torch.arange(0, 640, 16)[:, None]).flatten()
            state = State(state.high[kept], state.low[kept])
    estimate = filter_.log_evidence.logsumexp(0) - torch.tensor(40.0).log()
    assert estimate.item() == pytest.approx(plain.item(), abs=0.1)


def test_resampling_raises_the_value_of_samples() -> None:
    model, heads = parts()
    x = TASK.encode(TASK.generate("test", 6, 0))
    plain = sample(model, x, 16, [8], 0, heads=heads)
    resampled = sample(model, x, 16, [8], 0, heads=heads, method=SMC)
    assert plain.values is not None and resampled.values is not None
    assert resampled.values.mean() > plain.values.mean() + 0.02
    assert torch.equal(plain.spent, resampled.spent)


def test_a_copy_of_a_particle_has_both_its_latents() -> None:
    model, heads = parts()
    before: list[State] = []
    after: list[State] = []

    def keep(_: Any, __: Any, kwargs: dict[str, Any], outcome: Outcome) -> None:
        if kwargs["state"] is not None:
            before.append(kwargs["state"])
        after.append(outcome.state)

    model.register_forward_hook(keep, with_kwargs=True)
    sample(model, TASK.encode(TASK.generate("test", 2, 0)), 8, [STEPS], 0, heads=heads, method=SMC)
    copied = 0
    assert len(before) == len(after) - 1 == STEPS - 1
    for reached, went_on in zip(after, before, strict=False):
        pairs = zip(went_on[:2], reached[:2], strict=True)
        high, low = ((went[:, None] == there).flatten(2).all(2) for went, there in pairs)
        assert (high & low).any(1).all()
        copied += int((~(high & low).any(0)).sum())
    assert copied > 0
