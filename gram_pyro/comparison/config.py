"""The options of a comparison."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

import tyro

from gram_pyro.comparison.systems import INPUTS, REFERENCES, TABLES, TASK_OPTIONS
from gram_pyro.errors import UserError
from gram_pyro.inference.config import MAX_NUMBER


@dataclass(frozen=True)
class Budget:
    """What every system of a comparison gets alike."""

    minutes: float = 4.0
    """Minutes of each training, as `gram_pyro.train` counts them: on a CPU as far as the processor works on it; of the
    reference, where something else is equal. Updates get half of them at least, and what one validation takes beyond
    its share comes on top."""
    equal: Literal["time", "evaluations", "examples"] = "time"
    """What is equal: time of training and samples; network evaluations of training and of sampling; or examples
    that updates were made on and samples. Beyond time, GRAM with the first of the inputs sets the amount, and value
    and halt heads are trained on top of it."""
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
    reference: tyro.conf.Suppress[str] = ""
    """System and inputs that set the amount where it is not time."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of training; auto: bfloat16 on CUDA and on CPUs that multiply it, else float32."""

    def difference(self, other: Mapping[str, Any]) -> str:
        """Return the fields in which another budget differs; nothing if it is the same."""
        own = asdict(self).items()
        return ", ".join(f"{name} {other.get(name)!r}" for name, value in own if other.get(name) != value)


@dataclass(frozen=True)
class CompareConfig(Budget):
    """Train and measure what the paper compares with, all under one budget, and write the tables.

    A comparison that was stopped goes on where it was: give the same command again.
    """

    task: tuple[str, ...] = ("coloring",)
    """Tasks: coloring, nqueens; with --posteriors sudoku as well."""
    models: tuple[str, ...] = ("all",)
    """Systems by name, or all: those of the paper's first table, or with --ablate of its third, or with --posteriors
    those that differ in guide and objective."""
    inputs: tuple[str, ...] = INPUTS
    """Inputs of the systems: relations, tokens. Each is trained with all that are named here; the better one on
    validation problems is its row, and the others are in the JSON."""
    seeds: int = 1
    """Runs of each of the systems that are repeated: GRAM, TRM, the autoregressive Transformer and MDLM; with --ablate,
    GRAM as it is and with T = 3; with --posteriors, all."""
    ablate: tyro.conf.FlagCreatePairsOff[bool] = False
    """The paper's third table instead: GRAM with less, and with other objectives."""
    posteriors: tyro.conf.FlagCreatePairsOff[bool] = False
    """GRAM under every guide and every objective instead."""
    out: str = "runs/compare"
    """Folder of the runs."""
    reuse: Annotated[tuple[str, ...], tyro.conf.arg(name="known")] = ()
    """Results of runs made elsewhere under the same budget, TABLE-TASK-runs.json: what they hold is not run again."""
    results: str | None = None
    """Folder for the tables as JSON, Markdown and figure; default: that of the runs."""

    @property
    def table(self) -> str:
        """The paper's first table, its third, or that of the posteriors."""
        return "table3" if self.ablate else "posteriors" if self.posteriors else "table1"

    @property
    def budget(self) -> Budget:
        """The budget, with threads, device, precision and reference settled."""
        from gram_pyro.runs.machine import MachineConfig, resolve  # here: --help needs no torch
        from gram_pyro.runs.training_config import TrainingConfig
        from gram_pyro.system.machine import cores

        threads = self.threads or max(1, cores() // self.jobs)
        machine = resolve(MachineConfig(self.device, threads=threads, precision=self.precision), TrainingConfig())
        settled = {"threads": threads, "device": machine.device, "precision": machine.precision}
        if self.equal != "time":
            settled["reference"] = f"{REFERENCES[self.table]} {self.inputs[0]}"
        return Budget(**{field.name: getattr(self, field.name) for field in fields(Budget)} | settled)


def check(config: CompareConfig) -> list[str]:
    """Return the names of the systems. Raises `UserError` on a choice that is impossible."""
    if config.ablate and config.posteriors:
        raise UserError("--ablate and --posteriors are two tables; ask for one of them")
    systems, reference = TABLES[config.table], REFERENCES[config.table]
    names = [*systems] if config.models == ("all",) else [*dict.fromkeys(config.models)]
    for kind, chosen, possible in (
        ("task", config.task, [*TASK_OPTIONS, *(["sudoku"] if config.posteriors else [])]),
        ("system", names, systems),
        ("kind of input", config.inputs, INPUTS),
    ):
        unknown = [name for name in chosen if name not in possible]
        if unknown or not chosen:
            raise UserError(f"unknown {kind} {' '.join(unknown) or 'none'}; known are {', '.join(possible)}")
        if len({*chosen}) < len(chosen):
            raise UserError(f"a {kind} is named twice: {' '.join(chosen)}")
    if others := [part for part in config.task_options.split() if part[:2] == "--" and part[:7] != "--task."]:
        raise UserError(f"--task-options takes options of the task, --task.NAME, and not {others[0]}")
    if not 0 < config.minutes < 10**6:
        raise UserError(f"--minutes must be above 0, not {config.minutes}")
    numbers = {"samples": MAX_NUMBER, "problems": MAX_NUMBER, "seeds": 1000, "jobs": 64, "data_seed": 2**32 - 1}
    for name, most in numbers.items():
        least, option = int(name != "data_seed"), name.replace("_", "-")
        if not least <= getattr(config, name) <= most:
            raise UserError(f"--{option} must lie between {least} and {most:,}, not {getattr(config, name)}")
    names = [name for name in names if {*systems[name].inputs} & {*config.inputs}]
    if not names:
        raise UserError(f"these systems do not take {' or '.join(config.inputs)}; take --inputs {INPUTS[0]}")
    if config.equal != "time" and (reference not in names or config.inputs[0] not in systems[reference].inputs):
        raise UserError(f"--equal {config.equal} needs the reference among the models: add {reference}")
    return names
