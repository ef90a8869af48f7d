"""Value and halt heads for a run that has none, or new ones: `python -m gram_pyro.train_heads RUN`."""

from dataclasses import dataclass, replace
from typing import Annotated

from tyro.conf import Positional, arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.options import Device
from gram_pyro.runs.checkpoint import checkpoints, locked, read_latest, save_checkpoint
from gram_pyro.runs.config import from_json
from gram_pyro.runs.store import load_run, publish
from gram_pyro.system.cli import parse
from gram_pyro.training import validation
from gram_pyro.training.heads import HeadsTrainer, judge_heads

MAX_ROUNDS = 10**6


@dataclass(frozen=True)
class TrainHeadsConfig:
    """Train value and halt heads for a trained model, and store them with it."""

    run: Annotated[Positional[str], arg(metavar="RUN")]
    """Run folder; its model stays as it is."""
    rounds: int = 40
    """Rounds of 128 trajectories each."""
    problems: int = 5000
    """Training problems that the trajectories are drawn from."""
    seed: int = 0
    """Seed of heads and trajectories."""
    device: Device = "auto"


def main(arguments: list[str]) -> None:
    """Train heads, judge and store them. Raises `UserError` on wrong input."""
    config: TrainHeadsConfig = parse(TrainHeadsConfig, "gram_pyro.train_heads", arguments)
    if not 1 <= config.rounds <= MAX_ROUNDS or not 1 <= config.problems <= MAX_ROUNDS or not 0 <= config.seed < 2**32:
        bounds = f"--rounds and --problems must lie between 1 and {MAX_ROUNDS:,}"
        raise UserError(f"{bounds}, --seed between 0 and 2**32 - 1")
    run = load_run(config.run, config.device)
    task, folder = run.task, run.folder
    if folder is None:
        raise UserError(f"{config.run} came with the package; heads are stored with a run of one's own")
    problems = task.generate("train", config.problems, config.seed)
    trainer = HeadsTrainer(task, run.model, problems, run.depth, config.rounds, config.seed)
    trainer.train()
    unseen = task.generate("validation", validation.PROBLEMS, config.seed)
    judged = judge_heads(task, run.model, trainer.heads, unseen, run.depth, config.seed)
    with locked(folder):
        stored = from_json(folder / "config.json")
        state = read_latest(folder) if checkpoints(folder) else None
        if state is not None and state["trainer"]["done"] == stored.training.updates:
            save_checkpoint(folder, state["trainer"]["done"], state | {"heads": trainer.heads.state_dict()})
        stored = replace(stored, training=replace(stored.training, head_rounds=config.rounds))
        publish(folder, stored, run.model, run.guide, trainer.heads)
    measures = ", ".join(f"{name} {'-' if value is None else format(value, '.3f')}" for name, value in judged.items())
    print(f"{folder}: on unseen problems, {measures}")


if __name__ == "__main__":
    run_cli(main)
