"""The command line of a training: the parts by name, then the options of each, in groups."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Self

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, arg

from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS
from gram_pyro.registry import ELSEWHERE, Registry
from gram_pyro.runs.config import RunConfig, label
from gram_pyro.runs.machine import MachineConfig
from gram_pyro.runs.recipes import PRESETS, recipe
from gram_pyro.runs.training_config import KL, Duration, Objective, Optimisation, Output, TrainingConfig, Trajectory
from gram_pyro.system.cli import parse, take_option
from gram_pyro.tasks import TASKS, Task

GROUPS: dict[str, type] = {
    "duration": Duration, "optimisation": Optimisation, "trajectory": Trajectory, "kl": KL, "output": Output
}  # fmt: skip
"""The parts of `TrainingConfig`, by their field in `TrainOptions`."""


def named(option: str, what: str, registry: Registry) -> Any:
    """Return how `--help` shows an option that takes a part by name."""
    return arg(name=option, metavar="NAME", help=f"{what}: {', '.join(registry)}, or {ELSEWHERE}.")


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Train a model, and keep everything about it in a run folder.

    Add `--task NAME` to see the recipe of another task, and its own options.

    Start it by `torchrun --nproc-per-node N -m gram_pyro.train` for N processes.
    """

    task_name: Annotated[str, named("task", "What is to be solved", TASKS)]
    model_name: Annotated[str, named("model", "What solves it", MODELS)]
    guide: Annotated[str, named("guide", "The posterior in training", GUIDES)]
    preset: Annotated[str, arg(metavar="|".join(PRESETS))]
    """Sizes for a CPU, or those of the paper."""
    objective: Objective = "elbo"
    """What is minimised: the negative ELBO, a bound of weighted trajectories, wake-sleep, the ELBO with constraints."""
    init: Annotated[str, arg(metavar="RUN", help_behavior_hint="")] = ""
    """A run whose weights the training starts from."""
    out: Annotated[str, arg(metavar="RUN", help_behavior_hint="(default: runs/TASK)")] = ""
    """The run folder."""
    goes_on: Annotated[FlagCreatePairsOff[bool], arg(name="continue", help_behavior_hint="")] = False
    """Go on where the run folder stands, or start it: one command for every restart."""
    resume: Annotated[str, arg(metavar="RUN", help_behavior_hint="")] = ""
    """Go on with a run; it keeps its own options and takes no other."""
    duration: Annotated[OmitArgPrefixes[Duration], arg(name="duration")]
    optimisation: Annotated[OmitArgPrefixes[Optimisation], arg(name="optimisation")]
    trajectory: Annotated[OmitArgPrefixes[Trajectory], arg(name="trajectory")]
    kl: Annotated[OmitArgPrefixes[KL], arg(name="objective and KL")]
    machine: Annotated[OmitArgPrefixes[MachineConfig], arg(name="machine")]
    output: Annotated[OmitArgPrefixes[Output], arg(name="output")]
    task: Task
    model: Any

    @classmethod
    def of(cls, config: RunConfig, preset: str) -> Self:
        """Return a recipe as options."""
        parts: dict[str, Any] = {name: getattr(config, name) for name in ("task", "model", "machine")}
        names: dict[str, Any] = {name: label(getattr(config, name)) for name in ("task_name", "model_name", "guide")}
        chosen = vars(config.training)
        groups = {name: kind(**{x.name: chosen[x.name] for x in fields(kind)}) for name, kind in GROUPS.items()}
        return cls(preset=preset, objective=config.training.objective, **names, **parts, **groups)

    @property
    def training(self) -> TrainingConfig:
        """The groups as one."""
        values = {key: value for name in GROUPS for key, value in vars(getattr(self, name)).items()}
        return TrainingConfig(objective=self.objective, **values)


def configured(arguments: Sequence[str]) -> tuple[RunConfig, Path]:
    """Return configuration and run folder of a command line that starts a training. Raises `UserError` if wrong."""
    arguments, defaults = [*arguments], {"task": "coloring", "preset": "cpu"}
    task, preset = (str(take_option(arguments, name, default)) for name, default in defaults.items())
    model, guide = (take_option(arguments, name) for name in ("model", "guide"))
    base = recipe(task, preset, model, guide)
    given = {argument.partition("=")[0] for argument in arguments}
    if given >= {"--minutes", "--updates"}:
        raise UserError("--minutes and --updates both say how long to train; give one of them")

    def parsed(training: TrainingConfig) -> TrainOptions:
        usual = replace(training, updates=None) if "--minutes" in given else training
        recipes = TrainOptions.of(replace(base, training=usual), preset)
        found: TrainOptions = parse(TrainOptions, "gram_pyro.train", arguments, recipes)
        return found

    options = parsed(base.training)
    if preset == "paper":  # its training goes with the size, which is an option of the task
        options = parsed(recipe(options.task, preset, model, guide).training)
    if options.resume:
        raise UserError("--resume goes on with a run as it is; a training that starts here cannot take it")
    parts = {name: getattr(options, name) for name in ("task", "model", "training", "machine", "init")}
    return replace(base, **parts), Path(options.out or f"runs/{Path(task.partition(':')[0]).stem}")
