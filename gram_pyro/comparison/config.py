"""The options of a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Suppress, arg

from gram_pyro.comparison.systems import FAMILIES, INPUTS, REFERENCES, SYSTEMS, TABLES, TASK_OPTIONS, System
from gram_pyro.errors import UserError
from gram_pyro.inference.config import MAX_NUMBER

NAMES = arg(metavar="NAME [NAME ...]")
EVERY_SYSTEM = f"All (default), or some of {', '.join(SYSTEMS)}."


def instead(table: str, what: str) -> Any:
    """Return how `--help` shows the flag of another table, with its systems."""
    return arg(help=f"{what} instead: {', '.join(choices(table))}.", help_behavior_hint="")


def choices(table: str) -> list[str]:
    """Return what `--models` may name in a table: systems, or families of systems."""
    return [*FAMILIES] if table == "generation" else [*TABLES[table]]


@dataclass(frozen=True)
class Budget:
    """What every system gets alike."""

    minutes: float = 4.0
    """Minutes of each training, as `gram_pyro.train` counts them; of the reference, if something else is equal."""
    equal: Literal["time", "evaluations", "examples"] = "time"
    """What is equal beside the samples: time; or network evaluations or examples, as many as GRAM gets in time."""
    samples: int = 20
    """Samples of a problem; of the reference where evaluations are equal."""
    problems: int = 100
    """Test problems."""
    data_seed: int = 11
    """Seed of the test problems."""
    threads: int = 0
    """CPU threads of a run; 0 shares all cores among the jobs."""
    jobs: int = 1
    """Runs side by side, each with its own --threads."""
    device: str = "auto"
    """auto (CUDA where there is one), cpu, cuda, cuda:1."""
    task_options: str = ""
    """More options of the task in one string, such as "--task.n 10"."""
    training_options: str = ""
    """More options of every training, such as "--batch 256 --model.width 128"."""
    reference: Suppress[str] = ""
    """System and inputs that set the amount where it is not time."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of training; auto: bfloat16 on CUDA and on CPUs that multiply it, else float32."""

    def difference(self, other: Mapping[str, Any]) -> str:
        """Return the fields in which another budget differs; nothing if it is the same."""
        own = asdict(self).items()
        return ", ".join(f"{name} {other.get(name)!r}" for name, value in own if other.get(name) != value)


def upgraded(budget: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored budget with the fields that older versions did not have."""
    return {"training_options": "", **budget}


@dataclass(frozen=True)
class CompareConfig:
    """Train and measure what the paper compares with, all under one budget.

    A comparison that was stopped goes on where it was: give the same command again.
    """

    task: Annotated[tuple[str, ...], NAMES] = ("coloring",)
    """Tasks: coloring, nqueens; with --posteriors sudoku as well, with --generation digits."""
    models: Annotated[tuple[str, ...], NAMES, arg(help=EVERY_SYSTEM, help_behavior_hint="")] = ("all",)
    ablate: Annotated[FlagCreatePairsOff[bool], instead("table3", "The paper's third table")] = False
    posteriors: Annotated[FlagCreatePairsOff[bool], instead("posteriors", "Every guide and objective")] = False
    generation: Annotated[FlagCreatePairsOff[bool], instead("generation", "What draws from nothing")] = False
    inputs: Annotated[tuple[str, ...], NAMES] = INPUTS
    """What systems see of a problem, relations or tokens: the better on validation problems is a system's row."""
    seeds: int = 1
    """Runs of each repeated system: GRAM, TRM, ar, mdlm, d3pm, vae; with --ablate some, with --posteriors all."""
    out: Annotated[str, arg(metavar="FOLDER")] = "runs/compare"
    """Folder of the runs."""
    results: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="(default: that of the runs)")] = None
    """Folder for the tables as JSON, Markdown and figure."""
    reuse: Annotated[tuple[str, ...], arg(name="known", metavar="FILE [FILE ...]", help_behavior_hint="")] = ()
    """Results of runs made elsewhere under the same budget, TABLE-TASK-runs.json: what they hold is not run again."""
    given: Annotated[OmitArgPrefixes[Budget], arg(name="budget")] = Budget()

    @property
    def table(self) -> str:
        """The paper's first table, its third, that of the posteriors, or that of generation."""
        return next((table for table, asked in self.others.items() if asked), "table1")

    @property
    def others(self) -> dict[str, bool]:
        """Whether each table but the first is asked for."""
        return {"table3": self.ablate, "posteriors": self.posteriors, "generation": self.generation}

    @property
    def budget(self) -> Budget:
        """The budget, with threads, device, precision and reference settled."""
        from gram_pyro.runs.machine import MachineConfig, resolve  # here: --help needs no torch
        from gram_pyro.runs.training_config import TrainingConfig
        from gram_pyro.system.machine import cores

        given = self.given
        threads = given.threads or max(1, cores() // given.jobs)
        machine = resolve(MachineConfig(given.device, threads=threads, precision=given.precision), TrainingConfig())
        settled: dict[str, Any] = {"threads": threads, "device": machine.device, "precision": machine.precision}
        if given.equal != "time":
            settled["reference"] = f"{REFERENCES[self.table]} {self.inputs[0]}"
        return replace(given, **settled)


def members_of(names: Sequence[str], systems: Mapping[str, System]) -> list[str]:
    """Return the names of systems, with the members of a family in place of its name."""
    found = [[name for name, system in systems.items() if system.family == named] or [named] for named in names]
    return [name for members in found for name in members]


def check(config: CompareConfig) -> list[str]:
    """Return the names of the systems. Raises `UserError` on a choice that is impossible."""
    if sum(config.others.values()) > 1:
        raise UserError("--ablate, --posteriors and --generation are tables of their own; ask for one of them")
    systems, reference = TABLES[config.table], REFERENCES[config.table]
    names = [*systems] if config.models == ("all",) else [*dict.fromkeys(members_of(config.models, systems))]
    for kind, chosen, possible in (
        ("task", config.task, ["digits"] if config.generation else [*TASK_OPTIONS, *["sudoku"] * config.posteriors]),
        ("system", names, systems),
        ("kind of input", config.inputs, INPUTS),
    ):
        unknown = [name for name in chosen if name not in possible]
        if unknown or not chosen:
            raise UserError(f"unknown {kind} {' '.join(unknown) or 'none'}; known are {', '.join(possible)}")
        if len({*chosen}) < len(chosen):
            raise UserError(f"a {kind} is named twice: {' '.join(chosen)}")
    budget = config.given
    if others := [part for part in budget.task_options.split() if part[:2] == "--" and part[:7] != "--task."]:
        raise UserError(f"--task-options takes options of the task, --task.NAME, and not {others[0]}")
    if not 0 < budget.minutes < 10**6:
        raise UserError(f"--minutes must be above 0, not {budget.minutes}")
    numbers = {"samples": MAX_NUMBER, "problems": MAX_NUMBER, "seeds": 1000, "jobs": 64, "data_seed": 2**32 - 1}
    chosen_numbers = vars(budget) | {"seeds": config.seeds}
    for name, most in numbers.items():
        least, option = int(name != "data_seed"), name.replace("_", "-")
        if not least <= chosen_numbers[name] <= most:
            raise UserError(f"--{option} must lie between {least} and {most:,}, not {chosen_numbers[name]}")
    names = [name for name in names if {*systems[name].inputs} & {*config.inputs}]
    if not names:
        raise UserError(f"these systems do not take {' or '.join(config.inputs)}; take --inputs {INPUTS[0]}")
    if budget.equal != "time" and (reference not in names or config.inputs[0] not in systems[reference].inputs):
        raise UserError(f"--equal {budget.equal} needs the reference among the models: add {reference}")
    return names
