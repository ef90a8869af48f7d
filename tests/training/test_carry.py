"""The carried batch: who is replaced, who goes on, and that a saved one continues exactly."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from gram_pyro.models.base import Model, State
from gram_pyro.tasks.base import Examples, Problems, Spec, Task
from gram_pyro.tasks.pool import Pool
from gram_pyro.training import carry as carry_module
from gram_pyro.training.carry import Carry
from gram_pyro.training.moments import Moments

LENGTH, WIDTH = 2, 3


class Retargeted(Task):
    """Only retargets, which with the number of relations is all that a carry needs of a task."""

    spec = Spec(1, (0,), relations=1)  # type: ignore[assignment]
    generate = encode = targets = violations = None  # type: ignore[assignment]

    def retarget(self, solutions: Tensor, log_probs: Tensor, generator: torch.Generator) -> Tensor:
        """A target that tells what it was made of: the number, and the best class of the decoder plus noise."""
        noise = torch.randint(1, 1000, (len(solutions), 1), generator=generator)
        return torch.cat((-solutions[:, 0, :1], 1000 * log_probs[:, 0].argmax(-1, keepdim=True) + noise), 1)


class Numbered(Pool):
    """Examples that carry a random number in every tensor."""

    def __init__(self, related: bool = True) -> None:
        self.task = Retargeted()
        self.related = related

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        number = torch.randint(10**9, (count, 1), generator=generator)
        numbers = number.expand(count, LENGTH)
        relations = number[:, None, None].expand(count, 1, LENGTH, LENGTH).double() if self.related else None
        problems = Problems(numbers, relations, pins=numbers if self.related else None, group=number[:, 0])
        return Examples(problems, numbers, -numbers[:, None])


def start(batch: int) -> State:
    return State(torch.full((batch, LENGTH, WIDTH), 0.5), torch.full((batch, LENGTH, WIDTH), -0.5))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(pool: Pool, batch: int, depth: int, source: torch.Generator, prior_fraction: float = 0.0) -> Carry:
    return Carry(pool, start(batch), depth, prior_fraction, source)


def logits(carry: Carry) -> Tensor:
    """What a decoder might say: class b % 5 for problem b."""
    return torch.eye(5)[torch.arange(len(carry.depths)) % 5][:, None].expand(-1, LENGTH, -1)


def numbers(carry: Carry) -> list[int]:
    """The number of each problem, the same in all its tensors."""
    problems, targets, solutions = carry.examples
    tokens, relations, pins, group = problems.tokens, problems.relations, problems.pins, problems.group
    assert (solutions == -tokens[:, None, :1]).all() and (tokens == tokens[:, :1]).all()
    assert ((targets[:, 0] == tokens[:, 0]) | (targets == -1).all(-1)).all()
    assert relations is None or (relations[:, 0, 0] == tokens).all()
    assert pins is None or torch.equal(pins, tokens)
    assert group is not None and torch.equal(group, tokens[:, 0])
    return list(tokens[:, 0].tolist())


def moved(carry: Carry, seed: int) -> State:
    """The state after a step that depends on the state before, and on nothing else but a seed."""
    shift = torch.randn(len(carry.depths), LENGTH, WIDTH, generator=generator(seed))
    return State(carry.state.high + shift, carry.state.low - shift)


@pytest.mark.parametrize(("batch", "depth"), [(8, 8), (32, 8), (6, 3), (5, 8)])
def test_depths_stay_spread_evenly(batch: int, depth: int) -> None:
    carry = make(Numbered(), batch, depth, generator())
    for step in range(2 * depth + 1):
        counts = torch.bincount(carry.depths, minlength=depth)
        assert counts.shape == (depth,) and counts.max() - counts.min() <= 1
        carry.advance(moved(carry, step), logits(carry))


@pytest.mark.parametrize("related", [True, False])
def test_the_finished_are_replaced_and_the_others_left_alone(related: bool) -> None:
    pool, batch, depth = Numbered(related), 4, 3
    carry = make(pool, batch, depth, generator())
    coming = pool.draw(carry_module.CHUNK, generator()).problems.tokens[:, 0].tolist()  # as the carry sees them
    assert numbers(carry) == coming[:batch]
    del coming[:batch]
    ages = carry.depths.tolist()
    for step in range(3 * depth):
        before, state = numbers(carry), moved(carry, step)
        expected = State(state.high.clone(), state.low.clone())
        carry.advance(state, logits(carry))
        after = numbers(carry)
        for b in range(batch):
            ages[b] = (ages[b] + 1) % depth
            if ages[b]:
                assert after[b] == before[b]
                want = State(expected.high[b], expected.low[b])
            else:
                assert after[b] == coming.pop(0)
                want = State(start(1).high[0], start(1).low[0])
            assert torch.equal(carry.state.high[b], want.high) and torch.equal(carry.state.low[b], want.low)
        assert carry.depths.tolist() == ages


def test_the_initial_state_is_not_written_on() -> None:
    initial = start(2)
    carry = Carry(Numbered(), initial, 2, 0.0, generator())
    carry.state.high.add_(1)
    carry.state.low.add_(1)
    for step in range(3):
        carry.advance(moved(carry, step), logits(carry))
    assert torch.equal(initial.high, start(2).high) and torch.equal(initial.low, start(2).low)


def test_no_graph_is_carried() -> None:
    carry = make(Numbered(), 2, 4, generator())
    weight = torch.ones((), requires_grad=True)
    carry.advance(State(carry.state.high * weight, carry.state.low * weight), logits(carry))
    assert not carry.state.high.requires_grad and not carry.state.low.requires_grad


def test_a_large_batch_is_filled() -> None:
    batch = carry_module.CHUNK + 1
    carry = make(Numbered(), batch, 2, generator())
    assert len(numbers(carry)) == batch


def test_the_free_are_steered_from_where_they_got_to() -> None:
    batch, depth = 40, 6
    carry = make(Numbered(), batch, depth, generator(), prior_fraction=0.5)
    assert carry.from_start.all()
    ran_free, started, until = 0, 0, set()
    for step in range(10 * depth):
        before, depths = carry.examples.targets.clone(), carry.depths.clone()
        carry.advance(moved(carry, step), logits(carry))
        numbers(carry)
        for b, target in enumerate(carry.examples.targets.tolist()):
            if carry.depths[b] == 0:
                started += 1
                ran_free += target == [-1, -1]
                assert (target == [-1, -1]) == (not carry.from_start[b])
            elif before[b].tolist() == [-1, -1]:
                assert not carry.from_start[b]
                if target != [-1, -1]:
                    until.add(int(carry.depths[b]))
                    assert target[1] // 1000 == b % 5
            else:
                assert target == before[b].tolist() and carry.depths[b] == depths[b] + 1
    assert abs(ran_free / started - 0.5) < 0.1
    assert until == set(range(1, depth))  # every depth, and all are steered at last


def test_nobody_runs_free_where_there_is_but_one_step() -> None:
    carry = make(Numbered(), 20, 1, generator(), prior_fraction=0.5)
    for step in range(5):
        assert carry.from_start.all() and (carry.examples.targets >= 0).all()
        carry.advance(moved(carry, step), logits(carry))


def test_relations_of_all_problems_stay() -> None:
    class Shared(Numbered):
        def draw(self, count: int, generator: torch.Generator) -> Examples:
            problems, targets, solutions = super().draw(count, generator)
            return Examples(problems._replace(relations=torch.eye(LENGTH)[None]), targets, solutions)

    carry = make(Shared(), 4, 2, generator())
    saved = copy.deepcopy(carry.state_dict())
    seen = [carry.examples.problems.tokens.clone()]
    for step in range(4):
        carry.advance(moved(carry, step), logits(carry))
        seen.append(carry.examples.problems.tokens.clone())
        assert torch.equal(carry.examples.problems.relations, torch.eye(LENGTH)[None])
    again = make(Shared(), 4, 2, generator(5))
    again.load_state_dict(saved)
    for step in range(4):
        assert torch.equal(again.examples.problems.tokens, seen[step])
        again.advance(moved(again, step), logits(again))


@pytest.mark.parametrize("prior_fraction", [0.0, 0.5])
@pytest.mark.parametrize("related", [True, False])
@pytest.mark.parametrize("saved_after", [0, 1, 4, 5])
def test_a_saved_carry_goes_on_exactly(
    saved_after: int, related: bool, prior_fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over several chunk boundaries, from a generator in another state, twice from the same file."""
    monkeypatch.setattr(carry_module, "CHUNK", 8)

    def go_on(carry: Carry) -> list[tuple[list[int], list[object], Tensor, Tensor]]:
        seen = []
        for step in range(29):
            carry.advance(moved(carry, step), logits(carry))
            seen.append(
                (
                    numbers(carry),
                    [carry.depths.tolist(), carry.prior_until.tolist(), carry.examples.targets.tolist()],
                    carry.state.high.clone(),
                    carry.state.low.clone(),
                )
            )
        return seen

    carry = make(Numbered(related), 3, 4, generator(), prior_fraction)
    for step in range(saved_after):
        carry.advance(moved(carry, 100 + step), logits(carry))
    saved = copy.deepcopy(carry.state_dict())
    expected = go_on(carry)
    assert len({number for seen in expected for number in seen[0]}) > 16
    for seed in (7, 8):
        other = make(Numbered(related), 3, 4, generator(seed), prior_fraction)
        other.advance(moved(other, 0), logits(other))
        other.load_state_dict(saved)
        for left, right in zip(go_on(other), expected, strict=True):
            assert left[:2] == right[:2]
            assert torch.equal(left[2], right[2]) and torch.equal(left[3], right[3])


def test_trajectories_of_many_lengths_know_their_phase() -> None:
    torch.manual_seed(0)
    batch, depth, shortest, moves = 40, 9, 3, 4
    carry = Carry(Numbered(), start(batch), depth, 0.5, generator(), shortest=shortest, moves=moves)
    met, before = set(), numbers(carry)
    for step in range(40):
        phase = carry.state.phase
        assert phase is not None
        assert torch.equal(phase.step, moves * carry.depths) and torch.equal(phase.total, moves * carry.lengths)
        assert torch.equal(phase.order.sort(1).values, torch.arange(LENGTH).expand(batch, LENGTH))
        assert (carry.depths < carry.lengths).all() and (carry.prior_until < carry.lengths).all()
        lengths = carry.lengths.clone()
        carry.advance(moved(carry, step), logits(carry))
        after = numbers(carry)
        replaced = torch.tensor([a != b for a, b in zip(after, before, strict=True)])
        assert torch.equal(replaced, carry.depths == 0) and torch.equal(carry.lengths[~replaced], lengths[~replaced])
        met |= set(carry.lengths.tolist())
        before = after
    assert met == set(range(shortest, depth + 1))


class Jumper(Model):
    """A model whose state says where its trajectory stands, and to which target."""

    def jump(self, state: State, targets: Tensor, noise: Tensor) -> State:
        assert state.phase is not None
        return state._replace(low=(state.phase.step[:, None] + 100 * targets)[..., None] + 0 * noise)


def test_moments_are_new_and_anywhere_on_their_way() -> None:
    """All problems are replaced at each update; steps are uniform below their totals; what is saved goes on."""
    torch.manual_seed(0)
    batch, depth, shortest = 60, 8, 4
    carry = Moments(Jumper(), Numbered(), start(batch), depth, 0.0, generator(), shortest=shortest)
    seen: list[tuple[int, int]] = []
    before: set[int] = set()
    for step in range(30):
        if step == 20:
            saved = copy.deepcopy(carry.state_dict())
            carry = Moments(Jumper(), Numbered(), start(batch), depth, 0.0, generator(7), shortest=shortest)
            carry.load_state_dict(saved)
        phase, targets = carry.state.phase, carry.examples.targets
        assert phase is not None and torch.equal(carry.state.high, start(batch).high)
        assert torch.equal(carry.state.low[..., 0], (phase.step[:, None] + 100 * targets).float())
        assert (phase.step < phase.total).all() and carry.from_start.all()
        after = {*numbers(carry)}
        assert len(after) == batch and not after & before
        seen += zip(phase.step.tolist(), phase.total.tolist(), strict=True)
        before = after
        carry.advance(State(carry.state.high + 1, carry.state.low + 1), logits(carry))
    assert {total for _, total in seen} == {*range(shortest, depth + 1)}
    for total in range(shortest, depth + 1):
        steps = [step for step, of in seen if of == total]
        assert all(abs(steps.count(i) / len(steps) - 1 / total) < 0.06 for i in range(total))
