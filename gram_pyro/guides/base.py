"""What every guide shares: a posterior that runs interleaved with the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pyro.distributions import TorchDistribution
from pyro.poutine.guide import GuideMessenger
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import register
from gram_pyro.tasks.base import Problems, Task


class Guide(GuideMessenger, nn.Module):
    """q(trajectory | x, y): sees every guidance site of the model as it is reached.

    A subclass is made as `MyGuide(task, model)`: its `__init__(self, task, model)` calls `super().__init__(model)`
    and makes its networks, for which `model.width` and `task.classes` are the sizes. It answers
    `get_posterior(name, prior)`; the network of the model runs once for both. There it may read `self.problems`,
    `self.targets`, `self.steered`, `self.proposal(name)`, and `self.solutions` if it asks for them. Where
    `self.steered` is 0 it answers the prior.

    It may say three things about itself. `closed_form = False`: torch does not know its KL to the prior, so that it
    is sampled and cannot be balanced. `recipe`: fields of `TrainingConfig` that it needs otherwise than a recipe has
    them, such as `{"balance": None}`. `sees_solutions = True`: it asks for `self.solutions`.
    """

    closed_form: ClassVar[bool] = True
    """Whether torch knows its KL to the prior; one that is sampled cannot be balanced."""
    recipe: ClassVar[Mapping[str, Any]] = {}
    """Fields of `TrainingConfig` that it needs otherwise than a recipe has them."""
    sees_solutions: ClassVar[bool] = False
    """Whether it reads `self.solutions`."""
    solutions: Tensor | None = None
    """Known solutions in the run in progress, as targets: `(batch, solutions, length)`, rows of -1 where there are
    fewer; None if none were told."""

    def __init__(self, model: nn.Module) -> None:
        """Keep the model, whose parameters are not the guide's."""
        nn.Module.__init__(self)
        GuideMessenger.__init__(self, model)

    def __call__(self, *args: Any, solutions: Tensor | None = None, **kwargs: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Run model and guide together; `get_traces()` then has the result. The model is not told of `solutions`."""
        register("guide", self)
        self.solutions = solutions
        try:
            samples: dict[str, Tensor] = GuideMessenger.__call__(self, *args, **kwargs)
        finally:
            self.solutions = None
        return samples

    def side_information(self, task: Task, problems: Sequence[Any], targets: Tensor) -> dict[str, Tensor]:
        """What a run on problems and targets `(batch, length)` is told beside them: known solutions, if it asks."""
        if not self.sees_solutions:
            return {}
        return {"solutions": task.known(problems, targets.cpu()).to(targets.device)}

    @property
    def model(self) -> Callable[..., Any]:
        """The model, whose outcome ends the trace, as `pyro.poutine.trace` has it."""
        return self._run_model

    def _run_model(self, *args: Any, **kwargs: Any) -> Any:
        outcome = self._model[0](*args, **kwargs)
        self.trace.add_node("_RETURN", name="_RETURN", type="return", value=outcome)
        return outcome

    def _pyro_post_sample(self, msg: Any) -> None:
        if "prior" in msg["infer"] and (steered := self.steered) is not None:
            # a sampled KL is noise where nothing is steered, and only its value is zero there
            msg["mask"] = steered[:, 0, 0]
        super()._pyro_post_sample(msg)

    @property
    def problems(self) -> Problems:
        """x of the run in progress."""
        args, kwargs = self.args_kwargs
        problems: Problems = args[0] if args else kwargs["problems"]
        return problems

    @property
    def targets(self) -> Tensor | None:
        """y of this run: `(batch, length)`, classes from 0, -1 where nothing is asked; None for a prior run."""
        args, kwargs = self.args_kwargs
        targets: Tensor | None = args[1] if len(args) > 1 else kwargs.get("targets")
        return targets

    @property
    def steered(self) -> Tensor | None:
        """Which problems have an answer at all, `(batch, 1, 1)`; the others run free, under the prior."""
        return None if self.targets is None else (self.targets != -1).any(-1)[:, None, None]

    def proposal(self, name: str) -> Tensor:
        """u_t that belongs to a guidance site: `(batch, length, width)`."""
        if not name.startswith("guidance"):
            kind = type(self._model[0]).__name__
            raise UserError(f"{kind} draws {name}, and {type(self).__name__} steers guidance only; take --guide prior")
        value = self.upstream_value(name.replace("guidance", "proposal"))
        assert value is not None
        return value

    def get_posterior(self, name: str, prior: TorchDistribution) -> TorchDistribution:
        """q(eps_t | u_t, y) for the site `name`, batch shape `(batch,)`, event shape `(length, width)`."""
        raise NotImplementedError
