"""Files that a user gives: plain or gzipped, read whole, and what may be wrong with them in one sentence."""

import codecs
import errno
import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from gram_pyro.errors import UserError

T = TypeVar("T")

MAX_BYTES = 1 << 29
MAX_NAMED = 5  # most parts left out whose errors are printed

is_file, is_folder = os.path.isfile, os.path.isdir  # also where a text cannot be a name at all


@contextmanager
def naming(where: object) -> Iterator[None]:
    """Put the name of the file, or of a place in it, in front of any `UserError` raised inside."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def ending(path: Path) -> str:
    """Return the ending that names the format: `.col` for `a.col` and `A.COL.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def file_bytes(path: Path, kind: str = "problem", limit: int = MAX_BYTES) -> bytes:
    """Return the unpacked content of a file. Raises `UserError` if it is empty, too large or no ordinary file."""
    try:
        if path.is_dir():
            raise UserError(f"this is a folder, not a {kind} file")
        if not path.exists():
            raise UserError("no such file")
        if not path.is_file():  # a pipe or a device could block for ever
            raise UserError("not an ordinary file")
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            content = stream.read(limit + 1)
    except (gzip.BadGzipFile, zlib.error):
        raise UserError("the name ends in .gz, but this is not a sound gzip file") from None
    except EOFError:
        raise UserError("the gzip file is cut off before its end") from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror or error})") from None
    if not content:
        raise UserError("the file is empty")
    if len(content) > limit:
        raise UserError(f"more than {limit >> 20} MiB of data, which is the most that is read")
    return content


def text_lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of each line. Raises `UserError` where the text is not UTF-8."""
    for number, line in enumerate(io.BytesIO(content.removeprefix(codecs.BOM_UTF8)), 1):
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            raise UserError(f"line {number}: not UTF-8 text") from None


def read_path(
    path: str, endings: Collection[str], kind: str, read: Callable[[Path], T], skip_bad: bool = False
) -> list[T]:
    """Return what `read` makes of a file, or of each file of a folder with one of the endings, sorted by name.

    Raises `UserError` if there is no such file, or if one is bad. With `skip_bad`, bad files of a folder are left out
    and named on standard error, unless all of them are bad.
    """
    if not path.strip():
        raise UserError(f"{path!r}: no such file")
    if not is_folder(path):
        return [read(Path(path))]
    with naming(path):
        try:
            paths = sorted(each for each in Path(path).iterdir() if ending(each) in endings and not each.is_dir())
        except OSError as error:
            raise UserError(f"not a folder that can be read ({error.strerror or error})") from None
        if not paths:
            raise UserError(f"no {kind} file in this folder; endings read there are {', '.join(endings)}")
    contents: list[T] = []
    errors: list[str] = []
    for each in paths:
        try:
            contents.append(read(each))
        except UserError as error:
            errors.append(str(error))
    check_left_out(errors, len(paths), f"files in {path}", skip_bad)
    return contents


def check_left_out(errors: Sequence[str], total: int, parts: str, skip_bad: bool) -> None:
    """Name bad parts, of `total`, on standard error. Raises `UserError` if none may be left out, or none remains."""
    if errors and (not skip_bad or len(errors) == total):
        raise UserError(errors[0])
    if errors:
        more = "; ..." * (len(errors) > MAX_NAMED)
        print(f"{len(errors)} of {total} {parts} left out: {'; '.join(errors[:MAX_NAMED])}{more}", file=sys.stderr)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises `UserError` if the disk will not take it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        full = "free some space or " if error.errno == errno.ENOSPC else ""
        raise UserError(f"cannot write {path}: {error.strerror}; {full}choose another place") from error


def make_folder(folder: Path) -> None:
    """Make a folder. Raises `UserError` if the system will not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}; choose another") from error
