"""`python -m gram_pyro.export RUN --out model.onnx`: one supervision step of a trained model for other runtimes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.options import Draft, TrainedRun
from gram_pyro.system.cli import parse
from gram_pyro.system.files import is_folder, write_atomically
from gram_pyro.system.startup import quick_imports

if TYPE_CHECKING:
    from torch import Tensor
    from torch.onnx import ONNXProgram

    from gram_pyro.inference.step import Step
    from gram_pyro.runs.store import Run

NEEDS = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-3
"""How far a number of the exported step may be from torch's; rounding alone reaches a tenth of it."""
EXAMPLE = {"batch": 2, "length": 7, "values": 5}  # all different, none of them 1, which would say more than it should
TRIAL = {"batch": 3, "length": 4, "values": 6}


@dataclass(frozen=True)
class ExportConfig:
    """Write one supervision step of a trained model as ONNX, for programs without torch.

    Needs more packages: pip install -e '.[export]'
    """

    run: TrainedRun
    out: Annotated[str, arg(metavar="FILE")] = "model.onnx"
    """The file, which must end in .onnx."""
    draft: Draft = None


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing of what the exporter does not know about packages that are not here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def onnx_of(run: Run) -> bytes:
    """Return one supervision step of a run on the CPU as the content of an ONNX file.

    Raises `UserError` if its model cannot be exported, or if the packages that it takes are missing.
    """
    import pyro
    import torch

    from gram_pyro import __version__
    from gram_pyro.inference.step import Step

    try:
        for name in NEEDS:
            import_module(name)
    except ImportError as error:
        raise UserError(f"the export needs {', '.join(NEEDS)}: pip install -e '.[export]' ({error})") from None
    step = Step(run.task.spec, run.model, run.heads).eval()
    inputs = step.examples(EXAMPLE, 1, 0)
    with torch.no_grad(), pyro.validation_enabled(False), quiet():
        step(*inputs)  # what is wrong with the model itself is said here
        try:
            exported = converted(step, inputs)
        except Exception as error:  # whatever a model of the user's own makes the exporter raise
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise UserError(f"the model of {run.name} cannot be exported: {reason}") from error
    metadata = {
        "gram_pyro": __version__,
        "run": run.name,
        "steps": str(run.depth),
        "values": str(run.task.spec.classes),
        "schedule": step.model.config.draft,
    }
    exported.model.metadata_props.update(metadata)
    content: bytes = exported.model_proto.SerializeToString()
    if not (found := difference(step, content)) < TOLERANCE:
        raise UserError(f"the exported step of {run.name} is {found:.1e} from torch's, more than {TOLERANCE:.0e}")
    return content


def converted(step: Step, inputs: tuple[Tensor, ...]) -> ONNXProgram:
    """Return a step as an ONNX program whose dimensions have the names of `step.inputs`."""
    import torch

    names = {name: torch.export.Dim(name) for name in EXAMPLE}
    shapes = [{i: names[size] for i, size in enumerate(shape) if size in names} for shape in step.inputs.values()]
    program = torch.export.export(step, inputs, dynamic_shapes=(tuple(shapes),))
    exported = torch.onnx.export(
        program, input_names=[*step.inputs], output_names=[*step.outputs], dynamo=True, verbose=False
    )
    assert exported is not None
    graph = exported.model.graph
    for value, shape in zip(graph.inputs, step.inputs.values(), strict=True):
        pairs = zip(value.shape or (), shape, strict=True)
        exported.rename_axes({now: size for now, size in pairs if isinstance(size, str) and not isinstance(now, int)})
    graph.metadata_props.clear()
    for node in graph.all_nodes():
        node.metadata_props.clear()  # lines of code and paths of this machine
    return exported


def difference(step: Step, content: bytes) -> float:
    """Return the largest difference between an exported step and its original, in sizes that it was not made with."""
    import onnxruntime
    import pyro
    import torch

    session = onnxruntime.InferenceSession(content)
    largest = 0.0
    for place in (0, 1):
        inputs = step.examples(TRIAL, place, 1)
        with torch.no_grad(), pyro.validation_enabled(False):
            right = step(*inputs)
        found = session.run(None, {name: part.numpy() for name, part in zip(step.inputs, inputs, strict=True)})
        for a, b in zip(right, found, strict=True):
            if a.numel():
                largest = max(largest, float((a - torch.from_numpy(b)).abs().max()))
    return largest


def main(arguments: list[str]) -> None:
    """Export. Raises `UserError` on wrong input."""
    config: ExportConfig = parse(ExportConfig, "gram_pyro.export", arguments)
    path = Path(config.out)
    if is_folder(path):
        raise UserError(f"--out {config.out} is a folder; name a file in it that ends in .onnx")
    if path.suffix != ".onnx":
        raise UserError(f"--out {config.out} must end in .onnx")
    with quick_imports():  # here: --help needs none of it
        from gram_pyro.runs.store import load_run

    content = onnx_of(load_run(config.run, "cpu", config.draft))
    write_atomically(path, content)
    print(path)


if __name__ == "__main__":
    run_cli(main)
