"""Running a training from its first update to its last, whatever interrupts it."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import pyro
import torch
from torch import Tensor
from tqdm import tqdm

from gram_pyro.checkpoint import checkpoints, read_latest, save_checkpoint, write_atomically
from gram_pyro.config import RunConfig, to_json
from gram_pyro.errors import Diverged, UserError
from gram_pyro.heads_training import HeadsTrainer, check_judged, judge_heads
from gram_pyro.inference import sample
from gram_pyro.lock import locked
from gram_pyro.machine import autocast, compile_network, resolve
from gram_pyro.metrics import count_solutions, measure
from gram_pyro.models.base import Model
from gram_pyro.models.heads import Heads
from gram_pyro.plots import draw_curves, draw_samples
from gram_pyro.runs import Run, adopt, build_parts, publish
from gram_pyro.signals import Interrupted, watch_signals
from gram_pyro.training import Measured, Trainer
from gram_pyro.trial import try_guide

DEEP = 2
LOG_EVERY = 100
SAVE_EVERY = 300.0
"""Seconds after which everything is saved, where evaluations are rarer."""
VALIDATION_PROBLEMS = 64
VALIDATION_SAMPLES = 20
TIMED_UPDATES, LEAST_TIMED = 150, 6
TIMING_SHARE = 0.1
"""Part of the minutes that may go into timing updates, where they are slow."""
EVALUATION_SHARE = 0.15
"""Part of the minutes that may go into evaluation; where it is slow there are fewer of them."""
HEADS_SHARE = 0.1
"""Part of the minutes that goes into the value and halt heads."""
UPDATES_A_ROUND = 250
"""Where updates are counted instead of minutes: updates for each round of training the heads."""


class Fit:
    """One training run in its folder: data, trainer, log, checkpoints and pictures.

    `init` is a trained run whose weights it starts from. Raises `UserError` if they do not fit.
    """

    def __init__(self, config: RunConfig, folder: Path, init: Run | None = None) -> None:
        self.started = time.monotonic()
        self.config = config = dataclasses.replace(config, machine=resolve(config.machine, config.training))
        self.folder = folder
        self.device = torch.device(config.machine.device)
        torch.set_num_threads(config.machine.threads)
        training, task = config.training, config.task
        torch.manual_seed(training.seed)
        self.problems = problems = task.generate("train", training.problems, training.seed)
        self.validation = task.generate("validation", VALIDATION_PROBLEMS, training.seed)
        model, guide = build_parts(config)
        if training.objective == "elbo" and training.balance is not None and not guide.closed_form:
            raise UserError(
                f"the guide {config.guide} samples its KL, which cannot be balanced; take --balance None with it"
            )
        if training.objective == "constraint":
            x = task.encode(problems[:1])
            task.hold(x, torch.full((*x.tokens.shape, task.classes), 1 / task.classes))
        if training.head_rounds != 0:
            check_judged(model)
        if init is not None:
            adopt(init, model, guide)
        self.network = model.to(self.device)
        length = task.encode(problems[:1]).tokens.shape[1]
        training_set = task.training_set(problems)
        try_guide(config.guide, guide, task, problems[0])
        self.counts = [count_solutions(task, problem) for problem in self.validation]
        self.trainer = Trainer(
            self.network, guide.to(self.device), training_set, length, training, training.updates or 1, self.device
        )
        if config.machine.compile == "on":
            compile_network(self.network)
        self.heads: Heads | None = None
        self.metrics: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.pending: list[Measured] = []

    def settle_updates(self) -> None:
        """Turn `minutes` into numbers of updates and of rounds, once: time some, then start over from the first."""
        training = self.config.training
        if training.updates is not None:
            if training.head_rounds is None:
                training = dataclasses.replace(training, head_rounds=training.updates // UPDATES_A_ROUND)
                self.config = dataclasses.replace(self.config, training=training)
            return
        start, noise = self.trainer.state_dict(), self._noise()
        budget = 60 * training.minutes
        times: list[float] = []
        while len(times) < TIMED_UPDATES and (len(times) < LEAST_TIMED or sum(times) < TIMING_SHARE * budget):
            began = self._clock()
            self._update()
            times.append(self._clock() - began)
        began = self._clock()
        self._evaluate()
        evaluation = self._clock() - began
        began = self._clock()
        if training.head_rounds != 0:
            self._heads_trainer(1).round()
        heads_round = self._clock() - began
        self.trainer.load_state_dict(start)
        self._set_noise(noise)
        late = times[len(times) // 3 :]
        evaluations = max(1, min(training.evaluations, int(EVALUATION_SHARE * budget / evaluation)))
        rounds = int(HEADS_SHARE * budget / heads_round) if training.head_rounds is None else training.head_rounds
        left = budget - evaluations * evaluation - rounds * heads_round - (time.monotonic() - self.started)
        if training.head_rounds and rounds * heads_round > budget:
            raise UserError(f"{rounds} rounds for the heads take longer than {training.minutes} minutes; take fewer")
        updates = max(1, int(left / (sum(late) / len(late))))
        training = dataclasses.replace(training, updates=updates, evaluations=evaluations, head_rounds=rounds)
        self.config = dataclasses.replace(self.config, training=training)
        self.trainer.updates = updates

    def resume(self) -> None:
        """Go on from the newest sound checkpoint of the folder."""
        saved = read_latest(self.folder)
        try:
            self.trainer.load_state_dict(saved["trainer"])
            self._set_noise(saved["noise"])
            self.metrics, self.seconds = json.loads(saved["metrics"]), saved["seconds"]
            self.pending = [Measured(*row) for row in saved["pending"].to(self.device)]
            if saved.get("heads") is not None:
                self.heads = Heads(self.config.task, self.network).to(self.device)
                self.heads.load_state_dict(saved["heads"])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"the checkpoint does not fit {self.folder / 'config.json'}: {reason}") from error

    def run(self) -> None:
        """Train to the last update.

        Raises `Interrupted` on Ctrl-C, `Diverged` if the loss is no number, `UserError` if another process
        trains in its folder.
        """
        trainer, total = self.trainer, self.trainer.updates
        every = max(1, math.ceil(total / self.config.training.evaluations))
        began, before = time.monotonic(), self.seconds
        saved = began
        with (
            locked(self.folder),
            watch_signals() as stop,
            tqdm(total=total, initial=trainer.done, unit="update", mininterval=1) as bar,
        ):
            write_atomically(self.folder / "config.json", to_json(self.config).encode())
            while trainer.done < total and not stop:
                self.pending.append(self._update())
                bar.update()
                check = trainer.done % every == 0 or trainer.done == total
                if len(self.pending) == LOG_EVERY or check:
                    self.seconds = before + time.monotonic() - began
                    self._log(bar)
                if check:
                    row = self._evaluate()
                    self.metrics.append({"update": trainer.done, "seconds": round(self.seconds, 2)} | row)
                    bar.set_postfix(validity=f"{row['validity']:.3f}", coverage=f"{row['coverage']:.3f}")
                if check or time.monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = time.monotonic()
            if self.pending:
                self._columns()
            self.seconds = before + time.monotonic() - began
            self.save()
            if trainer.done == total and not self.complete:
                self._fit_heads(stop)
                self.save()
        if not self.complete:
            raise Interrupted(
                f"stopped at update {trainer.done} of {total}, everything is saved; "
                f"go on with python -m gram_pyro.train --resume {self.folder}"
            )

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train."""
        heads = self.heads is not None or not self.config.training.head_rounds
        return self.trainer.done >= self.trainer.updates and heads

    def save(self) -> None:
        """Checkpoint, published weights, log and curves, each written whole."""
        trainer = self.trainer
        state: dict[str, Any] = {
            "trainer": trainer.state_dict(),
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

    def _heads_trainer(self, rounds: int) -> HeadsTrainer:
        training = self.config.training
        return HeadsTrainer(
            self.config.task, self.trainer.averaged, self.problems, training.depth, rounds, training.seed
        )

    def _fit_heads(self, stop: list[int]) -> None:
        """Train the value and halt heads of the finished model; interrupted, they start over."""
        training, task = self.config.training, self.config.task
        assert training.head_rounds is not None
        began = time.monotonic()
        trainer = self._heads_trainer(training.head_rounds)
        with tqdm(range(trainer.rounds), desc="heads", unit="round") as bar:
            for _ in bar:
                if stop:
                    return
                bar.set_postfix(loss=f"{trainer.round():.3f}")
        self.heads = trainer.heads.requires_grad_(False)
        self.seconds += time.monotonic() - began
        judged = judge_heads(task, self.trainer.averaged, self.heads, self.validation, training.depth, training.seed)
        self.metrics.append({"update": self.trainer.done, "seconds": round(self.seconds, 2)} | judged)

    def _clock(self) -> float:
        """Seconds; where one thread does all the work, those it worked, so that a busy machine costs no updates."""
        alone = self.device.type == "cpu" and self.config.machine.threads == 1
        return time.process_time() if alone else time.perf_counter()

    def _update(self) -> Measured:
        with autocast(self.device, self.config.machine.precision), pyro.validation_enabled(False):
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

    def _evaluate(self) -> dict[str, float]:
        """Prior validity and coverage on validation problems, at the training depth and twice as deep; a picture."""
        config, task = self.config, self.config.task
        steps = (config.training.depth, DEEP * config.training.depth)
        problems = task.encode(self.validation)
        decoded = sample(self.trainer.averaged, problems, VALIDATION_SAMPLES, steps, config.training.seed).decoded
        usual, deep = (
            measure(task, self.validation, values, VALIDATION_SAMPLES, depth, self.counts)
            for values, depth in zip(decoded, steps, strict=True)
        )
        draw_samples(task, self.validation, decoded[1], self.folder / "samples.png")
        row = {
            "validity": usual.validity,
            "coverage": usual.coverage or 0.0,
            "ratio": usual.ratio or 0.0,
            "validity_deep": deep.validity,
            "ratio_deep": deep.ratio or 0.0,
        }
        return {name: round(value, 5) for name, value in row.items()}


def parameters_of(model: Model) -> int:
    """Number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters())
