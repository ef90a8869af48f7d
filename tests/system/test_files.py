"""Files in general: what a board, a graph and a puzzle have in common."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from gram_pyro.errors import UserError
from gram_pyro.system.files import ending, file_bytes, naming, read_path, text_lines
from gram_pyro.tasks.nqueens.boards import Board
from gram_pyro.tasks.nqueens.files import ENDINGS, MAX_BYTES, read_board

BOARD = b"..Q.\nQ...\n...Q\n.Q..\n"


def test_the_ending_is_that_of_the_content() -> None:
    for name, plain in (("a.col", ".col"), ("A.COL.GZ", ".col"), ("gz", "")):
        assert ending(Path(name)) == plain


def test_content_is_read_to_the_limit(tmp_path: Path) -> None:
    for name, written in (("a", b"x" * 2048), ("a.gz", gzip.compress(b"x" * 2048))):
        (tmp_path / name).write_bytes(written)
        assert file_bytes(tmp_path / name, limit=2048) == b"x" * 2048
        with pytest.raises(UserError, match="of data, which is the most"):
            file_bytes(tmp_path / name, limit=2047)


def test_lines_are_numbered_and_the_byte_order_mark_is_gone() -> None:
    assert [*text_lines(b"\xef\xbb\xbfa\n\nb \xc3\xa9")] == [(1, "a\n"), (2, "\n"), (3, "b é")]
    with pytest.raises(UserError, match="line 2: not UTF-8 text"):
        list(text_lines(b"a\n\xe9"))


def test_errors_say_where() -> None:
    with pytest.raises(UserError, match=r"^my\.file: line 3: wrong$"), naming(Path("my.file")), naming("line 3"):
        raise UserError("wrong")


def test_the_kind_of_file_is_named(tmp_path: Path) -> None:
    for kind in ("graph", "puzzle"):
        with pytest.raises(UserError, match=f"folder, not a {kind} file"):
            file_bytes(tmp_path, kind)
        with pytest.raises(UserError, match=f"no {kind} file in this folder; endings read there are .a, .b"):
            read_path(str(tmp_path), (".a", ".b"), kind, Path)


def test_boards_may_be_gzipped(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(BOARD)
    (tmp_path / "a.board.gz").write_bytes(gzip.compress(BOARD))
    (tmp_path / "notes.md").write_text("no board")
    (tmp_path / "folder.txt").mkdir()
    found = read_path(str(tmp_path), ENDINGS, "board", lambda path: (path.name, read_board(path)))
    assert found == [(name, Board(4, (2, 4, 11, 13))) for name in ("a.board.gz", "b.txt")]


def test_what_is_left_out_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def read(path: Path) -> str:
        if path.stem.isdigit():
            raise UserError(f"{path.name} is wrong")
        return path.stem

    for name in (*"123456789", "good"):
        (tmp_path / f"{name}.a").touch()
    with pytest.raises(UserError, match=r"1\.a is wrong"):
        read_path(str(tmp_path), (".a",), "problem", read)
    assert read_path(str(tmp_path), (".a",), "problem", read, skip_bad=True) == ["good"]
    said = capsys.readouterr().err
    assert said.startswith("9 of 10 files") and said.endswith("5.a is wrong; ...\n") and said.count("wrong") == 5
    (tmp_path / "good.a").unlink()
    with pytest.raises(UserError, match=r"1\.a is wrong"):
        read_path(str(tmp_path), (".a",), "problem", read, skip_bad=True)
    with pytest.raises(UserError, match=r"2\.a is wrong"):
        read_path(str(tmp_path / "2.a"), (".a",), "problem", read, skip_bad=True)


def test_wrong_board_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(BOARD)[:-12])
    (tmp_path / "plain.txt.gz").write_bytes(BOARD)
    (tmp_path / "large.txt").write_bytes(BOARD + b"\n" * MAX_BYTES)
    for name, words in (
        ("", "this is a folder, not a board file"),
        ("pipe.txt", "not an ordinary file"),
        ("cut.txt.gz", "cut off before its end"),
        ("plain.txt.gz", "not a sound gzip file"),
        ("large.txt", "more than 1 MiB of data"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            read_board(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    for missing in ("", " ", str(tmp_path / "none")):
        with pytest.raises(UserError, match="no such file"):
            read_path(missing, ENDINGS, "board", read_board)
