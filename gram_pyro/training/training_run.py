"""Running a training from its first update to its last, whatever interrupts it."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyro
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gram_pyro.errors import Diverged, UserError
from gram_pyro.models.heads import Heads
from gram_pyro.runs.checkpoint import checkpoints, read_latest, remove_leftovers, save_checkpoint
from gram_pyro.runs.config import RunConfig, to_json
from gram_pyro.runs.lock import locked
from gram_pyro.runs.machine import compile_network, resolve
from gram_pyro.runs.store import Run, build_parts, load_weights, publish
from gram_pyro.system.distributed import ALONE, World
from gram_pyro.system.files import write_atomically
from gram_pyro.system.machine import arithmetic
from gram_pyro.system.signals import Interrupted, watch_signals
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.curves import draw_curves
from gram_pyro.training.heads import HeadsTrainer, check_has_state, judge_heads
from gram_pyro.training.plan import UPDATES_A_ROUND, plan
from gram_pyro.training.trainer import Trainer, UpdateMetrics
from gram_pyro.training.trial import check_compatible, check_guide
from gram_pyro.training.validation import Validation

LOG_EVERY = 100
SAVE_EVERY = 300.0
"""Seconds after which everything is saved, where evaluations are rarer."""


class TrainingRun:
    """One training run in its folder: data, trainer, log, checkpoints and pictures.

    `init` is a trained run whose weights it starts from. In a `world` of several processes all of them do the same;
    the first writes and speaks. Raises `UserError` if the weights do not fit.
    """

    def __init__(self, config: RunConfig, folder: Path, init: Run | None = None, world: World = ALONE) -> None:
        machine = resolve(config.machine, config.training)
        self.folder, self.world = folder, world
        self.device = world.device(torch.device(machine.device))
        (half,) = world.broadcast([machine.precision == "bfloat16"], self.device)
        machine = dataclasses.replace(machine, precision="bfloat16" if half else "float32")
        self.config = config = dataclasses.replace(config, machine=machine)
        torch.set_num_threads(machine.threads)
        self.started = self._clock()
        training, task = config.training, config.task
        torch.manual_seed(training.seed)
        self.problems = problems = task.generate("train", training.problems, training.seed)
        pool = Pool(task, problems)
        self.validation = Validation(task, training.depth, training.seed, world, self.device)
        model, guide = build_parts(config)
        check_compatible(config.guide, training, task, model, guide)
        if training.objective == "constraint":
            x = task.encode(problems[:1])
            task.constraint_log_prob(x, torch.full((*x.tokens.shape, task.spec.classes), 1 / task.spec.classes))
        if training.head_rounds != 0:
            check_has_state(model)
        if init is not None:
            load_weights(init, model, guide)
        check_guide(config.guide, guide, task, problems[0])
        self.network = model.to(self.device)
        length = task.encode(problems[:1]).tokens.shape[1]
        self.trainer = Trainer(
            self.network, guide.to(self.device), pool, length, training, training.updates or 1, self.device,
            world,
        )  # fmt: skip
        if config.machine.compile != "off":
            compile_network(self.network, graphs=config.machine.compile == "graphs")
        self.heads: Heads | None = None
        self.metrics: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.pending: list[UpdateMetrics] = []

    def settle_updates(self) -> None:
        """Turn `minutes` into numbers of updates and of rounds, once: time some, then start over from the first.

        Raises `UserError` if the rounds for the heads alone do not fit.
        """
        training = self.config.training
        if training.updates is not None:
            if training.head_rounds is None:
                self._settle(training.updates, training.evaluations, training.updates // UPDATES_A_ROUND)
            return
        start, noise = self.trainer.state_dict(), self._noise()
        found = plan(
            training,
            self._clock_of_work,
            lambda: self._clock() - self.started,
            self._update,
            lambda: self.validation.estimate(self.trainer.averaged, self.folder, self._clock),
            lambda: self._heads_trainer(1).round(),
            lambda more: bool(self.world.broadcast([more], self.device)[0]),
        )
        self.trainer.load_state_dict(start)
        self._set_noise(noise)
        self._settle(*self.world.broadcast(found, self.device))

    def _settle(self, updates: int, evaluations: int, rounds: int) -> None:
        training = dataclasses.replace(
            self.config.training, updates=updates, evaluations=evaluations, head_rounds=rounds
        )
        self.config = dataclasses.replace(self.config, training=training)
        self.trainer.updates = updates

    def resume(self) -> None:
        """Go on from the newest sound checkpoint of the folder.

        Raises `UserError` if there is none, or if it does not fit.
        """
        saved = read_latest(self.folder)
        try:
            self.trainer.load_state_dict(saved["trainer"])
            self._set_noise(saved["noise"])
            self.metrics, self.seconds = json.loads(saved["metrics"]), saved["seconds"]
            self.pending = [UpdateMetrics(*row) for row in saved["pending"].to(self.device)]
            if saved.get("heads") is not None:
                self.heads = Heads(self.config.task.spec, self.network).to(self.device)
                self.heads.load_state_dict(saved["heads"])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"the checkpoint does not fit {self.folder / 'config.json'}: {reason}") from error

    def run(self) -> None:
        """Train to the last update.

        Raises `Interrupted` on Ctrl-C, `Diverged` if the loss is no number, `UserError` if another process
        trains in its folder.
        """
        trainer, total, world = self.trainer, self.trainer.updates, self.world
        every = max(1, math.ceil(total / self.config.training.evaluations))
        before = self.seconds - self._clock()
        saved = time.monotonic()
        quiet = not world.is_main or "TQDM_DISABLE" in os.environ
        with (
            locked(self.folder) if world.is_main else nullcontext(),
            watch_signals() as stop,
            tqdm(total=total, initial=trainer.done, unit="update", mininterval=1, disable=quiet) as bar,
        ):
            if world.is_main:
                remove_leftovers(self.folder)
                write_atomically(self.folder / "config.json", to_json(self.config).encode())
            while trainer.done < total:
                stopping, due = self._asked(bool(stop), time.monotonic() - saved > SAVE_EVERY)
                if stopping:
                    break
                self.pending.append(self._update())
                bar.update()
                check = trainer.done % every == 0 or trainer.done == total
                self.seconds = before + self._clock()
                if len(self.pending) == LOG_EVERY or check:
                    self._log(bar)
                if check:
                    row = self.validation.measure(trainer.averaged, self.folder)
                    self.metrics.append({"update": trainer.done, "seconds": round(self.seconds, 2)} | row)
                    bar.set_postfix(validity=f"{row['validity']:.3f}", coverage=f"{row['coverage']:.3f}")
                if check or due:
                    self.save()
                    saved = time.monotonic()
            self.seconds = before + self._clock()
            trained = self.save()
            if world.is_main and trainer.done == total and not self.complete:
                self._fit_heads(stop)
                self.save(trained)
        if not self.complete:
            raise Interrupted(
                f"stopped at update {trainer.done} of {total}, everything is saved; "
                f"go on with python -m gram_pyro.train --resume {self.folder}"
            )

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train; the heads are the first process's."""
        heads = self.heads is not None or not self.config.training.head_rounds or not self.world.is_main
        return self.trainer.done >= self.trainer.updates and heads

    def save(self, trained: dict[str, Any] | None = None) -> dict[str, Any]:
        """Checkpoint, published weights, log and curves, each written whole by the first process.

        Returns the state of the trainer, which all processes make together; `trained` is one that is known already.
        Raises `Diverged` rather than save what is not finite.
        """
        if self.pending:
            self._columns()
        trainer = self.trainer
        trained = trainer.state_dict() if trained is None else trained
        if not self.world.is_main:
            return trained
        state: dict[str, Any] = {
            "trainer": trained,
            "noise": self._noise(),
            "pending": torch.tensor([[float(number) for number in row] for row in self.pending]),
            "heads": None if self.heads is None else self.heads.state_dict(),
            "metrics": json.dumps(self.metrics),
            "seconds": self.seconds,
        }
        save_checkpoint(self.folder, trainer.done, state)
        publish(self.folder, self.config, trainer.averaged, trainer.averaged_guide, self.heads)
        lines = "".join(json.dumps(row) + "\n" for row in self.metrics)
        write_atomically(self.folder / "metrics.jsonl", lines.encode())
        if self.metrics:
            draw_curves(self.metrics, self.folder / "curves.png")
        return trained

    def _asked(self, stop: bool, due: bool) -> tuple[bool, bool]:
        """Whether any process was told to stop, and whether any thinks that it is time to save."""
        if self.world.size == 1:
            return stop, due
        flags = self.world.sum(torch.tensor([stop, due], dtype=torch.float, device=self.device)) > 0
        return bool(flags[0]), bool(flags[1])

    def _heads_trainer(self, rounds: int) -> HeadsTrainer:
        training = self.config.training
        return HeadsTrainer(
            self.config.task, self.trainer.averaged, self.problems, training.depth, rounds, training.seed
        )

    def _fit_heads(self, stop: list[int]) -> None:
        """Train the value and halt heads of the finished model; interrupted, they start over."""
        training, task = self.config.training, self.config.task
        assert training.head_rounds is not None
        began = self._clock()
        trainer = self._heads_trainer(training.head_rounds)
        with tqdm(range(trainer.rounds), desc="heads", unit="round") as bar:
            for _ in bar:
                if stop:
                    return
                bar.set_postfix(loss=f"{trainer.round():.3f}")
        self.heads = trainer.heads.requires_grad_(False)
        self.seconds += self._clock() - began
        unseen, model = self.validation.problems, self.trainer.averaged
        judged = judge_heads(task, model, self.heads, unseen, training.depth, training.seed)
        self.metrics.append({"update": self.trainer.done, "seconds": round(self.seconds, 2)} | judged)

    def _clock(self) -> float:
        """Seconds; where one thread does all the work, those it worked: a busy machine costs no updates."""
        alone = self.device.type == "cpu" and self.config.machine.threads == 1 and self.world.size == 1
        return time.process_time() if alone else time.perf_counter()

    def _clock_of_work(self) -> float:
        """The same, when all that was given to a GPU is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self._clock()

    def _update(self) -> UpdateMetrics:
        machine = self.config.machine
        graphs = machine.compile == "graphs"
        with arithmetic(self.device, machine.precision, graphs), pyro.validation_enabled(False):
            return self.trainer.update()

    def _noise(self) -> list[Tensor]:
        """State of the global generators that an update draws from."""
        cuda = [torch.cuda.get_rng_state(self.device)] if self.device.type == "cuda" else []
        return [torch.get_rng_state(), *cuda]

    def _set_noise(self, noise: list[Tensor]) -> None:
        torch.set_rng_state(noise[0])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(noise[1], self.device)

    def _columns(self) -> list[Tensor]:
        """What the updates since the last row saw. Raises `Diverged` if a loss or a gradient is no number."""
        columns = [torch.stack(column).float().cpu() for column in zip(*self.pending, strict=True)]
        for name, column in (("loss", columns[0]), ("gradient", columns[4])):
            bad = (~torch.isfinite(column)).nonzero()
            if len(bad):
                update = self.trainer.done - len(self.pending) + int(bad[0]) + 1
                saved = checkpoints(self.folder)
                kept = f"the last good checkpoint, {saved[-1]}, is kept" if saved else "no checkpoint was made before"
                raise Diverged(
                    f"the {name} became {column[bad[0]].item()} at update {update}; {kept}; "
                    f"a smaller --learning-rate may help"
                )
        return columns

    def _log(self, bar: tqdm[Any]) -> None:
        loss, kl, accuracy, beta, norm = (round(column.mean().item(), 5) for column in self._columns())
        self.pending = []
        row = {"update": self.trainer.done, "seconds": round(self.seconds, 2), "loss": loss, "kl": kl}
        self.metrics.append(row | {"posterior_accuracy": accuracy, "beta": beta, "gradient_norm": norm})
        shown = {
            key: value for check in self.metrics for key, value in check.items() if key in ("validity", "coverage")
        }
        bar.set_postfix(loss=f"{loss:.2f}", posterior=f"{accuracy:.2f}", **{k: f"{v:.3f}" for k, v in shown.items()})


def parameters_of(model: nn.Module) -> int:
    """Number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters())
