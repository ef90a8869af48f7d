"""What `--help` shows: main options with their values first, then groups, in a terminal of any width."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

import pytest

from gram_pyro import __main__
from gram_pyro.comparison.config import choices
from gram_pyro.comparison.systems import TABLES
from gram_pyro.errors import UserError
from gram_pyro.guides import GUIDES
from gram_pyro.models import MODELS
from gram_pyro.runs.shipped import SHIPPED
from gram_pyro.tasks import TASKS
from gram_pyro.training.objective import OBJECTIVES

Page = Callable[..., list[str]]
GROUPS = {
    "train": ["", "duration", "optimisation", "trajectory", "objective and KL", "machine", "output", "task", "model"],
    "evaluate": ["", "trajectory", "machine", "output"],
    "sample": ["", "trajectory", "output"],
    "arc": ["", "trajectory", "output"],
    "compare": ["", "budget"],
    "inspect": [""],
    "program": [""],
    "train_heads": [""],
    "playground": [""],
    "export": [""],
    "fetch": [""],
}
SAMPLING = """--categorical --halt --halt-patience --halt-threshold --no-categorical --no-random-start --no-resample
        --noise --random-start --repel --repel-iterations --repel-steps --resample --samples --seed --select --steps
        --draft --draft-times --device --json --out --help"""
OPTIONS = {
    "train": """--accumulate --balance --batch --beta --clip --compile --constraint-weight --continue --deep-supervision
        --depth --device --draft-weight --ema --evaluations --final-rate --guide --head-rounds --help --horizon --init
        --kl-decay --kl-rate --kl-target --kl-target-start --kl-tilt --kl-transitions --learning-rate --log --minutes
        --model --model.core --model.draft --model.draft-times --model.guidance --model.heads --model.hidden
        --model.layers --model.mean
        --model.memory --model.no-guidance --model.no-mean --model.no-pooled
        --model.no-variance --model.pooled --model.receiver --model.refinements --model.transitions
        --model.variance --model.width --no-deep-supervision --no-recompute --objective --out --particles
        --precision --preset --prior-fraction --problems --recompute --resume --seed --shortest --task
        --task.data --task.edge-probability --task.families --task.k --task.layout --task.mean-degrees --task.n
        --task.names --task.no-positions --task.positions --task.train-colors --task.train-sizes
        --threads --updates --validation-problems --warmup --weight-decay""",
    "evaluate": f"""{SAMPLING} --boards --bound --compile --data-seed --graphs --no-bound --precision --problems
        --puzzles --skip-bad""",
    "sample": f"{SAMPLING} --animate --board --colors --graph --image --problem --puzzle",
    "arc": """--categorical --device --halt --halt-patience --halt-threshold --help --json --no-categorical
        --no-random-start --no-resample --noise --predictions --puzzles --random-start --repel --repel-iterations
        --repel-steps --resample --samples --seed --steps --submission --views""",
    "compare": """--ablate --data-seed --device --equal --generation --help --inputs --jobs --known --minutes --models
        --out --posteriors --precision --problems --results --samples --seeds --task --task-options --threads
        --training-options""",
    "inspect": """--board --device --draft --draft-times --draws --graph --help --image --json --out --problem --puzzle
        --samples --seed --steps""",
    "program": "--help --model --out --steps --task",
    "train_heads": "--device --help --problems --rounds --seed",
    "playground": "--browser --help --no-browser --port --runs",
    "export": "--draft --help --out",
    "fetch": "--help --out",
}
"""Names that scripts rely on, for coloring and GRAM."""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Page:
    """Return the help of a command as its lines."""

    def read(command: str, *arguments: str, columns: int = 100) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as stop:
            import_module(f"gram_pyro.{__main__.MODULES[command]}").main([*arguments, "--help"])
        assert not stop.value.code
        return capfd.readouterr().out.splitlines()

    return read


def box(lines: list[str], title: str) -> str:
    """The text of a box, as one line."""
    text = "\n".join(lines).partition(f" {title} ")[2].partition("╰")[0]
    return " ".join(re.sub("[─╭╮│]", " ", text).split())


@pytest.mark.parametrize("command", GROUPS)
def test_groups_come_in_order_and_fit_the_terminal(page: Page, command: str) -> None:
    lines = page(command)
    titles = [line.strip("╭╮─ ") for line in lines if line.startswith("╭")]
    assert [title for title in titles if "options" in title] == [f"{name} options".strip() for name in GROUPS[command]]
    assert lines[0].startswith(f"usage: python -m gram_pyro.{__main__.MODULES[command]} ")
    assert lines[2].rstrip(".").lower() == __main__.COMMANDS[command].lower()
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("command", OPTIONS)
def test_options_keep_their_names(page: Page, command: str) -> None:
    rows = re.findall(r"^│ (-.*)", "\n".join(page(command)), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"(--[\w.-]+)", row.partition("  ")[0])}
    assert names == {*OPTIONS[command].split()}


def test_main_options_say_what_may_be_chosen(page: Page) -> None:
    main = box(page("train"), "options")
    for what, names in (("task", TASKS), ("model", MODELS), ("guide", GUIDES)):
        assert re.search(rf"--{what} NAME [^:]*: {', '.join(names)}, or FILE\.py:Name or module:Name\.", main)
    assert f"--objective {{{','.join(OBJECTIVES)}}}" in main and "--preset cpu|paper" in main
    checkpoints = ", ".join(sorted(path.name for path in SHIPPED.iterdir()))
    for command in ("evaluate", "sample", "inspect"):
        assert f"{checkpoints}. (required)" in box(page(command), "positional arguments")
    assert all(", ".join(choices(table)) in box(page("compare"), "options") for table in TABLES)


def test_each_option_says_itself_in_two_lines(page: Page) -> None:
    for command in GROUPS:
        rows = re.split(r"\n│ (?=-)", "\n".join(page(command)))[1:]
        texts = {row.split()[0]: row.partition("\n╰")[0].splitlines() for row in rows}
        own_line = {name: not text[0].partition("  ")[2].strip("│ ") for name, text in texts.items()}
        long = {name for name, text in texts.items() if len(text) - own_line[name] > 2}
        assert long <= {"--guide", "--ablate", "--posteriors", "--board", "--task.families"}, (
            command
        )  # lists of names, and of files


def test_a_recipe_and_the_options_of_another_task_are_shown(page: Page) -> None:
    lines = page("train", "--task", "sudoku")
    assert "(default: sudoku)" in box(lines, "options") and "(default: diffusion)" in box(lines, "options")
    assert "--task.level" in box(lines, "task options") and "--task.k" not in box(lines, "task options")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_wrong_option_is_named_in_a_terminal_of_any_width(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for command, right, wrong in (("train", "--kl-rate", "--kl-rat"), ("evaluate", "--noise", "--nois")):
        with pytest.raises(UserError, match=rf"unknown option {wrong}; perhaps you meant.* {right}\b"):
            import_module(f"gram_pyro.{command}").main([right, "1", "--seed", "1", wrong, "1"])
