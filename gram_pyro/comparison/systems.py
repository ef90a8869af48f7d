"""What `gram_pyro.compare` compares: the rows of the paper's tables, and the inputs of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gram_pyro.inference.config import INDEPENDENT, SamplingConfig

INPUTS = ("relations", "tokens")
"""What a model sees of a problem: relations between positions, with the task's augmentation; or the paper's tokens."""


@dataclass(frozen=True)
class SamplingVariant:
    """A way to get many answers out of a trained deterministic model; of several methods the best on validation."""

    label: str
    methods: tuple[SamplingConfig, ...]


@dataclass(frozen=True)
class System:
    """One thing to train, and the rows it gives."""

    label: str
    model: str
    options: str = ""
    """Options of `gram_pyro.train` beside the recipe's."""
    one_answer: bool = False
    """Whether it can give one answer only, and sees what breaks symmetry: positions, and answers with canonical names
    where names mean nothing."""
    repeated: bool = False
    """Whether `--seeds` repeats it."""
    naive: tuple[SamplingVariant, ...] = ()
    inputs: tuple[str, ...] = INPUTS
    paper: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)
    """The paper's parameters, accuracy (%) or conflicts, and coverage (%), by task and size."""


PUBLISHED = ("nqueens-8", "nqueens-10", "coloring-8", "coloring-10")


def published(parameters: str, *numbers: float) -> dict[str, tuple[str, float, float]]:
    """Return a row of the paper's first table: accuracy or conflicts, and coverage, of each of `PUBLISHED` in order."""
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return {name: (parameters, *pair) for name, pair in zip(PUBLISHED, pairs, strict=True)}


NAIVE = (
    SamplingVariant("TRM, answers drawn from its output", (SamplingConfig(categorical=True),)),
    SamplingVariant("TRM, random z_0", (SamplingConfig(random_start=True),)),
    SamplingVariant(
        "PTRM: TRM with noise at every step", tuple(SamplingConfig(noise=noise) for noise in (0.1, 0.3, 1.0, 3.0))
    ),
)
SYSTEMS: dict[str, System] = {
    "direct": System(
        "direct prediction, 8 layers", "direct", one_answer=True,
        paper=published("27M", 40.4, 13.7, 13.6, 1.6, 179.3, 19.9, 198.7, 6.7),
    ),
    "direct-2": System("direct prediction, 2 layers", "direct", "--model.layers 2", one_answer=True),
    "direct-32": System("direct prediction, 32 layers", "direct", "--model.layers 32", one_answer=True),
    "looped": System(
        "Looped Transformer", "looped", one_answer=True,
        paper=published("7M", 68.4, 23.6, 50.0, 6.2, 136.0, 20.5, 157.3, 7.2),
    ),
    "looped-end": System(
        "Looped Transformer, no deep supervision", "looped", "--no-deep-supervision --horizon 16", one_answer=True
    ),
    "hrm": System(
        "HRM", "hrm", one_answer=True, paper=published("27M", 78.7, 26.7, 37.4, 4.7, 109.7, 21.8, 164.3, 8.9)
    ),
    "trm": System(
        "TRM", "trm", one_answer=True, repeated=True, naive=NAIVE,
        paper=published("7M", 66.8, 36.1, 17.5, 2.0, 109.3, 22.3, 170.7, 6.8),
    ),
    "ar": System(
        "autoregressive Transformer", "ar", repeated=True,
        paper=published("10.6M", 96.3, 84.8, 90.0, 53.2, 19.0, 83.0, 61.3, 40.0),
    ),
    "mdlm": System(
        "MDLM (masked diffusion)", "mdlm", repeated=True,
        paper=published("12.6M", 96.1, 87.2, 74.3, 47.4, 2.7, 84.5, 12.0, 48.2),
    ),
    "gram": System(
        "GRAM", "gram", repeated=True,
        paper=published("10M", 99.7, 90.3, 89.7, 57.5, 2.7, 85.8, 3.3, 51.3),
    ),
}  # fmt: skip

ONE = ("relations",)
FLAT, END = "--model.core flat", "--no-deep-supervision --horizon 16"
THREE = "--model.transitions 3"
ABLATIONS: dict[str, System] = {
    "full": System("GRAM as it is", "gram", repeated=True, inputs=ONE),
    "flat": System("flat core", "gram", FLAT, inputs=ONE),
    "end": System("no deep supervision, no free runs", "gram", END, inputs=ONE),
    "flat-end": System("flat core, no deep supervision, no free runs", "gram", f"{FLAT} {END}", inputs=ONE),
    "hrm": System("no guidance (told as one answer)", "hrm", one_answer=True, inputs=ONE),
    "looped": System("no guidance (told as one answer), flat core", "looped", one_answer=True, inputs=ONE),
    "hrm-end": System("no guidance (told as one answer), no deep supervision", "hrm", END, one_answer=True, inputs=ONE),
    "looped-end": System(
        "no guidance (told as one answer), flat core, no deep supervision", "looped", END, one_answer=True, inputs=ONE
    ),
    "no-mean": System("no mean: N(0, sigma^2)", "gram", "--model.no-mean --guide scale_only", inputs=ONE),
    "no-variance": System("no variance: sigma = 0.01", "gram", "--model.no-variance --guide mean_only", inputs=ONE),
    "neither": System("no mean, no variance", "gram", "--model.no-mean --model.no-variance --guide prior", inputs=ONE),
    "pooled": System("one guidance a problem", "gram", "--model.pooled", inputs=ONE),
    "prior": System("prior as posterior", "gram", "--guide prior", inputs=ONE),
    "prior-one": System(
        "prior as posterior (told as one answer)", "gram", "--guide prior", one_answer=True, inputs=ONE
    ),
    "no-free": System("no free runs", "gram", "--prior-fraction 0", inputs=ONE),
    "horizon-2": System("horizon 2", "gram", "--horizon 2", inputs=ONE),
    "horizon-all": System("horizon 16: all, no free runs", "gram", "--horizon 16", inputs=ONE),
    "three-all": System("T = 3, KL at every transition", "gram", THREE, repeated=True, inputs=ONE),
    "three-last": System(
        "T = 3, KL at the last transition", "gram", f"{THREE} --kl-transitions last", repeated=True, inputs=ONE
    ),
}

PAPER = "--prior-fraction 0 --kl-target None --beta 0.5"
POSTERIORS: dict[str, System] = {
    "default": System("Gaussian, horizon 1", "gram", inputs=ONE, repeated=True),
    "paper": System("the paper's surrogate (no free runs, beta 0.5)", "gram", PAPER, inputs=ONE, repeated=True),
    **{
        name: System(label, "gram", options, inputs=ONE, repeated=True)
        for name, label, options in (
            ("prior", "prior as posterior", "--guide prior"),
            ("mean_only", "mean alone sees y", "--guide mean_only"),
            ("scale_only", "scale alone sees y", "--guide scale_only"),
            ("low_rank", "low rank over positions", "--guide low_rank"),
            ("flow", "flow", "--guide flow"),
            ("relational", "relational", "--guide relational"),
            ("backward", "smoother with a pilot", "--guide lookahead"),
            ("solution_set", "told all solutions", "--guide solution_set"),
            (
                "mean-constraint",
                "mean alone sees y, constraints on prior samples",
                "--guide mean_only --objective constraint",
            ),
            ("horizon-2", "Gaussian, horizon 2", "--horizon 2"),
            ("horizon-4", "Gaussian, horizon 4", "--horizon 4"),
            ("horizon-16", "Gaussian, horizon 16, no free runs", "--horizon 16"),
            ("importance", "importance-weighted, 4 trajectories", "--objective importance"),
            ("wake_sleep", "wake-sleep", "--objective wake_sleep"),
            ("constraint", "constraints on prior samples, weight 0.1", "--objective constraint"),
            ("constraint-1", "constraints on prior samples, weight 1", "--objective constraint --constraint-weight 1"),
        )
    },
}

TABLES = {"table1": SYSTEMS, "table3": ABLATIONS, "posteriors": POSTERIORS}
REFERENCES = {"table1": "gram", "table3": "full", "posteriors": "default"}
"""The system of each table that sets the amount where evaluations or examples are equal."""

TASK_OPTIONS: dict[str, dict[str, str]] = {
    "coloring": {"tokens": "--task.layout tokens", "one-answer": "--task.names canonical --task.positions"},
    "nqueens": {"tokens": "--task.layout tokens", "one-answer": "--task.positions"},
}
"""Options that give a model the paper's tokens, and what a model with one answer needs beside the relations."""


def training_options(system: System, task: str, inputs: str) -> list[str]:
    """Return options of `gram_pyro.train` for a system on a task, under one kind of input."""
    views = TASK_OPTIONS[task]
    options = ["--task", task, "--model", system.model, *system.options.split()]
    if inputs == "tokens":
        options += views["tokens"].split()
    if system.one_answer:
        options += views["one-answer"].split()
    return options


def methods_of(system: System) -> list[SamplingVariant]:
    """Return the rows of a trained system: itself, then its naive forms."""
    return [SamplingVariant(system.label, (INDEPENDENT,)), *system.naive]
