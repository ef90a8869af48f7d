"""What `gram_pyro.compare` compares: the rows of the paper's tables, and the inputs of each."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from gram_pyro.inference.config import SamplingConfig

INPUTS = ("relations", "tokens")
"""What a model sees of a problem: relations between positions, with the task's augmentation; or the paper's tokens."""


@dataclass(frozen=True)
class SamplingVariant:
    """A way to get many answers out of a trained deterministic model."""

    label: str
    method: SamplingConfig


@dataclass(frozen=True)
class System:
    """One thing to train, and the rows it gives."""

    label: str
    model: str = "gram"
    options: str = ""
    """Options of `gram_pyro.train` beside the recipe's."""
    published: tuple[Any, ...] = ()
    """Parameters in the paper, then accuracy (%) or conflicts, and coverage (%), of each of `PUBLISHED` in order."""
    one_answer: bool = False
    """Whether it can give one answer only, and sees what breaks symmetry: positions, and answers with canonical names
    where names mean nothing."""
    repeated: bool = False
    """Whether `--seeds` repeats it."""
    naive: tuple[SamplingVariant, ...] = ()
    inputs: tuple[str, ...] = INPUTS
    family: str = ""
    """The systems that share a row, which the best of them has; see `FAMILIES`."""

    @property
    def paper(self) -> dict[str, tuple[str, float, float]]:
        """The paper's parameters, accuracy (%) or conflicts, and coverage (%), by task and size."""
        rows = zip(PUBLISHED, self.published[1::2], self.published[2::2], strict=False)
        return {name: (self.published[0], accuracy, coverage) for name, accuracy, coverage in rows}


PUBLISHED = ("nqueens-8", "nqueens-10", "coloring-8", "coloring-10")
NAIVE = (
    SamplingVariant("TRM, answers drawn from its output", SamplingConfig(categorical=True)),
    SamplingVariant("TRM, random z_0", SamplingConfig(random_start=True)),
    *(
        SamplingVariant(f"PTRM: TRM with noise {noise:g} before every step", SamplingConfig(noise=noise))
        for noise in (0.1, 0.3, 1.0, 3.0)
    ),
)
FLAT, END, THREE = "--model.core flat", "--no-deep-supervision --horizon 16", "--model.transitions 3"
CONFIDENCE = "--model.order confidence"
one_answer = partial(System, one_answer=True)
repeated = partial(System, repeated=True)
SYSTEMS: dict[str, System] = {
    "direct": one_answer(
        "direct prediction, 8 layers", "direct", "", ("27M", 40.4, 13.7, 13.6, 1.6, 179.3, 19.9, 198.7, 6.7)
    ),
    "direct-2": one_answer("direct prediction, 2 layers", "direct", "--model.layers 2"),
    "direct-32": one_answer("direct prediction, 32 layers", "direct", "--model.layers 32"),
    "looped": one_answer("Looped Transformer", "looped", "", ("7M", 68.4, 23.6, 50.0, 6.2, 136.0, 20.5, 157.3, 7.2)),
    "looped-end": one_answer("Looped Transformer, no deep supervision", "looped", END),
    "hrm": one_answer("HRM", "hrm", "", ("27M", 78.7, 26.7, 37.4, 4.7, 109.7, 21.8, 164.3, 8.9)),
    "trm": System("TRM", "trm", "", ("7M", 66.8, 36.1, 17.5, 2.0, 109.3, 22.3, 170.7, 6.8), True, True, NAIVE),
    "ar": repeated("autoregressive Transformer", "ar", "", ("10.6M", 96.3, 84.8, 90.0, 53.2, 19.0, 83.0, 61.3, 40.0)),
    "mdlm": repeated("MDLM (masked diffusion)", "mdlm", "", ("12.6M", 96.1, 87.2, 74.3, 47.4, 2.7, 84.5, 12.0, 48.2)),
    "mdlm-confidence": repeated("MDLM, surest positions first", "mdlm", CONFIDENCE),
    "mgdm": repeated("MGDM (reweighted), surest positions first", "mdlm", f"--model.reweight 0.25 {CONFIDENCE}"),
    "d3pm": repeated("D3PM (uniform noise)", "d3pm"),
    "d3pm-absorbing": repeated("D3PM (masks)", "d3pm", "--model.noise absorbing"),
    "vae": repeated("variational autoencoder", "vae"),
    "gram": repeated("GRAM", "gram", "", ("10M", 99.7, 90.3, 89.7, 57.5, 2.7, 85.8, 3.3, 51.3)),
}

once, single, several = (partial(kind, inputs=INPUTS[:1]) for kind in (System, one_answer, repeated))
ABLATIONS: dict[str, System] = {
    "full": several("GRAM as it is"),
    "flat": once("flat core", options=FLAT),
    "end": once("no deep supervision, no prior rollouts", options=END),
    "flat-end": once("flat core, no deep supervision, no prior rollouts", options=f"{FLAT} {END}"),
    "hrm": single("no guidance (told as one answer)", "hrm"),
    "looped": single("no guidance (told as one answer), flat core", "looped"),
    "hrm-end": single("no guidance (told as one answer), no deep supervision", "hrm", END),
    "looped-end": single("no guidance (told as one answer), flat core, no deep supervision", "looped", END),
    "no-mean": once("no mean: N(0, sigma^2)", options="--model.no-mean --guide scale_only"),
    "no-variance": once("no variance: sigma = 0.01", options="--model.no-variance --guide mean_only"),
    "neither": once("no mean, no variance", options="--model.no-mean --model.no-variance --guide prior"),
    "pooled": once("one guidance a problem", options="--model.pooled"),
    "prior": once("prior as posterior", options="--guide prior"),
    "prior-one": single("prior as posterior (told as one answer)", options="--guide prior"),
    "no-free": once("no prior rollouts", options="--prior-fraction 0"),
    "horizon-2": once("horizon 2", options="--horizon 2"),
    "horizon-all": once("horizon 16: all, no prior rollouts", options="--horizon 16"),
    "three-all": several("T = 3, KL at every transition", options=THREE),
    "three-last": several("T = 3, KL at the last transition", options=f"{THREE} --kl-transitions last"),
}
CONSTRAINT = "--objective constraint"
DIFFUSION = "--guide diffusion --model.draft cosine --model.no-guidance"
DRAFT = "--model.draft cosine --horizon 4 --shortest 16 --depth 64 --head-rounds 0"
POSTERIORS: dict[str, System] = {
    name: several(label, "fields" if name.startswith("fields") else "gram", options=options)
    for name, label, options in (
        ("default", "Gaussian, horizon 1", ""),
        ("paper", "the paper's surrogate, beta 0.5", "--prior-fraction 0 --kl-target None --beta 0.5"),
        ("paper-2", "the paper's surrogate, beta 2", "--prior-fraction 0 --kl-target None --beta 2"),
        ("paper-4", "the paper's surrogate, beta 4", "--prior-fraction 0 --kl-target None --beta 4"),
        ("beta-4", "prior rollouts, beta 4", "--kl-target None --beta 4"),
        ("no-rollouts", "no prior rollouts", "--prior-fraction 0"),
        ("prior", "prior as posterior", "--guide prior"),
        ("mean_only", "mean alone sees y", "--guide mean_only"),
        ("scale_only", "scale alone sees y", "--guide scale_only"),
        ("low_rank", "low rank over positions", "--guide low_rank"),
        ("flow", "flow", "--guide flow"),
        ("relational", "relational", "--guide relational"),
        ("backward", "smoother with a pilot", "--guide lookahead"),
        ("solution_set", "told all solutions", "--guide solution_set"),
        ("mean-constraint", "mean alone sees y, constraints on prior samples", f"--guide mean_only {CONSTRAINT}"),
        ("revealed", "a growing part of the answer", "--guide revealed"),
        ("draft", "noisy drafts and Gaussian guidance", DRAFT),
        ("diffusion", "noisy drafts alone", DIFFUSION),
        ("fields", "fields, Gaussian", ""),
        ("fields-draft", "fields, noisy drafts and Gaussian guidance", DRAFT),
        ("fields-diffusion", "fields, noisy drafts alone", DIFFUSION),
        ("horizon-2", "Gaussian, horizon 2", "--horizon 2"),
        ("horizon-4", "Gaussian, horizon 4", "--horizon 4"),
        ("horizon-16", "Gaussian, horizon 16, no prior rollouts", "--horizon 16"),
        ("importance", "importance-weighted, 4 trajectories", "--objective importance"),
        ("wake_sleep", "wake-sleep", "--objective wake_sleep"),
        ("constraint", "constraints on prior samples, weight 0.1", CONSTRAINT),
        ("constraint-1", "constraints on prior samples, weight 1", f"{CONSTRAINT} --constraint-weight 1"),
    )
}

OURS = "--model.core flat --model.refinements 1 --model.layers 4 --model.draft flow"
DRAFTS = f"{OURS} --horizon 1 --learning-rate 2e-3 --prior-fraction 0 --kl-target None"
ALONE = f"{DRAFTS} --model.memory alone --model.no-guidance --guide diffusion --shortest 16 --depth 64"
BOTH = f"{DRAFTS} --model.memory beside --guide gaussian --shortest 4 --depth 16"
SIZES = {
    "1": "--model.layers 4",
    "10": "--model.width 144 --model.hidden 288 --model.layers 6",
    "50": "--model.width 256 --model.heads 8 --model.hidden 512 --model.layers 10",
}
"""Shapes of peers with about as many parameters as ours, 10 times and 50 times as many."""
RATES = {"": "1e-3", "-fast": "3e-3"}
FAMILIES: dict[str, tuple[str, str, str]] = {
    "gram-gaussian": ("GRAM, Gaussian guidance", "gram", "--guide gaussian"),
    "gram-drafts": ("GRAM, drafts", "gram", ALONE),
    "gram-mixture": ("GRAM, drafts, receiver a mixture", "gram", f"{ALONE} --model.receiver mixture"),
    "gram-both": ("GRAM, drafts and Gaussian guidance", "gram", BOTH),
    "trm": ("TRM", "trm", ""),
    "vae": ("VAE", "vae", ""),
    "d3pm-uniform": ("D3PM, uniform noise", "d3pm", "--model.noise uniform --depth 64 --horizon 64"),
    "d3pm-absorbing": ("D3PM, masks", "d3pm", "--model.noise absorbing --depth 64 --horizon 64"),
    "mdlm": ("MDLM, on the blocks of GRAM", "mdlm", "--depth 64"),
    "ar": ("autoregressive Transformer", "ar", ""),
}
"""Label, model and options of what draws answers from nothing; peers come in all `SIZES` and at all `RATES`."""
PEERS = ("vae", "d3pm-uniform", "d3pm-absorbing", "mdlm", "ar")


def members(family: str) -> dict[str, System]:
    """Return all systems of a family, by name."""
    label, model, options = FAMILIES[family]
    options = f"--problems 60000 --batch 64 --head-rounds 0 {options}"

    def member(name: str, more: str = "") -> System:
        """Return a system of the family."""
        return once(name, model, f"{options} {more}", family=family)

    if family not in PEERS:
        return {family: member(label)}
    return {
        f"{family}-{size}{speed}": member(f"{label}, size {size}, rate {rate}", f"{shape} --learning-rate {rate}")
        for size, shape in SIZES.items()
        for speed, rate in RATES.items()
    }


GENERATION = {name: system for family in FAMILIES for name, system in members(family).items()}

TABLES = {"table1": SYSTEMS, "table3": ABLATIONS, "posteriors": POSTERIORS, "generation": GENERATION}
REFERENCES = {"table1": "gram", "table3": "full", "posteriors": "default", "generation": "gram-drafts"}
"""The system of each table that sets the amount where evaluations or examples are equal."""

TASK_OPTIONS: dict[str, dict[str, str]] = {
    "coloring": {"tokens": "--task.layout tokens", "one-answer": "--task.names canonical --task.positions"},
    "nqueens": {"tokens": "--task.layout tokens", "one-answer": "--task.positions"},
}
"""Options that give a model the paper's tokens, and what a model with one answer needs beside the relations."""


def training_options(system: System, task: str, inputs: str) -> list[str]:
    """Return options of `gram_pyro.train` for a system on a task, under one kind of input."""
    views = {"tokens": inputs == "tokens", "one-answer": system.one_answer}
    more = [TASK_OPTIONS[task][view] for view, wanted in views.items() if wanted]
    return ["--task", task, "--model", system.model, *" ".join([system.options, *more]).split()]
