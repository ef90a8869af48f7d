"""Files in general: what a board, a graph and a puzzle have in common."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from gram_pyro.errors import UserError
from gram_pyro.system.files import check_file, ending, file_bytes, folder_files, is_gzip, naming, text_lines
from gram_pyro.tasks.nqueens.files import MAX_BYTES, read_board, read_boards

BOARD = b"..Q.\nQ...\n...Q\n.Q..\n"


def test_the_ending_is_that_of_the_content() -> None:
    for name, plain, packed in (("a.col", ".col", False), ("A.COL.GZ", ".col", True), ("gz", "", False)):
        assert (ending(Path(name)), is_gzip(Path(name))) == (plain, packed)


def test_content_is_read_to_the_limit(tmp_path: Path) -> None:
    for name, written in (("a", b"x" * 2048), ("a.gz", gzip.compress(b"x" * 2048))):
        (tmp_path / name).write_bytes(written)
        assert file_bytes(tmp_path / name, 2048) == b"x" * 2048
        with pytest.raises(UserError, match="of data, which is the most"):
            file_bytes(tmp_path / name, 2047)


def test_lines_are_numbered_and_the_byte_order_mark_is_gone() -> None:
    assert [*text_lines(b"\xef\xbb\xbfa\n\nb \xc3\xa9")] == [(1, "a\n"), (2, "\n"), (3, "b é")]
    with pytest.raises(UserError, match="line 2: not UTF-8 text"):
        list(text_lines(b"a\n\xe9"))


def test_errors_say_where() -> None:
    with pytest.raises(UserError, match=r"^my\.file: line 3: wrong$"), naming(Path("my.file")), naming("line 3"):
        raise UserError("wrong")


def test_the_kind_of_file_is_named(tmp_path: Path) -> None:
    for noun in ("graph", "puzzle"):
        with pytest.raises(UserError, match=f"folder, not a {noun} file"):
            check_file(tmp_path, noun)
        with pytest.raises(UserError, match=f"no {noun} file in this folder; endings read there are .a, .b"):
            folder_files(tmp_path, (".a", ".b"), noun)


def test_boards_may_be_gzipped(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(BOARD)
    (tmp_path / "a.board.gz").write_bytes(gzip.compress(BOARD))
    (tmp_path / "notes.md").write_text("no board")
    (tmp_path / "folder.txt").mkdir()
    found = read_boards(tmp_path)
    assert [name for name, _ in found] == ["a.board.gz", "b.txt"]
    for _, board in found:
        np.testing.assert_array_equal(board.argmax(1), [2, 0, 3, 1])


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
    with pytest.raises(UserError, match="not a folder that can be read"):
        read_boards(tmp_path / "none")
