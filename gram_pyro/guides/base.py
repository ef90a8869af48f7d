"""What every guide shares: a posterior that runs interleaved with the model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from pyro.poutine.guide import GuideMessenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.guides.steered import detached, steer
from gram_pyro.models.base import inputs_of, register
from gram_pyro.models.draft import Look, diffusion
from gram_pyro.models.sites import Role, mark, value_at
from gram_pyro.tasks.base import Problems, Task


class Guide(GuideMessenger, nn.Module):
    """q(trajectory | x, y): sees every guidance site of the model as it is reached.

    A subclass is made as `MyGuide(spec, model)`: its `__init__(self, spec, model)` calls `super().__init__(model)` and
    makes its networks, of the sizes `model.width` and `spec.classes`. Its `get_posterior(name, prior)` returns the
    posterior of one site. It may read `self.problems`, `self.targets`, `self.proposal(name)`, `self.transition`, and
    `self.solutions` if `sees_solutions`. It never sees a missing answer: where there is none, the prior stands in.
    """

    closed_form: ClassVar[bool] = True
    """Whether torch knows its KL to the prior; one that is sampled cannot be balanced."""
    recipe: ClassVar[Mapping[str, Any]] = {}
    """Fields of `TrainingConfig` that it needs otherwise than a recipe has them."""
    sees_solutions: ClassVar[bool] = False
    """Whether it reads `self.solutions`."""
    solutions: Tensor | None = None
    """Known solutions: `(batch, solutions, length)`, rows of -1 where there are fewer; None if none are known."""
    targets: Tensor | None = None
    """y: `(batch, length)`, classes from 0, -1 at positions without an answer."""
    steered: Tensor | None = None
    """Which problems have an answer: `(batch,)`; the others run under the prior."""
    role: Role | None = None
    transition: int | None = None
    """Role and transition of the site at hand."""

    def __init__(self, model: nn.Module) -> None:
        """Keep the model, whose parameters are not the guide's."""
        nn.Module.__init__(self)
        GuideMessenger.__init__(self, model)

    def __call__(self, *args: Any, solutions: Tensor | None = None, **kwargs: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Run model and guide together, for `get_traces()` to return. The model does not see `solutions`."""
        register("guide", self)
        self.solutions = solutions
        problems, targets = inputs_of(args, kwargs)
        if targets is not None:
            answered = torch.arange(targets.shape[1], device=targets.device) < problems.answered
            self.steered = (targets != -1).any(-1)
            self.targets = targets.where(self.steered[:, None], answered.long() - 1)
        try:
            return GuideMessenger.__call__(self, *args, **kwargs)
        finally:
            self.solutions = self.targets = self.steered = None

    def side_information(self, task: Task, problems: Sequence[Any], targets: Tensor) -> dict[str, Tensor]:
        """Return what a run on problems and targets `(batch, length)` needs beside them: known solutions, if seen."""
        if not self.sees_solutions:
            return {}
        return {"solutions": task.solutions_beside(problems, targets.cpu()).to(targets.device)}

    @property
    def model(self) -> Callable[..., Any]:
        """The model, whose outcome ends the trace, as `pyro.poutine.trace` has it."""
        return self._run_model

    def _run_model(self, *args: Any, **kwargs: Any) -> Any:
        outcome = self._model[0](*args, **kwargs)
        self.trace.add_node("_RETURN", name="_RETURN", type="return", value=outcome)
        return outcome

    def _pyro_sample(self, msg: Any) -> None:
        if msg["is_observed"] or site_is_subsample(msg):
            return
        prior = msg["infer"]["prior"] = msg["fn"]
        if self.steered is None:
            return
        self.role, self.transition = mark(msg, "role"), mark(msg, "transition")
        look = mark(msg, "look")
        if look is not None:
            msg["fn"] = self.get_draft_posterior(msg["name"], prior, look)
        elif self.role != "draft":
            super()._pyro_sample(msg)
        if msg["fn"] is not prior:
            instead = prior if look is None else detached(prior)  # drafts of rows under the prior teach nothing
            msg["fn"] = steer(msg["fn"], instead, self.steered)

    def _pyro_post_sample(self, msg: Any) -> None:
        if "prior" in msg["infer"] and self.steered is not None:
            # a sampled KL is noise where nothing is steered, and only its value is zero there
            msg["mask"] = self.steered
        super()._pyro_post_sample(msg)

    @property
    def problems(self) -> Problems:
        """x of the run in progress."""
        return inputs_of(*self.args_kwargs)[0]

    def proposal(self, name: str) -> Tensor:
        """Return u_t of a guidance site: `(batch, length, width)`. Raises `UserError` at another site."""
        if self.role != "guidance":
            kind = type(self._model[0]).__name__
            raise UserError(f"{kind} draws {name}, and {type(self).__name__} steers guidance only; take --guide prior")
        assert self.transition is not None
        return value_at(self.trace.nodes, "proposal", self.transition)

    def get_draft_posterior(self, name: str, prior: TorchDistribution, look: Look) -> TorchDistribution:
        """Return q(draft_t | y), by default that of diffusion: the answer with noise on it."""
        assert self.targets is not None
        return diffusion(look, self.targets)

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        """Return q(eps_t | u_t, y) for the site `name`, batch shape `(batch,)`, event shape `(length, width)`."""
        raise NotImplementedError
