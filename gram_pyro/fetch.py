"""Fetch public data: `python -m gram_pyro.fetch mnist` puts its files into `data/mnist`."""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.request import urlopen

from tyro.conf import Positional, arg

from gram_pyro.errors import UserError, run_cli
from gram_pyro.system.cli import parse
from gram_pyro.system.files import make_folder, write_atomically

PATIENCE = 30.0  # seconds without a byte after which a mirror is given up
MOST = 2**26  # bytes of a file


class DataSet(NamedTuple):
    """Gzipped files on mirrors, with the SHA-256 of what is in them: archives differ where their content does not."""

    mirrors: tuple[str, ...]
    files: dict[str, str]


MNIST = DataSet(
    ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    {
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)
DATA_SETS = {"mnist": MNIST}


@dataclass(frozen=True)
class FetchConfig:
    """Fetch a public data set, and check that it is what it should be."""

    name: Annotated[Positional[str], arg(metavar="|".join(DATA_SETS))]
    """Data set."""
    out: Annotated[str, arg(metavar="FOLDER", help_behavior_hint="(default: data/NAME)")] = ""
    """Folder for its files; those that lie there already and are right stay."""


def is_sound(archive: bytes, digest: str) -> bool:
    """Return whether a gzip file holds what it should."""
    try:
        return hashlib.sha256(gzip.decompress(archive)).hexdigest() == digest
    except (OSError, EOFError, zlib.error):
        return False


def download(mirrors: Sequence[str], name: str, digest: str) -> bytes:
    """Return a file from the first mirror that has it sound. Raises `UserError` if none has."""
    reasons = []
    for mirror in mirrors:
        try:
            with urlopen(f"{mirror}/{name}", timeout=PATIENCE) as answer:
                archive: bytes = answer.read(MOST)
        except (OSError, HTTPException) as error:
            reasons.append(f"{mirror}: {getattr(error, 'reason', None) or error or type(error).__name__}")
            continue
        if is_sound(archive, digest):
            return archive
        reasons.append(f"{mirror}: the file is another, or damaged")
    raise UserError(f"{name} cannot be fetched ({'; '.join(reasons)}); put it into the folder yourself")


def main(arguments: list[str]) -> None:
    """Fetch what is missing. Raises `UserError` for an unknown data set, or without a network."""
    config: FetchConfig = parse(FetchConfig, "gram_pyro.fetch", arguments)
    if config.name not in DATA_SETS:
        raise UserError(f"unknown data set {config.name!r}; known are {', '.join(DATA_SETS)}")
    data_set, folder = DATA_SETS[config.name], Path(config.out or f"data/{config.name}")
    make_folder(folder)
    for name, digest in data_set.files.items():
        path = folder / name
        if path.is_file() and is_sound(path.read_bytes(), digest):
            continue
        write_atomically(path, download(data_set.mirrors, name, digest))
        print(path, flush=True)
    print(f"next: python -m gram_pyro.train --task digits --task.data {folder}")


if __name__ == "__main__":
    run_cli(main)
