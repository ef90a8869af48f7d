"""Cells of square boards, numbered row by row."""

from __future__ import annotations


def place(size: int, cell: int) -> str:
    """A cell in words, rows and columns counted from 1."""
    return f"row {cell // size + 1}, column {cell % size + 1}"
