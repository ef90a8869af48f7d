"""Running a training from its first update to its last, whatever interrupts it."""

from __future__ import annotations

import json
import os
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyro
import torch
from tqdm import tqdm

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model
from gram_pyro.models.heads import Heads
from gram_pyro.runs.checkpoint import read_latest
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.machine import compile_network
from gram_pyro.runs.store import Run
from gram_pyro.system.distributed import ALONE, World
from gram_pyro.system.machine import arithmetic, noise_of, set_noise
from gram_pyro.system.signals import Interrupted, watch_signals
from gram_pyro.training.clock import Clock
from gram_pyro.training.heads import HeadsTrainer, judge_heads
from gram_pyro.training.log import Log
from gram_pyro.training.parts import make_data, make_trainer, settle_machine
from gram_pyro.training.plan import Plan, choose_threads, count, plan
from gram_pyro.training.store import Store
from gram_pyro.training.trainer import UpdateMetrics

SAVE_EVERY = 300.0
"""Seconds after which everything is saved, where evaluations are rarer."""


class TrainingRun:
    """One training: its data and its trainer; its clock and its schedule; its log and its store.

    It is kept in `folder`, or in memory alone. `init` is a trained run whose weights it starts from. In a `world` of
    several processes all of them do the same, and the first writes; a `quiet` one shows no progress.
    Raises `UserError` if its parts do not fit together.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path | None = None,
        init: Run | None = None,
        world: World = ALONE,
        *,
        quiet: bool = False,
    ) -> None:
        self.folder, self.world = folder, world
        self.quiet = quiet or not world.is_main or "TQDM_DISABLE" in os.environ
        self.free_threads = config.machine.threads == 0
        self.config, self.device = settle_machine(config, world)
        self.store = Store(folder if world.is_main else None, self.config)
        torch.set_num_threads(self.config.machine.threads)
        torch.manual_seed(config.training.seed)
        self.clock = Clock(self.device, world.size)
        self.data = make_data(self.config, world, self.device)
        self.trainer = make_trainer(self.config, self.data, init, world, self.device)
        self.schedule: Plan | None = None
        self.heads: Heads | None = None
        self.log = Log()
        self.seconds = 0.0

    @property
    def model(self) -> Model:
        """The model with its averaged weights."""
        return self.trainer.averaged

    @property
    def guide(self) -> Guide:
        """The guide with its averaged weights."""
        return self.trainer.averaged_guide

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of the log."""
        return self.log.rows

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train; the heads are the first process's."""
        heads = self.heads is not None or not self.config.training.head_rounds or not self.world.is_main
        return self.trainer.done >= self.trainer.updates and heads

    def prepare(self) -> Plan:
        """Settle threads and schedule, once: minutes become updates by timing some, which leave no trace.

        Raises `UserError` if the rounds for the heads alone do not fit into the minutes.
        """
        if self.schedule is not None:
            return self.schedule
        self.store.make()
        timed = self.config.training.updates is None
        start, noise = (self.trainer.state_dict(), noise_of(self.device)) if timed else ({}, [])
        threads = self.config.machine.threads
        if timed and threads > 1 and self.device.type == "cpu" and self.world.size == 1:
            threads = choose_threads(threads, self.free_threads, self._update, self.clock.wall)
            self.config = replace(self.config, machine=replace(self.config.machine, threads=threads))
        if self.config.machine.compile != "off":  # for the threads that were chosen
            compile_network(self.trainer.model, graphs=self.config.machine.compile == "graphs")
        if timed:
            self.schedule = self._plan()
            self.trainer.load_state_dict(start)
            set_noise(self.device, noise)
        else:
            self.schedule = count(self.config.training, self.trainer.steps, self.data.validation.cost)
        self.config = replace(self.config, training=replace(self.config.training, **self.schedule._asdict()))
        self.trainer.updates = self.schedule.updates
        return self.schedule

    def _plan(self) -> Plan:
        """Plan by the clock; the first process decides."""
        found = plan(
            self.config.training,
            self.clock.synchronized,
            self._update,
            lambda: self.data.validation.estimate(self.model, self.store.picture, self.clock),
            lambda: self._heads_trainer(1).round(),
            lambda more: bool(self.world.broadcast([more], self.device)[0]),
        )
        return Plan(*self.world.broadcast(found, self.device))

    def resume(self) -> None:
        """Go on from the newest sound checkpoint of the folder.

        Raises `UserError` if there is none, or if it does not fit.
        """
        assert self.folder is not None
        saved = read_latest(self.folder)
        try:
            self.trainer.load_state_dict(saved["trainer"])
            set_noise(self.device, saved["noise"])
            self.log.rows, self.seconds = json.loads(saved["metrics"]), saved["seconds"]
            self.log.pending = [UpdateMetrics(*row) for row in saved["pending"].to(self.device)]
            if saved.get("heads") is not None:
                self.heads = Heads(self.config.task.spec, self.trainer.model).to(self.device)
                self.heads.load_state_dict(saved["heads"])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"the checkpoint does not fit {self.folder / 'config.json'}: {reason}") from error

    def run(self) -> None:
        """Train to the last update.

        Raises `Interrupted` on Ctrl-C, `Diverged` if the loss is not finite, `UserError` if another process
        trains in its folder.
        """
        schedule, trainer = self.prepare(), self.trainer
        self._before = self.seconds - self.clock()
        with self.store.held(self.config), watch_signals() as stop:
            self._train(schedule, stop)
            trained = self.save()
            if self.world.is_main and trainer.done == schedule.updates and not self.complete:
                self._train_heads(stop)
                self.save(trained)
        if not self.complete:
            kept = "nothing of it is kept: train into a folder to be able to go on"
            if self.folder is not None:
                folder = shlex.quote(str(self.folder))
                kept = f"everything is saved; go on with python -m gram_pyro.train --resume {folder}"
            raise Interrupted(f"stopped at update {trainer.done} of {schedule.updates}, {kept}")

    def _train(self, schedule: Plan, stop: list[int]) -> None:
        """Update, log, evaluate and save, to the last update or until any process is to `stop`."""
        trainer, log = self.trainer, self.log
        saved = time.monotonic()
        with tqdm(
            total=schedule.updates, initial=trainer.done, unit="update", mininterval=1, smoothing=0.05,
            disable=self.quiet,
        ) as bar:  # fmt: skip
            while trainer.done < schedule.updates:
                stopping, due = self.world.any([bool(stop), time.monotonic() - saved > SAVE_EVERY], self.device)
                if stopping:
                    return
                log.pending.append(self._update())
                bar.update()
                self._count_seconds()
                evaluates = schedule.evaluates(trainer.done)
                if log.full or evaluates:
                    log.add_pending(trainer.done, self.seconds, self.store.kept)
                    if evaluates:
                        row = self.data.validation.measure(self.model, self.store.picture)
                        log.add(trainer.done, self.seconds, row)
                    bar.set_postfix(log.latest())
                if evaluates or due:
                    self.save()
                    saved = time.monotonic()
        self._count_seconds()

    def save(self, trained: dict[str, Any] | None = None) -> dict[str, Any]:
        """Keep everything in the store, and return the state of the trainer, which all processes make together.

        `trained` is that state where it is known already. Raises `Diverged` rather than keep what is not finite.
        """
        self.log.check(self.trainer.done, self.store.kept)
        if self.folder is None:
            return {}
        trained = self.trainer.state_dict() if trained is None else trained
        state = {
            "trainer": trained,
            "noise": noise_of(self.device),
            "pending": torch.tensor([[float(number) for number in row] for row in self.log.pending]),
            "heads": None if self.heads is None else self.heads.state_dict(),
            "metrics": json.dumps(self.metrics),
            "seconds": self.seconds,
        }
        self.store.save(self.config, self.trainer, self.heads, self.metrics, state)
        return trained

    def _heads_trainer(self, rounds: int) -> HeadsTrainer:
        task, training = self.config.task, self.config.training
        return HeadsTrainer(task, self.model, self.data.problems, training.depth, rounds, training.seed)

    def _train_heads(self, stop: list[int]) -> None:
        """Train the value and halt heads of the finished model; interrupted, they start over."""
        training = self.config.training
        assert training.head_rounds is not None
        trainer = self._heads_trainer(training.head_rounds)
        with tqdm(range(trainer.rounds), desc="heads", unit="round", disable=self.quiet) as bar:
            for _ in bar:
                if stop:
                    return
                bar.set_postfix(loss=f"{trainer.round():.3f}")
        self.heads = trainer.heads.requires_grad_(False)
        self._count_seconds()
        unseen = self.data.validation.problems
        judged = judge_heads(self.config.task, self.model, self.heads, unseen, training.depth, training.seed)
        self.log.add(self.trainer.done, self.seconds, judged)

    def _count_seconds(self) -> None:
        self.seconds = self._before + self.clock()

    def _update(self) -> UpdateMetrics:
        machine = self.config.machine
        graphs = machine.compile == "graphs"
        with arithmetic(self.device, machine.precision, graphs), pyro.validation_enabled(False):
            return self.trainer.update()
