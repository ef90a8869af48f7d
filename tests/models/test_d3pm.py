"""Discrete diffusion: its bound against an enumeration of all trajectories, and its training against its bound."""

from __future__ import annotations

import itertools
import math
from typing import Any, get_args

import networkx as nx
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.guides import ForwardGuide
from gram_pyro.models import D3pm, Direct
from gram_pyro.models.d3pm import D3pmConfig, Noise
from gram_pyro.models.transformer import TransformerConfig
from gram_pyro.objectives.elbo import Terms, TruncatedTrace_ELBO
from gram_pyro.runs.recipes import recipe
from gram_pyro.tasks import Coloring, NQueens, Problems, Task
from gram_pyro.testing import check_model

LENGTH, VALUES = 2, 3
TASK = Coloring(n=LENGTH)
EVERY = torch.tensor(list(itertools.product(range(VALUES), repeat=LENGTH)))
over_noise = pytest.mark.parametrize("noise", get_args(Noise))


def pair(noise: Noise, seed: int = 0, task: Task = TASK) -> tuple[D3pm, ForwardGuide]:
    """A model that listens to y_t and t, with its guide."""
    torch.manual_seed(seed)
    model = D3pm(task.spec, D3pmConfig(16, 2, 1, 16, noise=noise))
    torch.nn.init.normal_(model.answer_embedding.weight, std=2.0)
    model.decoder.weight.data *= 3
    return model, ForwardGuide(task.spec, model)


def repeated(count: int) -> Problems:
    return TASK.encode([nx.path_graph(LENGTH)]).select(torch.zeros(count, dtype=torch.long))


def terms_of(noise: Noise, y: Tensor, steps: int, supervise: str = "last", seed: int = 0) -> Terms:
    model, guide = pair(noise, seed)
    with torch.no_grad():
        return TruncatedTrace_ELBO(None).terms(model, guide, repeated(len(y)), y, steps=steps, supervise=supervise)


class ByHand:
    """D3PM on `LENGTH` positions as matrices between all their states, written without its program: `step[t]` is
    q(y_t | y_{t-1}) and `until[t]` q(y_t | y_0) of one position; `back[t]` is p(y_{t-1} | y_t, x) of all of them."""

    def __init__(self, noise: Noise, steps: int, seed: int = 0) -> None:
        model, _ = pair(noise, seed)
        count = VALUES + (noise == "absorbing")
        target = torch.full((count,), 1 / VALUES) if noise == "uniform" else torch.eye(count)[VALUES]
        times = [t / steps for t in range(steps + 1)]
        kept = [1 - tau if noise == "absorbing" else math.cos(math.pi / 2 * tau) for tau in times[:-1]] + [0.0]
        self.states = torch.tensor(list(itertools.product(range(count), repeat=LENGTH)))
        eye = torch.eye(count).double()

        def mixed(share: float) -> Tensor:
            return share * eye + (1 - share) * target.double()

        self.until = [mixed(share) for share in kept]
        self.step = [eye, *(mixed(kept[t] / kept[t - 1]) for t in range(1, steps + 1))]
        self.start = target.double()
        self.back: list[Tensor] = [torch.empty(0)]
        x = repeated(len(self.states))
        for t in range(1, steps + 1):
            share = torch.full((len(x.tokens), 1, 1), kept[t])
            with torch.no_grad():
                said = model.predict(model.embed(x), self.states, share, x.relations).double()
            if noise == "absorbing":
                fixed = torch.nn.functional.one_hot(self.states, count)[..., :VALUES].double()
                said = said.where(self.states[..., None] == VALUES, fixed.log())
            clean = torch.nn.functional.pad(said.softmax(-1), (0, count - VALUES))
            one = torch.stack([self.posterior(t, int(i)) for i in self.states.flatten()])
            one = one.view(*self.states.shape, count, count)
            self.back.append(torch.einsum("snk,snkj->snj", clean, one))

    def posterior(self, t: int, now: int) -> Tensor:
        """q(y_{t-1} | y_t = now, y_0), `(y_0, y_{t-1})`; zero where y_0 cannot have become `now`."""
        joint = self.until[t - 1] * self.step[t][:, now]
        return joint / joint.sum(1, keepdim=True).clamp(min=1e-300)

    def likelihood(self) -> Tensor:
        """p(y_0 | x) of `EVERY`."""
        p = torch.stack([self.start[self.states[:, i]] for i in range(LENGTH)]).prod(0)
        for back in self.back[:0:-1]:
            moves = torch.stack([back[:, i, self.states[:, i]] for i in range(LENGTH)]).prod(0)
            p = p @ moves
        place = {tuple(state): i for i, state in enumerate(self.states.tolist())}
        return p[[place[tuple(answer)] for answer in EVERY.tolist()]]

    def elbo(self, answer: Tensor) -> list[float]:
        """The terms of the bound: KL at t = S, ..., 2, and the expected log p(y_0 | y_1, x)."""
        found = []
        for t in range(len(self.back) - 1, 0, -1):
            chance = torch.stack([self.until[t][answer[i], self.states[:, i]] for i in range(LENGTH)]).prod(0)
            cost = torch.zeros(len(self.states)).double()
            for s, state in enumerate(self.states.tolist()):
                for i in range(LENGTH):
                    q, p = self.posterior(t, state[i])[answer[i]], self.back[t][s, i]
                    cost[s] += (q * (q / p).log()).where(q > 0, 0).sum()
            found.append((chance * cost).where(chance > 0, 0).sum().item())
        return found


@over_noise
@settings(max_examples=5)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 4))
def test_the_bound_lies_below_the_sum_over_all_trajectories(noise: Noise, seed: int, steps: int) -> None:
    exact = ByHand(noise, steps, seed).likelihood().log()
    assert exact.exp().sum().item() == pytest.approx(1, abs=1e-5)
    draws = 2000
    terms = terms_of(noise, EVERY.repeat_interleave(draws, 0), steps, seed=seed)
    found = (terms.log_likelihood - terms.draft_kl.sum(0)).double().view(len(EVERY), draws)
    error = found.std(1) / draws**0.5
    assert (found.mean(1) <= exact + 4.5 * error + 1e-4).all()


@over_noise
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_each_term_of_the_bound_is_the_sum_by_hand(noise: Noise, steps: int) -> None:
    answer, draws = torch.tensor([0, 2]), 20_000
    *costs, last = ByHand(noise, steps).elbo(answer)
    terms = terms_of(noise, answer.repeat(draws, 1), steps)
    assert terms.draft_kl.shape == (steps, draws) and (terms.draft_kl[0] == 0).all()
    rows = [*terms.draft_kl[1:], -terms.log_likelihood]
    for row, expected in zip(rows, [*costs, last], strict=True):
        error = row.std().item() / draws**0.5
        assert row.mean().item() == pytest.approx(expected, abs=4.5 * error + 1e-5)


@over_noise
def test_training_estimates_the_bound_of_its_steps(noise: Noise) -> None:
    answer, draws, steps = torch.tensor([0, 2]), 60_000, 3
    expected = sum(ByHand(noise, steps).elbo(answer))
    terms = terms_of(noise, answer.repeat(draws, 1), steps, "every")
    found = terms.draft_kl.sum(0)
    assert found.mean().item() == pytest.approx(expected, abs=4.5 * found.std().item() / draws**0.5)


@over_noise
@pytest.mark.parametrize("steps", [1, 3])
def test_draws_have_the_probabilities_of_the_program(noise: Noise, steps: int) -> None:
    """A draw at the last site, whose argmax samples end in."""
    torch.manual_seed(1)
    model, _ = pair(noise)
    with torch.no_grad():
        logits = model(repeated(40_000), steps=steps, supervise="last").logits
    drawn = dist.Categorical(logits=logits).sample()
    frequency = (drawn[:, None] == EVERY).all(-1).double().mean(0)
    expected = ByHand(noise, steps).likelihood()
    assert ((frequency - expected).abs() <= 4.5 * (expected / len(drawn)).sqrt()).all()


@over_noise
@pytest.mark.parametrize("task", [Coloring(n=5), Coloring(n=5, layout="tokens"), NQueens(n=5, removed=(3,))], ids=str)
def test_the_contract_is_kept_with_either_noise(noise: Noise, task: Task) -> None:
    check_model(lambda spec: D3pm(spec, D3pmConfig(16, 2, 2, 16, noise=noise)), task)


@over_noise
def test_a_problem_without_an_answer_runs_under_the_prior(noise: Noise) -> None:
    y = torch.tensor([[0, 2], [-1, -1], [1, -1]])
    terms = terms_of(noise, y.repeat(200, 1), 3)
    kl = terms.draft_kl.view(3, 200, 3)
    assert (kl[:, :, 1] == 0).all() and (kl[1:, :, 0].mean(1) > 0).all()
    whole = terms_of(noise, torch.tensor([[1, 2]]).repeat(200, 1), 3).draft_kl.sum(0).mean()
    assert 0 < kl[:, :, 2].sum(0).mean() < whole


def test_what_a_mask_reveals_stays() -> None:
    model, _ = pair("absorbing")
    noisy = torch.tensor([[2, VALUES]])
    with torch.no_grad():
        logits, reverse = model.look(repeated(1), model.embed(repeated(1)), noisy, torch.tensor([2]), 3)
    assert logits[0].softmax(-1)[0].tolist() == [0, 0, 1]
    before = reverse.states(reverse.prediction)[0]
    torch.testing.assert_close(before[0], torch.eye(4)[2])
    torch.testing.assert_close(before[1, VALUES], torch.tensor(0.5))


class Learned(ForwardGuide):
    """A posterior of categoricals with a parameter."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.shift = torch.nn.Parameter(torch.zeros(VALUES))

    def get_draft_posterior(self, *args: Any) -> Any:
        logits = super().get_draft_posterior(*args).base_dist.logits
        return dist.Categorical(logits=logits + self.shift).to_event(1)


def test_discrete_draws_are_refused_only_where_something_would_learn_from_them() -> None:
    model, guide = pair("uniform")
    x, y = repeated(2), torch.tensor([[0, 1], [2, 0]])
    elbo = TruncatedTrace_ELBO(None)
    elbo.terms(model, guide, x, y, steps=2, supervise="last").loss.backward()
    assert model.decoder.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="'draft_2' cannot be reparameterised"):
        elbo.terms(model, Learned(TASK.spec, model), x, y, steps=2, supervise="last")


def test_the_recipe_pays_the_whole_bound() -> None:
    training = recipe("coloring", model="d3pm").training
    assert recipe("coloring", model="d3pm").guide == "forward" and training.draft_weight == 1
    assert training.steps(1) == training.depth and training.prior_fraction == 0


def test_wrong_parts_are_refused() -> None:
    with pytest.raises(UserError, match="the guide forward is for the model d3pm, not for Direct"):
        ForwardGuide(TASK.spec, Direct(TASK.spec, TransformerConfig(16, 2, 1, 16)))
    with pytest.raises(UserError, match=r"model\.noise must be uniform or absorbing, not 'gray'"):
        D3pmConfig(noise="gray")  # type: ignore[arg-type]
