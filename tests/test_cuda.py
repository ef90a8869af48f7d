"""On a GPU everything does what it does on a CPU. Without one nothing here runs."""

from __future__ import annotations

import math
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

import gram_pyro
from benchmarks.report import DeviceOptions
from gram_pyro import train
from gram_pyro.guides import GUIDES, DiffusionGuide
from gram_pyro.inference.config import SamplingConfig
from gram_pyro.inference.metrics import measure
from gram_pyro.inference.sampling import sample
from gram_pyro.models import MODELS, Gram, GramConfig
from gram_pyro.models.draft import SCHEDULES, Schedule
from gram_pyro.models.layers import folded_attention, masked_attention
from gram_pyro.objectives.elbo import TruncatedTrace_ELBO
from gram_pyro.runs.checkpoint import read_latest
from gram_pyro.runs.config import config_of
from gram_pyro.runs.machine import compile_network
from gram_pyro.runs.recipes import recipe
from gram_pyro.runs.store import load_run
from gram_pyro.runs.training_config import TrainingConfig
from gram_pyro.system.machine import arithmetic
from gram_pyro.system.signals import Interrupted
from gram_pyro.tasks import Coloring, NQueens, Sudoku, Task
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.objective import OBJECTIVES
from gram_pyro.training.trainer import Trainer, UpdateMetrics
from gram_pyro.training.training_run import TrainingRun

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
CUDA = torch.device("cuda")
COLORING = Coloring(n=6)
SMALL = {"width": 32, "heads": 2, "layers": 2, "hidden": 32}
SHORT = "--updates 12 --evaluations 2 --problems 40 --head-rounds 2 --batch 16 --device cuda --threads 1"


def trainer(task: Task, name: str = "gram", **options: Any) -> Trainer:
    """A small model on the GPU, ready to train."""
    torch.manual_seed(0)
    shape = SMALL | {key: options.pop(key) for key in ("transitions",) if key in options}
    model = MODELS[name](task.spec, config_of(name)(**shape)).to(CUDA)
    guide = GUIDES[options.pop("guide", model.guide)](task.spec, model).to(CUDA)
    problems = task.generate("train", 8, 0)
    config = replace(recipe("coloring", model=name).training, batch=16, **options)
    return Trainer(model, guide, Pool(task, problems), config, 20)


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_benchmarks_find_the_card(name: str) -> None:
    assert DeviceOptions(device=name).chosen.type == "cuda"
    assert torch.cuda.current_device() == 0


def test_flash_serves_the_folded_attention() -> None:
    inputs = [torch.randn(4, 4, 81, width, device=CUDA, requires_grad=True) for width in (32, 32, 32, 81)]
    weight = torch.randn(4, 4, 81, 32, device=CUDA)
    expected = masked_attention(*inputs)
    gradients = torch.autograd.grad((expected * weight).sum(), inputs)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), torch.autocast("cuda", torch.bfloat16):
        found = folded_attention(*(part.bfloat16() for part in inputs))
        flash = torch.autograd.grad((found * weight).sum(), inputs)
    for mine, theirs in zip((found, *flash), (expected, *gradients), strict=True):
        assert (mine - theirs).norm() < 0.02 * theirs.norm()
    torch.testing.assert_close(folded_attention(*inputs), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("task", [COLORING, NQueens(n=6, removed=(3,)), Sudoku()])
def test_the_loss_and_its_gradient_are_those_of_the_cpu(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = Gram(task.spec, GramConfig(**SMALL))
    guide = GUIDES["gaussian"](task.spec, model)
    torch.nn.init.normal_(guide.project_out.weight, std=0.1)
    drawn = Pool(task, task.generate("train", 4, 0)).draw(8, torch.Generator().manual_seed(0))
    noise = torch.randn(*drawn.problems.tokens.shape, 32)
    normal = "torch.distributions.normal._standard_normal"
    monkeypatch.setattr(normal, lambda shape, dtype, device: noise.to(device))
    results: list[tuple[Tensor, list[Tensor]]] = []
    for device in (torch.device("cpu"), CUDA):
        parameters = [*model.to(device).parameters(), *guide.to(device).parameters()]
        problems, targets = drawn.problems.to(device), drawn.targets.to(device)
        loss = TruncatedTrace_ELBO(None).terms(model, guide, problems, targets, steps=2, supervise="last").loss
        gradient = torch.autograd.grad(loss, parameters)
        results.append((loss.detach().cpu(), [part.cpu() for part in gradient]))
    (cpu, expected), (cuda, mine) = results
    torch.testing.assert_close(cuda, cpu, rtol=1e-4, atol=1e-3)
    for one, other in zip(mine, expected, strict=True):
        assert (one - other).norm() <= 1e-3 * other.norm() + 1e-4


def test_boards_of_64_squares_train_in_bfloat16() -> None:
    """At this length torch would choose cuDNN's attention."""
    made = trainer(NQueens())
    for _ in range(20):
        with arithmetic(CUDA, "bfloat16"):
            assert math.isfinite(made.update().gradient_norm)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_model_trains_and_samples(name: str, precision: str) -> None:
    made = trainer(COLORING, name)
    for _ in range(4):
        with arithmetic(CUDA, precision):
            assert math.isfinite(made.update().loss)
    x = COLORING.encode(COLORING.generate("test", 3, 0))
    draws = sample(made.averaged, x, 4, (2, 4), 0)
    assert draws.decoded.shape == (2, 3, 4, 6) and draws.decoded.device.type == "cpu"
    assert torch.equal(draws.decoded, sample(made.averaged, x, 4, (2, 4), 0).decoded)


@pytest.mark.parametrize(
    "guide", [name for name in GUIDES if name not in ("empty", "fields", "diffusion", "encoder", "forward")]
)
def test_every_guide_trains(guide: str) -> None:
    made = trainer(COLORING, guide=guide, **GUIDES[guide].recipe)
    assert all(math.isfinite(made.update().loss) for _ in range(4))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["gram", "fields"])
def test_drafts_train_and_sample(name: str, schedule: Schedule) -> None:
    torch.manual_seed(0)
    model = MODELS[name](COLORING.spec, config_of(name)(**SMALL, draft=schedule, guidance=False)).to(CUDA)
    config = replace(TrainingConfig(**DiffusionGuide.recipe), batch=16, depth=16)
    made = Trainer(
        model, DiffusionGuide(COLORING.spec, model), Pool(COLORING, COLORING.generate("train", 8, 0)), config, 20
    )
    losses = []
    for _ in range(8):
        with arithmetic(CUDA, "bfloat16"):
            losses.append(made.update().loss)
    assert all(math.isfinite(loss) for loss in losses)
    x = COLORING.encode(COLORING.generate("test", 3, 0))
    draws = sample(made.averaged, x, 4, (8, 16), 0)
    assert draws.decoded.shape == (2, 3, 4, 6)
    assert torch.equal(draws.decoded, sample(made.averaged, x, 4, (8, 16), 0).decoded)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains(objective: Any) -> None:
    made = trainer(COLORING, objective=objective, particles=2)
    assert all(math.isfinite(made.update().loss) for _ in range(4))


@pytest.mark.parametrize("method", [
    SamplingConfig(resample=True), SamplingConfig(halt="simple"), SamplingConfig(noise=0.5),
    SamplingConfig(random_start=True), SamplingConfig(repel=0.5),
])  # fmt: skip
def test_every_method_of_sampling_runs(method: SamplingConfig) -> None:
    run = load_run("coloring", "cuda")
    problems = run.task.generate("test", 4, 0)
    x = run.task.encode(problems)
    draws = sample(
        run.model, x, 4, (8,), 0, method=method, heads=run.heads, equivalence_probs=run.task.equivalence_probs
    )
    assert measure(run.task, problems, draws.decoded[0], 4, 8, [None] * 4).validity > 0.5


def test_the_shipped_checkpoint_answers_as_it_does_on_a_cpu() -> None:
    found = []
    for device in ("cpu", "cuda"):
        run = load_run("coloring", device)
        problems = run.task.generate("test", 32, 0)
        decoded = sample(run.model, run.task.encode(problems), 20, (16,), 0).decoded[0]
        found.append(measure(run.task, problems, decoded, 20, 16, [None] * 32).validity)
    assert found[0] > 0.8 and abs(found[0] - found[1]) < 0.03


def test_a_reasoner_on_a_gpu() -> None:
    reasoner = gram_pyro.load("coloring_gram", device="cuda")
    found = reasoner.sample(reasoner.task.generate("test", 1, 0)[0], 8)
    assert found.solutions and found.values is not None


@pytest.mark.filterwarnings("ignore")  # the compiler has many of its own
@pytest.mark.parametrize(("precision", "compiled"), [("float32", "off"), ("bfloat16", "off"), ("bfloat16", "graphs")])
def test_a_resumed_run_ends_where_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, compiled: str
) -> None:
    options = [*SHORT.split(), "--precision", precision, "--compile", compiled, "--task.n", "6"]
    train.main(["--task", "coloring", *options, "--out", str(tmp_path / "whole")])
    update, done = TrainingRun._update, []

    def interrupted(fit: TrainingRun) -> UpdateMetrics:
        done.append(1)
        if len(done) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return update(fit)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingRun, "_update", interrupted)
        with pytest.raises(Interrupted):
            train.main(["--task", "coloring", *options, "--out", str(tmp_path / "broken")])
    train.main(["--resume", str(tmp_path / "broken")])
    whole, broken = (read_latest(tmp_path / name)["trainer"] for name in ("whole", "broken"))
    assert whole["done"] == broken["done"] == 12
    for part in ("model", "guide", "averaged", "optimizer", "carry"):
        for value, other in zip(tree_leaves(whole[part]), tree_leaves(broken[part]), strict=True):
            assert torch.equal(value, other) if isinstance(value, Tensor) else value == other


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", [{}, {"horizon": 4}, {"transitions": 3}])
def test_training_with_graphs_follows_eager_training(options: dict[str, Any]) -> None:
    torch.compiler.reset()
    skipped = counters["inductor"]["cudagraph_skips"]
    losses = []
    for graphs in (False, True):
        made = trainer(COLORING, **options)
        if graphs:
            compile_network(made.model, graphs=True)
        torch.manual_seed(1)
        seen = []
        for _ in range(8):
            with arithmetic(CUDA, "float32", graphs):
                seen.append(made.update().loss.clone())
        losses.append(torch.stack(seen))
    assert counters["inductor"]["cudagraph_skips"] == skipped
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-3)
