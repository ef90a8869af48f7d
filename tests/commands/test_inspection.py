"""The command that looks inside."""

import json
from pathlib import Path

import pytest

from gram_pyro import inspection
from gram_pyro.errors import UserError

FEW = ["--samples", "3", "--draws", "4"]


@pytest.fixture
def path(folder: Path) -> Path:
    """A file with a path of three vertices."""
    file = folder / "path.edges"
    file.write_text("0 1\n1 2\n")
    return file


def test_a_person_reads_three_sentences_and_finds_a_picture(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspection.main(["tiny", "--graph", path.name, *FEW])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("prior right at the end: ") and " nats in 2 transitions, " in lines[1]
    assert lines[2].startswith("2 solutions, p(solution | x) ")
    assert lines[3] == "picture: path-inspection.png" and Path("path-inspection.png").stat().st_size > 1000


def test_json_has_a_number_a_step_and_a_solution(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspection.main(["tiny", "--graph", path.name, *FEW, "--steps", "3", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert len(found["prior_validity"]) == len(found["posterior_validity"]) == len(found["kl"]) == 3
    assert found["target"] in found["solutions"] and len(found["probability"]) == 2
    assert 0 < sum(found["probability"]) <= 1.5
    assert not [*path.parent.glob("*.png")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"missing: --graph FILE, the graph to solve; see python -m gram_pyro\.inspection --help"),
        (["--graph", "path.edges", "--out", "a.txt"], r"--out must be a \.png file or a folder, not a\.txt"),
        (["--graph", "path.edges", "--samples", "0"], "samples must be a whole number from 1"),
        (["--graph", "k4.edges"], "the graph is not 3-colorable: there is no answer to show the posterior"),
    ],
)
def test_wrong_input_is_one_sentence(path: Path, arguments: list[str], message: str) -> None:
    Path("k4.edges").write_text("0 1\n0 2\n0 3\n1 2\n1 3\n2 3\n")
    with pytest.raises(UserError, match=message):
        inspection.main(["tiny", *arguments])
