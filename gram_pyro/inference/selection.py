"""Choosing one of many answers to a problem."""

from collections import Counter
from collections.abc import Callable, Sequence

from gram_pyro.errors import UserError
from gram_pyro.inference.judge import Judged

SELECTIONS: dict[str, Callable[[Judged, Sequence[float]], int]] = {
    "first": lambda judged, values: 0,
    "majority": lambda judged, values: judged.canonical.index(Counter(judged.canonical).most_common(1)[0][0]),
    "value": lambda judged, values: values.index(max(values)),
    "checker": lambda judged, values: judged.violations.index(min(judged.violations)),
}
"""The first sample; the answer given most often, where canonical forms vote together; what the value head thinks best
of (best of N by the Latent Process Reward Model); what breaks the fewest constraints. The earliest of equals."""


def possible(has_values: bool) -> list[str]:
    """Return the ways to choose: all of them, but by value only where there is a value head."""
    return [name for name in SELECTIONS if name != "value" or has_values]


def check_selection(name: str, has_values: bool) -> None:
    """Raise `UserError` for an unknown way to choose, or by value where there is no value head."""
    if name not in SELECTIONS:
        raise UserError(f"unknown selection {name!r}; known are {', '.join(SELECTIONS)}")
    if name == "value" and not has_values:
        advice = "python -m gram_pyro.train_heads RUN trains one"
        raise UserError(f"selection by value needs a value head, and this checkpoint has none; {advice}")


def select(name: str, judged: Judged, values: Sequence[float] | None) -> int:
    """Return the place of the chosen sample; `values` v(z) of each or None. Raises as `check_selection`."""
    check_selection(name, values is not None)
    return SELECTIONS[name](judged, values or ())
