"""The posterior that sees more of the answer with every step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.guides import GaussianGuide, RevealedGuide
from gram_pyro.models import Gram, GramConfig
from gram_pyro.models.base import Phase, State
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.tasks import Coloring
from gram_pyro.training.trial import check_guide

TASK = Coloring(n=6)
GRAPHS = TASK.generate("train", 4, 0)
X, Y = TASK.encode(GRAPHS), torch.stack([TASK.targets(graph)[0] for graph in GRAPHS])
CONFIG = GramConfig(width=16, heads=2, transitions=2)


class Watched(RevealedGuide):
    """Notes what was seen at each site."""

    def revealed(self) -> Tensor:
        seen = super().revealed()
        self.__dict__.setdefault("seen", []).append(seen)
        return seen


def seen_in(steps: int, state: State | None = None) -> Tensor:
    """What is seen in a run: `(transitions, batch, length)`."""
    torch.manual_seed(0)
    model = Gram(TASK.spec, CONFIG)
    guide = Watched(TASK.spec, model)
    with torch.no_grad():
        TruncatedTrace_ELBO(None).terms(model, guide, X, Y, steps=steps, state=state)
    return torch.stack(guide.__dict__["seen"])


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_every_step_reveals_its_share(steps: int) -> None:
    seen = seen_in(steps)
    shares = torch.arange(1, 2 * steps + 1) * 6 / (2 * steps)
    assert torch.equal(seen.sum(-1), shares.ceil().long()[:, None].expand(-1, 4))
    assert seen[-1].all() and (seen[1:] >= seen[:-1]).all()  # nothing is forgotten
    assert steps == 1 or len({tuple(row) for row in seen[0].tolist()}) > 1  # each in an order of its own


def test_a_trajectory_that_goes_on_has_seen_more() -> None:
    order = torch.arange(6).expand(4, 6)
    phase = Phase(torch.tensor([0, 4, 8, 99]), torch.tensor([12, 12, 12, 12]), order)
    model = Gram(TASK.spec, CONFIG)
    seen = seen_in(1, model.initial_state(4, 6)._replace(phase=phase))
    assert seen.sum(-1).tolist() == [[1, 3, 5, 6], [1, 3, 5, 6]]
    assert seen[0, 1].tolist() == [True] * 3 + [False] * 3


def test_what_is_not_seen_changes_nothing() -> None:
    torch.manual_seed(0)
    model = Gram(TASK.spec, CONFIG)
    guide = RevealedGuide(TASK.spec, model)
    with torch.no_grad():
        guide.project_out.weight.normal_()
    phase = Phase(torch.zeros(4).long(), torch.full((4,), 12), torch.arange(6).expand(4, 6))
    state = model.initial_state(4, 6)._replace(phase=phase)
    found = []
    for y in (Y, torch.cat((Y[:, :1], (Y[:, 1:] + 1) % 3), 1), (Y + 1) % 3):
        torch.manual_seed(1)
        with torch.no_grad():
            found.append(guide(X, y, steps=1, state=state)["guidance_1"])
    assert torch.equal(found[0], found[1]) and not torch.allclose(found[0], found[2])


def test_a_guide_that_steers_no_site_is_refused() -> None:
    model = Gram(TASK.spec, GramConfig(width=16, heads=2, guidance=False, draft="cosine"))
    with pytest.raises(UserError, match="the guide gaussian steers no site of this model, which draws drafts alone"):
        check_guide("gaussian", GaussianGuide(TASK.spec, model), TASK, GRAPHS[0])
