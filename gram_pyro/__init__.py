"""Generative recursive reasoning models as Pyro programs."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gram_pyro.system.startup import begin_imports

if TYPE_CHECKING:
    from gram_pyro.api import fit as fit
    from gram_pyro.api import load as load
    from gram_pyro.errors import UserError as UserError
    from gram_pyro.guides import Guide as Guide
    from gram_pyro.models import Model as Model
    from gram_pyro.objectives.elbo import TruncatedTrace_ELBO as TruncatedTrace_ELBO
    from gram_pyro.reasoner import Reasoner as Reasoner
    from gram_pyro.tasks import Answer as Answer
    from gram_pyro.tasks import Problems as Problems
    from gram_pyro.tasks import Spec as Spec
    from gram_pyro.tasks import Split as Split
    from gram_pyro.tasks import Task as Task
    from gram_pyro.training.carry import carried as carried

__version__ = "0.1.0"

if sys.argv[:1] == ["-m"] and any(word.startswith("gram_pyro.") for word in sys.orig_argv):
    begin_imports()  # `python -m gram_pyro.train`, which has yet to import its modules

PLACES = {
    "api": ("fit", "load"),
    "errors": ("UserError",),
    "objectives.elbo": ("TruncatedTrace_ELBO",),
    "reasoner": ("Reasoner",),
    "guides": (
        "EmptyGuide", "EncoderGuide", "FieldsGuide", "FlowGuide", "ForwardGuide", "GaussianGuide", "Guide",
        "LookaheadGuide", "LowRankGuide", "MeanOnlyGuide", "PriorGuide", "RelationalGuide", "ScaleOnlyGuide",
        "SolutionSetGuide",
    ),
    "models": (
        "Autoregressive", "D3pm", "Direct", "Fields", "Gram", "GramConfig", "Hrm", "Looped", "Mdlm", "Model", "Trm",
        "Vae",
    ),
    "tasks": (
        "Answer", "Board", "Coloring", "Countdown", "CountdownProblem", "NQueens", "Pool", "Problems", "Puzzle", "Spec",
        "Split", "Sudoku", "Task", "Wording",
    ),
    "training.carry": ("carried",),
}  # fmt: skip
"""Public names by the module that they come from: `import gram_pyro` imports none of them."""
NAMES = {name: module for module, names in PLACES.items() for name in names}
__all__ = [*NAMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{NAMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
