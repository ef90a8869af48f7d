"""Sudoku grids from nothing."""
