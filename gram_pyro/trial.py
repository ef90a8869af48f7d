"""Whether a model and a guide fit together, before anything is trained."""

from __future__ import annotations

from typing import Any

import pyro
import torch
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference import seeded
from gram_pyro.tasks.base import Problems


@torch.no_grad()
def try_guide(name: str, guide: Guide, problems: Problems, targets: Tensor) -> None:
    """Run a guide with its model once. Raises `UserError` if it fails, or answers a site with another shape."""
    try:
        with seeded(0), pyro.validation_enabled(False):
            guide(problems, targets)
            model_trace, guide_trace = guide.get_traces()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"the guide {name} fails on a first problem: {reason(error)}") from error
    sites: dict[str, Any] = guide_trace.nodes
    for site_name, site in sites.items():
        if site["type"] != "sample":
            continue
        prior: Any = model_trace.nodes[site_name]
        found, expected = (tuple(each["fn"].batch_shape + each["fn"].event_shape) for each in (site, prior))
        if found != expected:
            raise UserError(f"the guide {name} answers {site_name} with the shape {found}; the prior has {expected}")


def reason(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
