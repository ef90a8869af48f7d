"""`python -m gram_pyro.program --model gram`: the sites of a model and how they depend on each other, as a picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pyro.infer.inspect import generate_graph_specification, get_model_relations, render_graph
from tyro.conf import arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.models import MODELS, Model
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import build_parts
from gram_pyro.runs.train_options import named
from gram_pyro.system.cli import parse
from gram_pyro.system.files import make_folder
from gram_pyro.tasks import TASKS

FORMATS = (".png", ".svg", ".pdf")
MAX_DRAWN = 64


@dataclass(frozen=True)
class ProgramConfig:
    """Draw a model's program: its sites, and how they depend on each other.

    Drawn sites are white, computed ones dashed, observed ones gray.

    Needs graphviz: the package (pip install -e '.[draw]') and the program dot.
    """

    model: Annotated[str, named("model", "The model that is drawn", MODELS)] = "gram"
    task: Annotated[str, named("task", "The task that it solves", TASKS)] = "coloring"
    steps: int = 2
    """Supervision steps."""
    out: Annotated[str, arg(metavar="FILE")] = "program.png"
    """The picture: .png, .svg or .pdf."""


def graph_of(model: Model, inputs: tuple[Any, Any], steps: int) -> Any:
    """Return the `graphviz.Digraph` of a run; Pyro calls deterministic sites observed, here they are not."""
    relations = get_model_relations(model, inputs, {"steps": steps}, include_deterministic=True)
    specification = generate_graph_specification(relations)
    for site in specification["node_data"].values():
        site["is_observed"] &= site["distribution"] != "Deterministic"
    return render_graph(specification, render_distributions=True)


def main(arguments: list[str]) -> None:
    """Draw. Raises `UserError` on wrong input, or without graphviz."""
    config: ProgramConfig = parse(ProgramConfig, "gram_pyro.program", arguments)
    path = Path(config.out)
    if path.suffix not in FORMATS:
        raise UserError(f"--out {config.out} must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if not 1 <= config.steps <= MAX_DRAWN:
        raise UserError(f"--steps must lie between 1 and {MAX_DRAWN}, not {config.steps}")
    setup = recipe(config.task, model=config.model)
    model, _ = build_parts(setup)
    problem = setup.task.generate("train", 1, 0)
    inputs = setup.task.encode(problem), setup.task.targets(problem[0])[:1]
    make_folder(path.parent)
    try:
        graph_of(model, inputs, config.steps).render(path.with_suffix(""), cleanup=True, format=path.suffix[1:])
    except (ImportError, OSError, RuntimeError) as error:
        needs = "graphviz, the package (pip install -e '.[draw]') and the program dot"
        raise UserError(f"the picture needs {needs}: {error}") from None
    print(path)


if __name__ == "__main__":
    run_cli(main)
