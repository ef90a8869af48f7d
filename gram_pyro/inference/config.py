"""How trajectories run beside each other. Nothing here needs torch: a command line knows its options at once."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from gram_pyro.errors import UserError

if TYPE_CHECKING:
    from gram_pyro.models.base import Model
    from gram_pyro.models.heads import Heads

MAX_NUMBER = 1_000_000
"""The most samples or steps at once."""
AUTO_HALT: dict[str, Any] = {"halt": "simple", "halt_threshold": 0.95, "halt_patience": 8}
"""How trajectories halt by default: nearly as right in the end as those that never do, in a fraction of the steps."""
SEARCH_HALT: dict[str, Any] = {"halt": "settled", "halt_patience": 8}
"""The same for trajectories that search in noise."""
Halt = Literal["auto", "never", "simple", "q", "settled"]


@dataclass(frozen=True)
class SamplingConfig:
    """How trajectories run beside each other. The defaults are independent trajectories of equal length."""

    halt: Halt = "never"
    """Stop early: never; by the halt head (simple, q); once the answer settles; auto: where it loses little."""
    halt_threshold: float = 0.5
    """Probability of a right answer from which `simple` halts."""
    halt_patience: int = 1
    """Steps in a row at which `simple` or `q` must want to halt, or that `settled` has seen no other answer for."""
    resample: bool = False
    """Sequential Monte Carlo: trajectories of little value give way to copies of better ones."""
    repel: float = 0.0
    """Length of the moves that keep the samples of a problem apart; 0 leaves them independent."""
    repel_steps: int = 4
    """First supervision steps in which samples repel each other."""
    repel_iterations: int = 4
    """Moves in each of those transitions."""
    noise: float = 0.0
    """Scale of Gaussian noise that is added to h before every supervision step, whatever the model draws itself."""
    random_start: bool = False
    """Whether z_0 is drawn from N(0, I) for every sample, instead of the one that the model was trained with."""
    categorical: bool = False
    """Whether answers are drawn from the decoder's probabilities, instead of taking the likeliest."""

    def __post_init__(self) -> None:
        if self.halt not in get_args(Halt):
            raise UserError(f"halt must be auto, never, simple, q or settled, not {self.halt!r}")
        if not 0 < self.halt_threshold < 1:
            raise UserError(f"halt_threshold must lie between 0 and 1, not {self.halt_threshold}")
        for name, most in (("halt_patience", MAX_NUMBER), ("repel_steps", MAX_NUMBER), ("repel_iterations", 1000)):
            whole_number(name, getattr(self, name), 1, most)
        for name in ("repel", "noise"):
            if not 0 <= getattr(self, name) <= 1000:
                raise UserError(f"{name} must lie between 0 and 1000, not {getattr(self, name)}")
        if self.couples and self.halt in ("simple", "q", "settled"):
            raise UserError("trajectories that halt leave the others alone; choose halt, or resample and repel")

    @property
    def couples(self) -> bool:
        """Whether the samples of a problem know of each other."""
        return self.resample or self.repel > 0

    @property
    def needs_heads(self) -> bool:
        """Whether a checkpoint must have value and halt heads for this."""
        return self.resample or self.halt in ("simple", "q")

    @property
    def watches(self) -> bool:
        """Whether it looks at every step of a trajectory."""
        return self.needs_heads or self.halt == "settled"

    @property
    def needs_recursion(self) -> bool:
        """Whether it acts on the state that a trajectory carries from step to step."""
        return self.watches or self.repel > 0 or self.noise > 0 or self.random_start

    @property
    def draws(self) -> bool:
        """Whether it makes samples differ even where the model draws nothing."""
        return self.noise > 0 or self.random_start or self.categorical

    def resolved(self, model: Model, heads: Heads | None) -> SamplingConfig:
        """Return the same with `auto` replaced by what model and heads allow."""
        if self.halt != "auto":
            return self
        rule = SEARCH_HALT if model.searches else AUTO_HALT if heads is not None else {}
        able = rule and model.recursion == "carried" and not self.needs_recursion
        return replace(self, **rule) if able else replace(self, halt="never")

    def check(self, model: Model, heads: Heads | None) -> None:
        """Raise `UserError` if it needs heads and there are none, or if the model carries no state."""
        if self.needs_recursion and model.recursion != "carried":
            if getattr(model, "draft", None) is not None:
                raise UserError(
                    "these drafts are planned to the last step, and nothing acts on their way; take --draft constant"
                )
            needs = "halting, resampling, repulsion, noise and a random start are for models that do"
            raise UserError(f"{type(model).__name__} carries no latent state from step to step; {needs}")
        if self.needs_heads and heads is None:
            advice = "python -m gram_pyro.train_heads RUN trains them"
            raise UserError(f"halting and resampling need value and halt heads, and this checkpoint has none; {advice}")


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """Return a number of any integer type as an `int`. Raises `UserError` if it is none, or out of bounds."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise UserError(f"{name} must be a whole number from {least:,} to {most:,}, not {value}")
    return number


INDEPENDENT = SamplingConfig()
AUTO = SamplingConfig(halt="auto")
