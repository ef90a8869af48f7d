"""Run notebooks and store what they show: `python notebooks/run.py [FILE ...]`."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from gram_pyro.system.files import write_atomically

HERE = Path(__file__).parent


def run(path: Path) -> None:
    """Execute a notebook in its folder and write it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, resources=place, record_timing=False, coalesce_streams=True).execute()
    notebook.metadata.language_info = {"name": "python"}  # not the version, which changes
    write_atomically(path, nbformat.writes(notebook).encode())


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # the same sums on every machine
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # Pyro asks for widgets that nobody needs
    for name in sys.argv[1:] or sorted(HERE.glob("*.ipynb")):
        run(Path(name))
