"""The numbers on README and pages are those of stored results and publications."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.table import TABLES, names_of, table

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in (ROOT / "tests/claims").glob("*.py") if path.stem not in ("__init__", "sources"))
NUMBER = r"(?<![\w.,/-])\d{1,3}(?:,\d{3})+|(?:(?<![^ |(])-(?=0\.))?(?<![\w.,])\d+(?:\.\d+)?"
DECIMAL = r"(?<![\w.,])\d+\.\d+(?![\w.]*\d)"


def page_of(module: ModuleType) -> Path:
    """The page that a module of claims is about."""
    name = module.__name__.rpartition(".")[2]
    return ROOT / "README.md" if name == "readme" else ROOT / "docs" / f"{name.replace('_', '-')}.md"


def claims(name: str) -> ModuleType:
    return import_module(f"tests.claims.{name}")


def numbers(text: str) -> list[str]:
    """The numbers of a text, but for those in code and links."""
    return re.findall(NUMBER, bare(text))


def bare(text: str) -> str:
    """A page without code, links and the names of sizes."""
    for kind in (r"```.*?```", r"^    .*$", r"`[^`]*`", r"\]\([^)]*\)", r"<[^>]*>"):
        text = re.sub(kind, " ", text, flags=re.DOTALL if "```" in kind else re.MULTILINE)
    return text


@cache
def printed() -> set[str]:
    """The rows of the tables that a command prints, without their labels."""
    lines = [line for kind in TABLES for name in names_of(kind) for line in table(kind, name).splitlines()]
    return {line.split("|", 2)[2] for line in lines if line.startswith("|")}


@pytest.mark.parametrize("name", MODULES)
def test_numbers_are_those_that_were_measured(name: str) -> None:
    module = claims(name)
    text = " ".join(page_of(module).read_text(encoding="utf-8").split())
    for fragment, values in module.CLAIMS.items():
        assert fragment in text
        said = numbers(fragment)
        assert len(said) == len(values), fragment
        for number, value in zip(said, values, strict=True):
            digits = len(number.partition(".")[2])
            assert abs(float(number.replace(",", "")) - value) <= 0.5 * 10**-digits + 1e-9, (fragment, number, value)


def unprinted(page: Path) -> str:
    """The text of a page without code and generated rows."""
    rows = printed()
    lines = page.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not (line.startswith("|") and line.split("|", 2)[2] in rows))
    return " ".join(bare(text).split())


@pytest.mark.parametrize("name", MODULES)
def test_no_number_is_left_out(name: str) -> None:
    module = claims(name)
    text = unprinted(page_of(module))
    for fragment in sorted(module.CLAIMS, key=len, reverse=True):
        text = text.replace(" ".join(bare(fragment).split()), " ")
    assert not {*re.findall(DECIMAL, text)} - {*module.SETTINGS}


def test_every_page_with_numbers_has_claims() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    measured = {page for page in pages if re.search(DECIMAL, unprinted(page))}
    assert measured <= {page_of(claims(name)) for name in MODULES}
