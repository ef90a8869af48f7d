"""Whether a model and a guide fit together, before anything is trained."""

from __future__ import annotations

from typing import Any

import pyro
import torch

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.inference import seeded
from gram_pyro.tasks.base import Task


@torch.no_grad()
def try_guide(name: str, guide: Guide, task: Task, problem: Any) -> None:
    """Run a guide with its model once. Raises `UserError` if it fails, or answers a site with another shape."""
    targets = task.targets(problem)[:1]
    try:
        with seeded(0), pyro.validation_enabled(False):
            guide(task.encode([problem]), targets, **guide.told(task, [problem], targets))
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
