"""Running a training from its first update to its last, whatever interrupts it."""

import json
import math
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
from gram_pyro.models.heads import Heads
from gram_pyro.runs.checkpoint import read_latest
from gram_pyro.runs.config import RunConfig
from gram_pyro.runs.machine import compile_network, resolve
from gram_pyro.runs.store import Run
from gram_pyro.system.distributed import ALONE, World
from gram_pyro.system.files import make_folder
from gram_pyro.system.machine import arithmetic, noise_of, set_noise
from gram_pyro.system.signals import Interrupted, watch_signals
from gram_pyro.tasks.pool import Pool
from gram_pyro.training.clock import Clock
from gram_pyro.training.heads import HeadsTrainer, judge_heads
from gram_pyro.training.plan import EVALUATION_SHARE, Plan, choose_threads, count, plan
from gram_pyro.training.store import LOG_EVERY, Store
from gram_pyro.training.trainer import UpdateMetrics, make_trainer
from gram_pyro.training.validation import Validation

SAVE_EVERY = 300.0  # seconds after which everything is saved, where evaluations are rarer


class TrainingRun:
    """One training: its data and its trainer; its clock and its schedule; its log and its store.

    It is kept in `folder`, or in memory alone. `init` is a trained run whose weights it starts from. In a `world` of
    several processes all do the same, and the first writes; a `quiet` one shows no progress. `model` and `guide` have
    the averaged weights. Raises `UserError` if parts do not fit together.
    """

    def __init__(
        self, config: RunConfig, folder: Path | None, init: Run | None = None, world: World = ALONE, quiet: bool = False
    ) -> None:
        self.folder, self.world = folder, world
        self.quiet = quiet or not world.is_main or "TQDM_DISABLE" in os.environ
        self.free_threads = config.machine.threads == 0
        task, training = config.task, config.training
        machine = resolve(config.machine, training)
        self.device = world.device(torch.device(machine.device))
        (half,) = world.broadcast([machine.precision == "bfloat16"], self.device)
        self.config = replace(config, machine=replace(machine, precision="bfloat16" if half else "float32"))
        self.store = Store(folder if world.is_main else None, self.config)
        torch.set_num_threads(machine.threads)
        torch.manual_seed(training.seed)
        self.clock = Clock(self.device, world.size)
        self.problems = task.generate("train", training.problems, training.seed)
        parts = task.parts()
        share = -(-training.problems // len(parts))
        pools = [  # they refuse what has too many solutions, before validation counts them
            Pool(part, self.problems if part is task else part.generate("train", share, training.seed + place))
            for place, part in enumerate(parts)
        ]
        self.validation = Validation(
            task, training.depth, training.seed, world, self.device, training.validation_problems
        )
        self.trainer = make_trainer(config, self.problems, pools, init, world, self.device)
        self.model, self.guide = self.trainer.averaged, self.trainer.averaged_guide
        if training.head_rounds is None and self.model.recursion != "carried":
            self.config = replace(self.config, training=replace(training, head_rounds=0))
        self.metrics = self.store.rows
        self.schedule: Plan | None = None
        self.heads: Heads | None = None
        self.seconds = 0.0

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
        if self.store.folder is not None:
            make_folder(self.store.folder)
        training, machine = self.config.training, self.config.machine
        timed = training.updates is None
        start, noise = (self.trainer.state_dict(), noise_of(self.device)) if timed else ({}, [])
        if timed and machine.threads > 1 and self.device.type == "cpu" and self.world.size == 1:
            threads = choose_threads(machine.threads, self.free_threads, self._update, self.clock.wall)
            machine = replace(machine, threads=threads)
        if machine.compile != "off":  # for the threads that were chosen
            compile_network(self.trainer.model, graphs=machine.compile == "graphs")
        if timed:
            planned = plan(
                training,
                self.clock.synchronized,
                self._update,
                self._fit_validation,
                lambda: self._heads_trainer(1).round(),
                lambda more: bool(self.world.broadcast([more], self.device)[0]),
                len(self.config.task.parts()),
            )
            self.schedule = Plan(*self.world.broadcast(planned, self.device))
            self.trainer.load_state_dict(start)
            set_noise(self.device, noise)
        else:
            self.schedule = count(training, self.trainer.steps, self.validation.cost)
        problems = len(self.validation.problems)
        training = replace(training, **self.schedule._asdict(), validation_problems=problems)
        self.config = replace(self.config, machine=machine, training=training)
        self.trainer.updates = self.schedule.updates
        return self.schedule

    def resume(self) -> None:
        """Go on from the newest sound checkpoint of the folder. Raises `UserError` if there is none that fits."""
        assert self.folder is not None
        saved = read_latest(self.folder)
        try:
            self.trainer.load_state_dict(saved["trainer"])
            set_noise(self.device, saved["noise"])
            self.seconds = saved["seconds"]
            self.metrics.extend(json.loads(saved["metrics"]))
            self.store.pending = [UpdateMetrics(*row) for row in saved["pending"].to(self.device)]
            if saved.get("heads") is not None:
                self.heads = Heads(self.config.task.spec, self.trainer.model).to(self.device)
                self.heads.load_state_dict(saved["heads"])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"the checkpoint does not fit {self.folder / 'config.json'}: {reason}") from error

    def run(self) -> None:
        """Train to the last update. Raises `Interrupted` on Ctrl-C, `Diverged`, or `UserError` if it is locked."""
        schedule, trainer = self.prepare(), self.trainer
        self.clock()  # what came before the first update does not count
        self.clock.seconds = self.seconds
        with self.store.reserved(self.config), watch_signals() as stop:
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
        trainer, store = self.trainer, self.store
        saved = time.monotonic()
        look = {"unit": "update", "mininterval": 1, "smoothing": 0.05, "disable": self.quiet}
        with tqdm(total=schedule.updates, initial=trainer.done, **look) as bar:
            while trainer.done < schedule.updates:
                stopping, due = self.world.any([bool(stop), time.monotonic() - saved > SAVE_EVERY], self.device)
                if stopping:
                    return
                store.pending.append(self._update())
                bar.update()
                self.seconds = self.clock()
                evaluates = schedule.evaluates(trainer.done)
                if evaluates or len(store.pending) >= LOG_EVERY:
                    store.log_pending(trainer.done, self.seconds)
                if evaluates:
                    store.log(trainer.done, self.seconds, self._validate())
                if not store.pending:
                    bar.set_postfix(store.latest())
                if evaluates or due:
                    self.save()
                    saved = time.monotonic()
        self.seconds = self.clock()

    def save(self, trained: dict[str, Any] | None = None) -> dict[str, Any]:
        """Store everything; return the trainer's state, `trained` if it is known. Raises `Diverged` if not finite."""
        self.store.check(self.trainer.done)
        if self.folder is None:
            return {}
        trained = self.trainer.state_dict() if trained is None else trained  # all processes make it together
        state = {
            "trainer": trained,
            "noise": noise_of(self.device),
            "pending": torch.tensor([[float(number) for number in row] for row in self.store.pending]),
            "heads": None if self.heads is None else self.heads.state_dict(),
            "metrics": json.dumps(self.metrics),
            "seconds": self.seconds,
        }
        self.store.save(self.config, self.trainer, self.heads, state)
        return trained

    def _heads_trainer(self, rounds: int) -> HeadsTrainer:
        task, training = self.config.task, self.config.training
        return HeadsTrainer(task, self.model, self.problems, training.depth, rounds, training.seed)

    def _train_heads(self, stop: list[int]) -> None:
        """Train the value and halt heads of the finished model; interrupted, they start over."""
        task, training = self.config.task, self.config.training
        trainer = self._heads_trainer(training.head_rounds or 0)
        if not trainer.train(stop, self.quiet):
            return
        self.heads, self.seconds = trainer.heads.requires_grad_(False), self.clock()
        judged = judge_heads(task, self.model, self.heads, self.validation.problems, training.depth, training.seed)
        self.store.log(self.trainer.done, self.seconds, judged)

    def _update(self) -> UpdateMetrics:
        machine = self.config.machine
        with arithmetic(self.device, machine.precision, machine.compile == "graphs"), pyro.validation_enabled(False):
            return self.trainer.update()

    def _validate(self) -> dict[str, float]:
        with arithmetic(self.device, self.config.machine.precision):
            return self.validation.measure(self.model, self.store.picture)

    def _fit_validation(self) -> float:
        training = self.config.training
        most = EVALUATION_SHARE * 60 * training.minutes if training.validation_problems is None else math.inf
        with arithmetic(self.device, self.config.machine.precision):
            return self.validation.fit(self.model, self.store.picture, self.clock, most)
